package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/pace"
)

// first makes the attempts of a Connect: one, or as many as Retry.First leads to.
func (cl *Client) first(ctx context.Context, p *pace.Pace, h *herald) (*newcomer, error) {
	if !cl.opts.Retry.First {
		return cl.attempt(ctx, nil, false, p)
	}
	h.tell(StateConnecting, nil)
	cl.beginWaiting()
	for {
		n, err := cl.attempt(ctx, nil, false, p)
		if err == nil || ctx.Err() != nil {
			return n, err
		}
		why := asError(err)
		if !comesBack(why, false) {
			return nil, err
		}
		h.tell(StateConnecting, why)
		if !cl.wait(ctx, p, why.RetryAfter) {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return nil, err
		}
	}
}

// A herald tells the program what becomes of a Connect: in order, and after what is told of the
// connection before. Connect does not wait for that, since it may be called by the very handler
// that is told.
type herald struct {
	cl     *Client
	before <-chan struct{} // closed when all is told that there is so far
}

func (cl *Client) newHerald(last *Conn) *herald {
	h := &herald{cl: cl}
	if last != nil {
		h.before = last.Done()
		return h
	}
	none := make(chan struct{})
	close(none)
	h.before = none
	return h
}

// tell leaves it to a goroutine, which ends when the program has been told.
func (h *herald) tell(s State, why error) {
	if h.cl.onState == nil {
		return
	}
	before, told := h.before, make(chan struct{})
	h.before = told
	go func() {
		defer close(told)
		<-before
		h.cl.manual.inform(func() { h.cl.tell(s, why) })
	}()
}
