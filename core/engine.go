package core

import (
	"context"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// An owner is the Server or the Client that a connection belongs to. It decides what a connection
// does not decide by itself, and hears how the connection fares. Unless a method says otherwise, no
// lock is held when it is called.
type owner interface {
	// mayWait claims a place for a connection that is to be suspended, and reports whether there is one; waited
	// gives the place back. mayWait is called with the connection's transition locked.
	mayWait(c *Conn) bool
	waited(c *Conn)

	// suspended is called when nobody uses the link l any more. It tells the program, releases l, and returns
	// when the connection has been resumed or has ended. It ends a connection that is not resumed in time.
	suspended(c *Conn, l *session.Link, why *Error)

	// ended is called once, when a connection has ended: nobody can send to it from then on.
	// closed is called once, after ended, when nothing of the connection runs any more.
	ended(c *Conn)
	closed(c *Conn)

	// change makes a change of the client's name or groups that the program of this side wants. k is the kind of
	// the frame with which a client asks for the change.
	change(ctx context.Context, c *Conn, k wire.Kind, name string) error

	// handle handles, in its turn, a frame that only this end can be sent. A server handles requests for changes
	// of name and groups. A client handles statements about itself, notices of other clients, and replays.
	handle(c *Conn, f wire.Frame) error

	// noticesFit is called when the queue has room for notices that wait. Only a server has notices.
	noticesFit(c *Conn)
}

// An engine is what all connections of a Server have in common. Each connection of a Client has an engine
// of its own, since its config depends on what the server's welcome said.
type engine struct {
	config
	owner    owner
	handlers *handlers
	sweep    *sweeper
	manual   *manualQueue // nil unless the program runs the handlers itself
	counters *counters
	outboxes outbox.Common
	budget   *budget.Budget // bounds the memory of all connections; nil at a client, and without a bound
	draining atomic.Bool    // a Shutdown has begun: frames that come from now on are not handled

	campaign *campaign     // common to all connections that follow one Connect of a client; nil at a server
	book     *history.Book // the client's position in each group; nil at a server
}

// fault reports an error that no caller can be told of, to the log and the error hook. c is nil for a newcomer.
func (e *engine) fault(c *Conn, err error) { e.faultOf(c, faultText(CodeOf(err)), err) }

// faultOf is fault with a text of its own, what, which is a constant, and with keys and values for
// the log. The log may leave lines out; the error hook hears of each fault.
func (e *engine) faultOf(c *Conn, what string, err error, args ...any) {
	e.log.warn(c, what, err, args...)
	e.reportError(c, err)
}

// A faults gathers the same fault of several connections for one line of the log. The error hook is told of each.
type faults struct {
	conns int   // connections with the fault
	c     *Conn // the first of them
	err   error // the first connection's error
}

// add counts a connection with the fault, and runs the error hook.
func (f *faults) add(c *Conn, err error) {
	if f.conns++; f.conns == 1 {
		f.c, f.err = c, err
	}
	c.eng.reportError(c, err)
}

// log writes the line, unless there was no fault.
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

// recover logs a panic of a function of the program which has no caller at the peer. It must be deferred.
func (e *engine) recover(c *Conn, where string) {
	if v := recover(); v != nil {
		e.logPanic(c, where, v)
	}
	lock.MustHoldNone()
}

// given returns ctx, or a context that never ends if the program has given nil.
func given(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
