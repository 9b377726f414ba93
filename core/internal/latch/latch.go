// Package latch has something that happens once and that others may wait for. It is a leaf: it
// imports the standard library only, and other packages below core/internal may import it.
package latch

import "github.com/hisock/hisock/core/internal/lock"

// closed is the channel of what had happened before anybody waited for it.
var closed = make(chan struct{})

func init() { close(closed) }

// A Latch is something that happens once and that others may wait for. Few of the many that a
// connection has are ever waited for, so that each makes its channel only then. Its zero value
// has not happened.
type Latch struct {
	mu lock.Mutex[lock.Latch]
	ch chan struct{} // closed if it has happened; nil before that while nobody waits; guarded by mu
}

// Wait returns a channel that is closed once it has happened.
func (l *Latch) Wait() <-chan struct{} {
	l.mu.Lock()
	if l.ch == nil {
		l.ch = make(chan struct{})
	}
	ch := l.ch
	l.mu.Unlock()
	return ch
}

// Happen must be called once.
func (l *Latch) Happen() {
	l.mu.Lock()
	if l.ch == nil {
		l.ch = closed
	} else {
		close(l.ch)
	}
	l.mu.Unlock()
}
