//go:build !js

package core

import (
	"context"
	"sync"
)

// A callContext is the context of the handler of one call: it ends with the connection, or when
// the call is given up or answered. Most handlers never wait on theirs. So it is registered with the
// connection's only when somebody asks for more than values: that costs as much as
// parsing and answering a call.
type callContext struct {
	context.Context // the connection's

	mu    sync.Mutex // guards the fields below
	own   context.Context
	end   context.CancelFunc // of own
	ended bool
}

func newCallContext(conn context.Context) (ctx context.Context, end context.CancelFunc) {
	c := &callContext{Context: conn}
	return c, c.cancel
}

// real returns the context as package context makes one.
func (c *callContext) real() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own == nil {
		conn := c.Context
		if c.ended { // and for no other reason
			conn = context.WithoutCancel(conn)
		}
		if c.own, c.end = context.WithCancel(conn); c.ended {
			c.end()
		}
	}
	return c.own
}

func (c *callContext) cancel() {
	c.mu.Lock()
	c.ended = true
	if c.end != nil {
		c.end()
	}
	c.mu.Unlock()
}

func (c *callContext) Done() <-chan struct{} { return c.real().Done() }
func (c *callContext) Err() error            { return c.real().Err() }

// Value looks for other keys in the context that is real: package context asks it for
// keys of its own.
func (c *callContext) Value(key any) any {
	if key == (connKey{}) {
		return c.Context.Value(key)
	}
	return c.real().Value(key)
}
