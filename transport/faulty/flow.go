package faulty

import (
	"io"
	"os"
	"time"

	"github.com/hisock/hisock/transport"
)

// A flow is one direction of a conn. All but the deadline is owned by who reads, or by
// who writes.
type flow struct {
	deadline deadline

	steps   []Step // to come
	passed  int64  // bytes
	delay   time.Duration
	dribble int
	flip    byte      // the bits of the next byte to flip
	err     error     // why it is half closed
	until   time.Time // when the pause that has begun is over; zero if none has
}

func newFlow(steps []Step) flow { return flow{deadline: newDeadline(), steps: steps} }

// clear tells whether the next n bytes pass as if there were no script.
func (f *flow) clear(n int64) bool {
	return f.delay == 0 && f.dribble == 0 && f.flip == 0 && f.err == nil &&
		(len(f.steps) == 0 || f.steps[0].At-f.passed >= n)
}

// over tells whether nothing of the script is left.
func (f *flow) over() bool { return len(f.steps) == 0 && f.clear(0) }

// pass counts bytes that have passed, p of them, and corrupts the first if it is due.
func (f *flow) pass(p []byte) {
	if f.flip != 0 && len(p) > 0 {
		p[0] ^= f.flip
		f.flip = 0
	}
	f.passed += int64(len(p))
}

// allow does what the script says of the next byte of f, and returns how many of the
// next n bytes may pass together. A step that a deadline breaks off is taken up again.
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

// late waits for as long as the next piece of f is delayed.
func (c *conn) late(f *flow) error {
	if f.delay == 0 {
		return nil
	}
	return c.pause(f, f.delay)
}

// pause waits for d, or until Close if that is zero. If the conn ends or the deadline of f
// passes before, it says so, and after a deadline the next pause is what is left of this
// one.
func (c *conn) pause(f *flow, d time.Duration) error {
	var over <-chan time.Time // none: in a bubble, time does not run on to the end of a stall without one
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

// ended returns why f cannot go on, if it cannot.
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
