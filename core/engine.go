package core

import (
	"context"
	"sync/atomic"
)

// An engine is what every connection of one Server or Client shares. Connections ask
// it for limits and handlers and tell it how they end.
type engine struct {
	config
	handlers *handlers
	sweep    *sweeper
	manual   *manualQueue // nil unless the program runs the handlers itself
	draining atomic.Bool  // nothing that comes is handled any more

	// left runs when c has ended: as soon as nobody can send to it any more
	// (gone), and when nothing of it runs any more (finished). joined says whether a
	// join was announced.
	gone     func(c *Conn)
	finished func(c *Conn)

	// membership applies a join or leave of a group that the peer asked for or told of;
	// setGroup one that this side asks for.
	membership func(c *Conn, group string, in bool)
	setGroup   func(c *Conn, group string, in bool) error
	// presence hands on that another client came or went. Nil on a server.
	presence func(p Presence, came bool)
}

// fault reports what no caller can be told.
func (e *engine) fault(c *Conn, err error) {
	e.log.Warn("hisock: "+CodeOf(err).String(), "peer", c.label(), "err", errorText(err))
	e.tell(c, err)
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

// connKey is the key under which a handler's context holds its connection.
type connKey struct{}

// handlerConn returns the connection whose handler ctx belongs to, or nil.
func handlerConn(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}
