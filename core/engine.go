package core

import (
	"context"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/wire"
)

// An engine is what every connection of one Server or Client shares. Connections ask
// it for limits and handlers and tell it how they end.
type engine struct {
	config
	handlers *handlers
	sweep    *sweeper
	manual   *manualQueue // nil unless the program runs the handlers itself
	counters *counters
	writers  *writers
	budget   *budget.Budget // nil at a client, and without a bound
	draining atomic.Bool    // nothing that comes is handled any more

	// left runs when c has ended: as soon as nobody can send to it any more
	// (gone), and when nothing of it runs any more (finished). joined says whether a
	// join was announced.
	gone     func(c *Conn)
	finished func(c *Conn)

	// mayWait claims a place for a connection that is to be suspended, with the connection
	// locked; waited gives it back. suspended runs when nobody uses the link any more. It
	// tells the program, closes the link's gone, and sees to it that the connection is resumed
	// or ends.
	mayWait   func(c *Conn) bool
	waited    func(c *Conn)
	suspended func(c *Conn, l *link, why *Error)

	// drained runs when there is room for notices that wait, with no lock held. Nil on a client.
	drained func(c *Conn)

	// run is what the connections of a client have in common that follow one Connect. Nil on
	// a server.
	run *run

	// change makes a change of the client's name or groups that the program of this side wants, by
	// the kind of the frame that asks for it. asked handles a frame in which the client asks for
	// one. Nil at a client.
	change func(ctx context.Context, c *Conn, k wire.Kind, name string) error
	asked  func(c *Conn, f wire.Frame) error
	// presence hands on that another client came, went, or was called old before, by the kind
	// of the notice. Nil on a server.
	presence func(k wire.Kind, old string, p Presence)

	// book says how far a client has had its groups, and replayed hands on that a replay begins or
	// ends, by the kind of the frame. Nil on a server.
	book     *history.Book
	replayed func(c *Conn, k wire.Kind, r Replay)
}

// fault reports what no caller can be told. c is nil for a newcomer.
func (e *engine) fault(c *Conn, err error) { e.faultOf(c, faultText(CodeOf(err)), err) }

// faultOf is fault with what happened in words, which are a constant, and with keys and values for
// the log. The error hook is the program's: it is told each time, however often that is.
func (e *engine) faultOf(c *Conn, what string, err error, args ...any) {
	e.log.warn(c, what, err, args...)
	e.tell(c, err)
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
	c.eng.tell(c, err)
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

func (e *engine) tell(c *Conn, err error) {
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

// connKey is the key under which a handler's context holds its connection.
type connKey struct{}

// handlerConn returns the connection whose handler ctx belongs to, or nil.
func handlerConn(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}
