package core

import (
	"context"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// An owner is the Server or the Client that a connection belongs to. It decides what a connection
// does not decide by itself, and hears how the connection fares. Unless a method says otherwise, no
// lock is held when it is called.
type owner interface {
	// mayWait claims a place for a connection that is to be suspended; waited gives the place back.
	// mayWait is called with the connection locked.
	mayWait(c *Conn) bool
	waited(c *Conn)

	// suspended is called when nobody uses the link any more. It tells the program, lets the link's
	// released happen, and returns when the connection has been resumed or has ended, of which it makes sure.
	suspended(c *Conn, l *session.Link, why *Error)

	// ended is called once, when a connection has ended: nobody can send to it from then on.
	// closed is called once, after ended, when nothing of the connection runs any more.
	ended(c *Conn)
	closed(c *Conn)

	// change makes a change of the client's name or groups that the program of this side wants. The
	// change is named by the kind of the frame that asks for it.
	change(ctx context.Context, c *Conn, k wire.Kind, name string) error

	// handle handles, in its turn, a frame that has a meaning at this end only: a server's client asks
	// for a change, and a client's server tells of the client, of others, and of replays.
	handle(c *Conn, f wire.Frame) error

	// noticesFit is called when the queue has room for notices that wait. It is a server's.
	noticesFit(c *Conn)
}

// An engine is what all connections of a Server have in common. Each connection of a Client has an engine
// of its own, since servers limit their clients.
type engine struct {
	config
	owner    owner
	handlers *handlers
	sweep    *sweeper
	manual   *manualQueue // nil unless the program runs the handlers itself
	counters *counters
	outboxes outbox.Common
	budget   *budget.Budget // nil at a client, and without a bound
	draining atomic.Bool    // nothing that comes is handled any more

	campaign *campaign     // what the connections of a client have in common that follow one Connect; nil at a server
	book     *history.Book // how far a client has had its groups; nil at a server
}

// fault reports what no caller can be told. c is nil for a newcomer.
func (e *engine) fault(c *Conn, err error) { e.faultOf(c, faultText(CodeOf(err)), err) }

// faultOf is fault with what happened in words, which are a constant, and with keys and values for
// the log. The error hook is the program's: it is told each time, however often that is.
func (e *engine) faultOf(c *Conn, what string, err error, args ...any) {
	e.log.warn(c, what, err, args...)
	e.reportError(c, err)
}

// Faults are one fault of several connections: one line of the log has them all, while the
// error hook is told of each.
type faults struct {
	conns int
	c     *Conn // the first, and what became of it
	err   error
}

func (f *faults) add(c *Conn, err error) {
	if f.conns++; f.conns == 1 {
		f.c, f.err = c, err
	}
	c.eng.reportError(c, err)
}

// log writes the line, if there was a fault.
func (f *faults) log(j *journal, what string, args ...any) {
	switch {
	case f.conns == 1:
		j.warn(f.c, what, f.err, args...)
	case f.conns > 1:
		j.warn(nil, what, f.err, append(args, "conns", f.conns)...)
	}
}

// reportError runs the error hook.
func (e *engine) reportError(c *Conn, err error) {
	if e.handlers.onError == nil {
		return
	}
	defer e.recover(c, "error hook")
	e.handlers.onError(c, err)
}

// recover logs a panic of a handler that has nobody to answer.
func (e *engine) recover(c *Conn, where string) {
	if v := recover(); v != nil {
		e.logPanic(c, where, v)
	}
}

// given returns the context that a program has given, or one that never ends if that is nil.
func given(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
