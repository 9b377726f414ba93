package core

import "sync"

// A latch is something that happens once and that others may wait for. Few of the many that a
// connection has are ever waited for, so that each makes its channel only then. Its zero value
// has not happened.
type latch struct {
	mu       sync.Mutex // guards the fields below
	ch       chan struct{}
	happened bool
}

// wait returns a channel that is closed once it has happened.
func (l *latch) wait() <-chan struct{} {
	l.mu.Lock()
	if l.ch == nil {
		l.ch = make(chan struct{})
		if l.happened {
			close(l.ch)
		}
	}
	ch := l.ch
	l.mu.Unlock()
	return ch
}

// happen must be called once.
func (l *latch) happen() {
	l.mu.Lock()
	l.happened = true
	if l.ch != nil {
		close(l.ch)
	}
	l.mu.Unlock()
}
