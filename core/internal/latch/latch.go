// Package latch has something that happens once and that others may wait for. It is a leaf: it
// imports the standard library only, and other packages below core/internal may import it.
package latch

import "sync"

// A Latch is something that happens once and that others may wait for. Few of the many that a
// connection has are ever waited for, so that each makes its channel only then. Its zero value
// has not happened.
type Latch struct {
	mu       sync.Mutex // guards the fields below
	ch       chan struct{}
	happened bool
}

// Wait returns a channel that is closed once it has happened.
func (l *Latch) Wait() <-chan struct{} {
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

// Happen must be called once.
func (l *Latch) Happen() {
	l.mu.Lock()
	l.happened = true
	if l.ch != nil {
		close(l.ch)
	}
	l.mu.Unlock()
}
