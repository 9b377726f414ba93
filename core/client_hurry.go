package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/pace"
)

// RetryNow is for a program that knows that there may be a network again. A client that waits to come back tries at once.
// An attempt that is under way, and may hang, is given up and begun anew. A client that has a connection asks the server
// whether it is still there: if nothing comes within 3 s, the connection has broken off. RetryNow does not wait for any
// of this.
func (cl *Client) RetryNow() {
	cl.mu.Lock()
	c, t := cl.conn, cl.trial
	cl.asked = time.Now()
	cl.mu.Unlock()
	switch {
	case t != nil:
		t.anew(nil)
	case c != nil && !c.Suspended() && !c.isEnded():
		c.probe()
	default:
		cl.hurryOn()
	}
}

func (cl *Client) hurryOn() {
	select {
	case cl.hurry <- struct{}{}:
	default:
	}
}

// hurryIfAsked lets a client whose link was lost try at once, if RetryNow was called a moment ago: the link was gone then.
func (cl *Client) hurryIfAsked() {
	cl.mu.Lock()
	asked := cl.asked
	cl.mu.Unlock()
	if !asked.IsZero() && time.Since(asked) < 2*probeTime {
		cl.hurryOn()
	}
}

// beginWaiting forgets an earlier RetryNow.
func (cl *Client) beginWaiting() {
	select {
	case <-cl.hurry:
	default:
	}
}

// A trial is an attempt to connect that is under way.
type trial struct {
	anew context.CancelCauseFunc // gives the attempt up, so that it is begun anew
}

// attempt is attemptOnce, again for each RetryNow meanwhile.
func (cl *Client) attempt(ctx context.Context, last *Conn, resume bool, p *pace.Pace) (*welcomed, error) {
	for {
		bounded, anew := context.WithCancelCause(ctx)
		t := &trial{anew}
		cl.mu.Lock()
		cl.trial = t
		cl.mu.Unlock()
		n, err := cl.attemptOnce(bounded, last, resume, p)
		cl.mu.Lock()
		if cl.trial == t { // else the program has called Connect meanwhile
			cl.trial = nil
		}
		cl.mu.Unlock()
		over := err == nil || bounded.Err() == nil || ctx.Err() != nil
		anew(nil)
		if over {
			return n, err
		}
		p.Hurry()
	}
}
