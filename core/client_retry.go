package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/pace"
	"github.com/hisock/hisock/core/wire"
)

// first makes the attempts of a Connect: one, or as many as Retry.First leads to.
func (cl *Client) first(ctx context.Context, p *pace.Pace, h *herald) (*welcomed, error) {
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

// RetryNow makes a client that waits to come back try at once: for a program that knows that
// there is a network again. It does nothing if the client is not waiting.
func (cl *Client) RetryNow() {
	select {
	case cl.hurry <- struct{}{}:
	default:
	}
}

// suspended tells the program that a connection has lost its stream, and brings it back.
func (cl *Client) suspended(c *Conn, l *link, why *Error) {
	if c.detached.Load() {
		l.released.Happen()
		return
	}
	if lost := why; cl.onState != nil {
		c.tellChange(func() { cl.tell(StateReconnecting, lost) })
	}
	l.released.Happen()
	pace := c.eng.campaign.pace
	pace.Down(l.died, l.died.Sub(l.born), c.resumeTime)
	cl.beginWaiting()
	for {
		if !cl.wait(c.ctx, pace, why.RetryAfter) {
			cl.stayAway()
			c.end(why, nil, ending{waiting: l}) // unless it has ended
			return
		}
		if c.surelyOver(l) {
			c.end(NewError(CodeConnLost, "the session is over"), nil, ending{waiting: l})
			return
		}
		n, err := cl.attempt(c.ctx, c, true, pace)
		switch {
		case err == nil && n.welcome.Resumed:
			cl.goOn(c, l, n)
			return
		case err == nil:
			cl.supersede(c, l, n)
			return
		}
		if c.isEnded() {
			return
		}
		if why = asError(err); why.Code == CodeSessionOver { // and it joins anew with fresh auth
			c.end(NewError(CodeConnLost, "the server has given the session up"), nil, ending{waiting: l})
			return
		}
		if !cl.simplify(c, why) && !comesBack(why, true) {
			c.end(why, nil, ending{waiting: l})
			return
		}
	}
}

// stayAway keeps the client from coming back.
func (cl *Client) stayAway() {
	cl.mu.Lock()
	cl.closing = true
	cl.mu.Unlock()
}

// goOn resumes a connection over a new stream, and reads it.
func (cl *Client) goOn(c *Conn, l *link, n *welcomed) {
	ok, _ := c.relink(l, newLink(n.stream), n.rd, n.welcome.Addr, n.welcome.Received, nil)
	if !ok && c.detached.Load() {
		n.drop()
		return
	}
	if !ok {
		n.leave() // and the server waits no longer for the session either
		c.end(NewError(CodeProtocol, "resumed what cannot be"), nil, ending{waiting: l})
		return
	}
	cl.counters.resumed.Add(1)
	c.eng.campaign.pace.Up(n.took)
	if cl.onState != nil {
		c.awaitEvent(c.tell(func() { cl.tell(StateResumed, nil) }))
	}
	c.endBatch()
	c.read(n.rd)
}

// supersede puts a connection that has joined anew in the place of one that the server has
// given up.
func (cl *Client) supersede(c *Conn, l *link, n *welcomed) {
	cl.mu.Lock()
	if cl.closing {
		cl.mu.Unlock()
		n.leave()
		return
	}
	cl.lastID++
	next := cl.adopt(c.eng.campaign, n, cl.lastID)
	cl.conn = next
	cl.mu.Unlock()
	c.end(NewError(CodeConnLost, "the server has given the session up"), nil, ending{waiting: l})
	go cl.start(next, n, c.Done(), StateConnected)
}

// leave says goodbye over a stream that is not wanted any more.
func (n *welcomed) leave() {
	if n.peer == nil {
		n.stream.SetWriteDeadline(time.Now().Add(refuseTime))                   //nolint:errcheck // then it takes longer
		n.stream.Write(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed})) //nolint:errcheck // it is over anyway
		n.stream.CloseWrite()                                                   //nolint:errcheck // it is over anyway
	}
	n.drop()
}

