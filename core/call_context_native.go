//go:build !js

package core

import (
	"context"
	"sync/atomic"
	"time"
)

// A callContext is the context of the handler of one call: it ends with the connection, or when
// the call is given up or answered, and never begins again: a handler may have kept it. Most handlers
// never wait on theirs. So it is registered with the connection's only when somebody asks for more
// than values: that costs as much as parsing and answering a call.
type callContext struct {
	conn  *Conn
	own   atomic.Pointer[ownContext] // nil until somebody has asked for it
	ended atomic.Bool
}

// An ownContext is the context of a call as package context makes one.
type ownContext struct {
	context.Context
	end context.CancelFunc
}

func newCallContext(conn *Conn) (ctx context.Context, end context.CancelFunc) {
	c := &callContext{conn: conn}
	return c, c.cancel
}

// contextsAtOnce is how many contexts a reader makes together. They are not used again.
const contextsAtOnce = 8

type contexts []callContext

// newContext returns a context for a call that the reader handles.
func (rd *reader) newContext(conn *Conn) *callContext {
	if len(rd.contexts) == 0 {
		rd.contexts = make([]callContext, contextsAtOnce)
	}
	c := &rd.contexts[0]
	rd.contexts = rd.contexts[1:]
	c.conn = conn
	return c
}

// real returns the context as package context makes one.
func (c *callContext) real() context.Context {
	if own := c.own.Load(); own != nil {
		return own
	}
	conn := c.conn.Context()
	ended := c.ended.Load()
	if ended { // and for no other reason
		conn = context.WithoutCancel(conn)
	}
	own := new(ownContext)
	if own.Context, own.end = context.WithCancel(conn); ended {
		own.end()
	}
	if !c.own.CompareAndSwap(nil, own) {
		own.end()
		return c.own.Load()
	}
	if c.ended.Load() { // meanwhile; else whoever ends it sees own
		own.end()
	}
	return own
}

// cancel ends the context.
func (c *callContext) cancel() {
	c.ended.Store(true)
	if own := c.own.Load(); own != nil {
		own.end()
	}
}

func (c *callContext) Deadline() (time.Time, bool) { return c.conn.Context().Deadline() }
func (c *callContext) Done() <-chan struct{}       { return c.real().Done() }
func (c *callContext) Err() error                  { return c.real().Err() }

// Value looks for other keys in the context that is real: package context asks it for
// keys of its own.
func (c *callContext) Value(key any) any {
	if key == (connKey{}) {
		return c.conn
	}
	return c.real().Value(key)
}
