// Package latch has a type for an event that happens once and that others may wait for.
package latch

import "github.com/hisock/hisock/core/internal/lock"

// closed is the channel of every Latch that has happened before anybody waited for it.
var closed = make(chan struct{})

func init() { close(closed) }

// A Latch is an event that happens once and that others may wait for. Few of the many latches of a
// connection are ever waited for, so each makes its channel only when it is. The zero value
// has not happened.
type Latch struct {
	mu lock.Mutex[lock.Latch]
	ch chan struct{} // closed if it has happened; nil before that while nobody waits; guarded by mu
}

// Wait returns a channel that is closed once Happen has been called.
func (l *Latch) Wait() <-chan struct{} {
	l.mu.Lock()
	if l.ch == nil {
		l.ch = make(chan struct{})
	}
	ch := l.ch
	l.mu.Unlock()
	return ch
}

// Happen makes the event happen. It must be called only once.
func (l *Latch) Happen() {
	l.mu.Lock()
	if l.ch == nil {
		l.ch = closed
	} else {
		close(l.ch)
	}
	l.mu.Unlock()
}
