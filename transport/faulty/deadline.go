package faulty

import (
	"sync"
	"time"
)

// A deadline is the time until which one direction may wait because of a fault.
// The stream below has the same deadline for its own waits.
type deadline struct {
	mu     sync.Mutex // guards the fields below
	timer  *time.Timer
	passed chan struct{} // closed when the deadline has passed
}

func newDeadline() deadline { return deadline{passed: make(chan struct{})} }

// set changes the deadline, also for waits that are under way. The zero time removes it.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.passed // the timer is about to close it
	}
	d.timer = nil
	over := isClosed(d.passed)
	left := time.Until(t)
	switch {
	case !t.IsZero() && left <= 0:
		if !over {
			close(d.passed)
		}
		return
	case over:
		d.passed = make(chan struct{})
	}
	if !t.IsZero() {
		passed := d.passed
		d.timer = time.AfterFunc(left, func() { close(passed) })
	}
}

// done returns a channel that is closed when the deadline has passed.
func (d *deadline) done() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.passed
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