// closed tells the program that a connection has ended, and lets the client join anew if time
// may heal what ended it.
func (cl *Client) closed(c *Conn) {
	c.eng.log.leave(c)
	c.eng.sweep.remove(c)
	c.eng.sweep.close()
	why := c.reason()
	cl.mu.Lock()
	last := cl.conn == c && cl.connecting == nil // else there is another, or soon may be
	again := last && !cl.closing && !cl.opts.Retry.Off && comesBack(why, false)
	var ctx context.Context
	if again {
		ctx, cl.connecting = context.WithCancelCause(c.eng.campaign.base)
		cl.lastID++
	}
	id, shared := cl.lastID, cl.conn != c && cl.conn.eng.campaign == c.eng.campaign
	cl.mu.Unlock()
	switch { // also if the state handler ends its goroutine
	case again:
		defer func() { go cl.rejoin(ctx, c, id, why) }()
	case !shared:
		defer close(c.eng.campaign.ended)
	}
	cl.tell(StateDisconnected, why)
	if again {
		cl.tell(StateReconnecting, why)
	}
}

// rejoin joins anew in the place of a connection that has ended.
func (cl *Client) rejoin(ctx context.Context, c *Conn, id uint64, why *Error) {
	pace := c.eng.campaign.pace
	if l := c.link.Load(); l.dead.Load() {
		pace.Over() // it was down before
	} else {
		pace.Down(time.Now(), time.Since(l.born), 0)
	}
	cl.beginWaiting()
	for cl.wait(ctx, pace, why.RetryAfter) {
		n, err := cl.attempt(ctx, c, false, pace)
		if err == nil {
			if cl.replace(c, id, n) {
				return
			}
			break
		}
		if ctx.Err() != nil {
			break
		}
		if why = asError(err); !cl.simplify(c, why) && !comesBack(why, true) {
			break
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		why = asError(cause)
	}
	cl.mu.Lock()
	giveUp := cl.connecting
	cl.connecting, cl.final = nil, why
	cl.mu.Unlock()
	giveUp(nil)
	c.eng.manual.inform(func() {
		defer close(c.eng.campaign.ended)
		cl.tell(StateDisconnected, why)
	})
}

// replace makes the connection over a new stream the client's, unless it has been closed.
func (cl *Client) replace(last *Conn, id uint64, n *welcomed) bool {
	cl.mu.Lock()
	if cl.closing {
		cl.mu.Unlock()
		n.leave()
		return false
	}
	giveUp := cl.connecting
	next := cl.adopt(last.eng.campaign, n, id)
	cl.conn, cl.connecting = next, nil
	cl.mu.Unlock()
	giveUp(nil)
	go cl.start(next, n, last.Done(), StateConnected)
	return true
}

// asError is err as an [Error].
func asError(err error) *Error {
	if e, ok := asCoded(err); ok {
		return e
	}
	return wrapError(CodeNotConnected, "", err)
}

// newPace returns what paces the attempts of the client until it has ended for good.
func (cl *Client) newPace() *pace.Pace {
	r := cl.opts.Retry
	return pace.New(pace.Options{
		Min: r.Min, Max: r.Max, For: r.For, Try: cl.opts.ConnectTimeout,
	}, uint64(time.Now().UnixNano()))
}

// beginWaiting forgets a RetryNow of an earlier time.
func (cl *Client) beginWaiting() {
	select {
	case <-cl.hurry:
	default:
	}
}

// wait waits before an attempt, at least as long as the server has asked for. It reports false
// when ctx ends or the client has tried for long enough.
func (cl *Client) wait(ctx context.Context, p *pace.Pace, least time.Duration) bool {
	d, ok := p.Next(time.Now(), least)
	if !ok {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-cl.hurry:
		p.Hurry()
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// surelyOver reports whether a server that has noticed as late as it may that the link is gone has
// given the session up. Before that it is worth an attempt.
func (c *Conn) surelyOver(l *link) bool {
	if c.resumeTime == 0 || c.eng.heartbeat == 0 {
		return false // nobody knows
	}
	return time.Since(l.died) > c.resumeTime+3*c.eng.heartbeat+surePause
}

// surePause is what a server may take beyond what it has said.
const surePause = 5 * time.Second
