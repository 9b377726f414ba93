package load

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A Meter measures a work: the messages that come during a time, after a shorter time that does not
// count, and the server's processor time for them.
type Meter struct {
	Warm, Measure time.Duration

	// CPU returns the processor time that the server has used.
	CPU func() (time.Duration, error)

	// Calls, if set, returns how many read and write system calls the server has made.
	Calls func() (reads, writes uint64)

	// Drain is how long messages in flight at the end may take to come.
	Drain time.Duration

	Result Result

	stop      atomic.Bool // no new messages are to be sent
	measuring atomic.Bool
}

// A Result has the figures of a Meter.
type Result struct {
	Messages uint64 // received in Elapsed
	Elapsed  time.Duration
	CPU      time.Duration // processor time of the server in Elapsed

	Reads, Writes uint64 // read and write system calls of the server in Elapsed

	P50, P99 time.Duration // latencies, for a work at a fixed rate
}

// Rate returns the messages received in a second.
func (r Result) Rate() float64 { return float64(r.Messages) / r.Elapsed.Seconds() }

// run runs a function for each connection, measures the messages that they count, and waits until they have ended.
func (m *Meter) run(conns []*conn, work func(i int, c *conn) error) error {
	var wg sync.WaitGroup
	failed := make(chan error, len(conns))
	for i, c := range conns {
		wg.Go(func() {
			if err := work(i, c); err != nil {
				failed <- err
			}
		})
	}
	err := m.measure(conns, failed)
	m.stop.Store(true)
	if err != nil {
		closeAll(conns)
	} else {
		deadline := time.Now().Add(2 * m.Drain) // the functions give up earlier and say which messages are missing
		for _, c := range conns {
			c.nc.SetDeadline(deadline)
		}
	}
	wg.Wait()
	close(failed)
	for more := range failed {
		if err == nil {
			err = fmt.Errorf("at the end: %w", more)
		}
	}
	return err
}

// measure measures the rate. It returns early if a function fails.
func (m *Meter) measure(conns []*conn, failed <-chan error) error {
	if err := wait(m.Warm, failed); err != nil {
		return err
	}
	m.measuring.Store(true)
	start, before, err := m.sample(conns)
	if err != nil {
		return err
	}
	if err := wait(m.Measure, failed); err != nil {
		return err
	}
	end, after, err := m.sample(conns)
	for limit := time.Now().Add(m.Drain); err == nil && after.messages == before.messages && time.Now().Before(limit); {
		// At least one message must come, however slow the machine is.
		if err := wait(time.Millisecond, failed); err != nil {
			return err
		}
		end, after, err = m.sample(conns)
	}
	m.measuring.Store(false)
	if err != nil {
		return err
	}
	m.Result.Messages = after.messages - before.messages
	m.Result.CPU = after.cpu - before.cpu
	m.Result.Reads = after.reads - before.reads
	m.Result.Writes = after.writes - before.writes
	m.Result.Elapsed = end.Sub(start)
	if m.Result.Messages == 0 {
		return errors.New("no message came")
	}
	return nil
}

func wait(d time.Duration, failed <-chan error) error {
	select {
	case err := <-failed:
		return err
	case <-time.After(d):
		return nil
	}
}

type sample struct {
	messages      uint64
	cpu           time.Duration
	reads, writes uint64
}

// sample takes the time and the count right after the server's answer, so that all three belong together.
func (m *Meter) sample(conns []*conn) (at time.Time, s sample, err error) {
	if s.cpu, err = m.CPU(); err != nil {
		return at, s, err
	}
	if m.Calls != nil {
		s.reads, s.writes = m.Calls()
	}
	for _, c := range conns {
		s.messages += c.count.Load()
	}
	return time.Now(), s, nil
}
