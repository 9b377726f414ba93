package core

import (
	"context"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/latch"
)

// A lifetime is how long a connection runs. It counts the goroutines of the connection, each of which
// has been entered by somebody who counts already; the last one to leave finishes the connection.
type lifetime struct {
	ctx    context.Context // of handlers; ends with the connection
	cancel context.CancelCauseFunc

	running    atomic.Int32
	streamDone latch.Latch // the stream is closed for good
	closeFault *Error      // what Close did not bring over; set before streamDone happens
	done       latch.Latch // nothing runs any more
}

// begin counts the first goroutine, the connection's reader. The connection is c.
func (l *lifetime) begin(parent context.Context, c *Conn) {
	l.ctx, l.cancel = context.WithCancelCause(context.WithValue(parent, connKey{}, c))
	l.running.Store(1)
}

// enter counts n more goroutines. The caller counts already.
func (l *lifetime) enter(n int32) { l.running.Add(n) }

// tryEnter counts one more goroutine, unless the last has left.
func (l *lifetime) tryEnter() bool {
	for {
		n := l.running.Load()
		if n == 0 {
			return false
		}
		if l.running.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leave notes that a goroutine leaves, and reports whether it is the last.
func (l *lifetime) leave() (last bool) { return l.running.Add(-1) == 0 }

// connKey is the key under which a handler's context holds its connection.
type connKey struct{}

// handlerConn returns the connection whose handler ctx belongs to, or nil.
func handlerConn(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}
