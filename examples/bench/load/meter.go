package load

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A Meter measures work: the messages that come during a time, after a shorter one that does not
// count, and what the server needs for them.
type Meter struct {
	Warm, Measure time.Duration

	// CPU asks the server how much processor time it has used.
	CPU func() (time.Duration, error)

	// Calls, if it is set, says how many reads and writes the server has asked its system for.
	Calls func() (reads, writes uint64)

	// Drain is how long what is in flight at the end may take to come.
	Drain time.Duration

	Result Result

	stop      atomic.Bool // nothing new is sent
	measuring atomic.Bool
}

// A Result is what a Meter has found.
type Result struct {
	Messages uint64 // received in Elapsed
	Elapsed  time.Duration
	CPU      time.Duration // of the server, meanwhile

	Reads, Writes uint64 // that the server asked its system for, meanwhile

	P50, P99 time.Duration // latency, for work at a fixed rate
}

// Rate is how many messages were received in a second.
func (r Result) Rate() float64 { return float64(r.Messages) / r.Elapsed.Seconds() }

// run runs work for each connection, measures what they count, and waits until they have ended.
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
		deadline := time.Now().Add(2 * m.Drain) // who counts can say before what is missing
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

// measure returns early with what goes wrong.
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
		// One message at least there must be, however slow the machine is.
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

// sample takes time and count when the server has answered, so that they belong to its answer.
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
