package faulty

import (
	"io"
	"os"
	"time"

	"github.com/hisock/hisock/transport"
)

// A flow is one direction of a conn. The fields below deadline are owned by the reader or by
// the writer.
type flow struct {
	deadline deadline

	steps   []Step        // steps that have not been taken
	passed  int64         // bytes that have passed
	delay   time.Duration // delay of each read or write; 0 for none
	dribble int           // bytes that may pass at a time; 0 for all
	flip    byte          // bits to flip in the next byte
	err     error         // error after a half close; nil before
	until   time.Time     // end of the pause under way; zero if there is none
}

func newFlow(steps []Step) flow { return flow{deadline: newDeadline(), steps: steps} }

// clear reports whether the next n bytes pass without a fault.
func (f *flow) clear(n int64) bool {
	return f.delay == 0 && f.dribble == 0 && f.flip == 0 && f.err == nil &&
		(len(f.steps) == 0 || f.steps[0].At-f.passed >= n)
}

// over reports whether all later bytes pass without a fault.
func (f *flow) over() bool { return len(f.steps) == 0 && f.clear(0) }

// pass notes that p has passed, and corrupts its first byte if that is due.
func (f *flow) pass(p []byte) {
	if f.flip != 0 && len(p) > 0 {
		p[0] ^= f.flip
		f.flip = 0
	}
	f.passed += int64(len(p))
}

// allow takes the steps at the next byte of f, and returns how many of the
// next n bytes may pass together. If a deadline interrupts a step, the next call goes on with the step.
func (c *conn) allow(f *flow, n int) (int, error) {
	if err := c.ended(f); err != nil {
		return 0, err
	}
	for f.err == nil && len(f.steps) > 0 && f.steps[0].At <= f.passed {
		if err := c.strike(f, f.steps[0]); err != nil {
			return 0, err
		}
		f.steps = f.steps[1:]
	}
	if f.err != nil {
		return 0, f.err
	}
	if len(f.steps) > 0 {
		n = int(min(int64(n), f.steps[0].At-f.passed))
	}
	if f.dribble > 0 {
		n = min(n, f.dribble)
	}
	if f.flip != 0 {
		n = 1
	}
	return n, nil
}

func (c *conn) strike(f *flow, s Step) error {
	switch s.Do.kind {
	case delay:
		f.delay = s.Do.time
	case dribble:
		f.dribble = s.Do.n
	case corrupt:
		f.flip ^= 1 << s.Do.n
	case stall:
		return c.pause(f, s.Do.time)
	case halfClose:
		if f.err = io.EOF; s.Dir == Writing {
			f.err = &brokenError{s}
			c.stream.CloseWrite() //nolint:errcheck // the stream below may have ended already
		}
	case cut, reset:
		return c.breakOff(s)
	}
	return nil
}

// late waits for the delay of f.
func (c *conn) late(f *flow) error {
	if f.delay == 0 {
		return nil
	}
	return c.pause(f, f.delay)
}

// pause waits for d, or until Close if d is zero. If the conn ends or the deadline of f
// passes first, it fails. After a deadline the next pause waits only for the rest of this
// one.
func (c *conn) pause(f *flow, d time.Duration) error {
	var over <-chan time.Time // nil for a stall without end: in a synctest bubble, time does not jump to the end of it
	if d > 0 {
		now := time.Now()
		if f.until.IsZero() {
			f.until = now.Add(d)
		}
		timer := time.NewTimer(f.until.Sub(now))
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-c.closed:
	case <-c.broken:
	case <-f.deadline.done():
	case <-over:
		f.until = time.Time{}
		return nil
	}
	return c.ended(f)
}

// ended returns the error of an operation on f that must fail now, or nil.
func (c *conn) ended(f *flow) error {
	switch {
	case isClosed(c.closed):
		return transport.ErrClosed
	case isClosed(c.broken):
		return c.why
	case isClosed(f.deadline.done()):
		return os.ErrDeadlineExceeded
	}
	return nil
}
