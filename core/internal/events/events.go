// Package events runs functions that tell the program what has happened, one after the other, and not on the goroutines
// that have found it out.
package events

import "github.com/hisock/hisock/core/internal/lock"

// A Line holds the events of one connection in their order. Its zero value is empty. All methods are
// safe for concurrent use, and no lock is held while an event runs.
type Line struct {
	mu      lock.Mutex[lock.Events] // guards the fields below
	waiting []*Event                // the first may be running
	taken   bool                    // a goroutine runs events, or Hold holds them back
}

// An Event is a function that has been added to a Line.
type Event struct {
	run  func()
	done chan struct{}
}

// Done returns a channel that is closed when the function has returned, or has ended its goroutine.
func (e *Event) Done() <-chan struct{} { return e.done }

// Add adds a function. If start is true no goroutine runs events, and the caller must make one call Run.
func (l *Line) Add(run func()) (e *Event, start bool) {
	e = &Event{run, make(chan struct{})}
	l.mu.Lock()
	l.waiting = append(l.waiting, e)
	start = !l.taken
	l.taken = true
	l.mu.Unlock()
	return e, start
}

// Hold holds events back until Free. It is called before the first Add.
func (l *Line) Hold() {
	l.mu.Lock()
	l.taken = true
	l.mu.Unlock()
}

// Free ends Hold. If start is true the caller must make a goroutine call Run.
func (l *Line) Free() (start bool) {
	l.mu.Lock()
	start = len(l.waiting) > 0
	l.taken = start
	l.mu.Unlock()
	return start
}

// Run runs events until none waits. It does not return if an event ends the goroutine; then Run must be
// called once more.
func (l *Line) Run() {
	for e := l.first(true); e != nil; e = l.first(true) {
		l.run(e)
	}
}

// Busy reports whether there are events that have not returned.
func (l *Line) Busy() bool {
	l.mu.Lock()
	busy := len(l.waiting) > 0
	l.mu.Unlock()
	return busy
}

// RunTo runs events up to the event whose Done channel is done. It is for a goroutine that runs the events of
// many lines.
func (l *Line) RunTo(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
			if first := l.first(false); first != nil {
				l.run(first)
			}
		}
	}
}

// first returns the first event, or nil if there is none. If it returns nil and leave is true, the caller runs no more
// events.
func (l *Line) first(leave bool) *Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		if leave {
			l.taken = false
		}
		return nil
	}
	return l.waiting[0]
}

func (l *Line) run(e *Event) {
	defer func() { // also if e ends its goroutine
		l.mu.Lock()
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
		l.mu.Unlock()
		close(e.done)
	}()
	e.run()
}
