package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/wire"
)

// attemptTime is how long one attempt to come back may take.
const attemptTime = 15 * time.Second

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
	if c.eng.manual == nil { // else the program is told in order anyway
		<-c.eng.begun.wait()
	}
	c.inform(func() { cl.tell(c, StateReconnecting, why) })
	l.gone.happen()
	try := cl.newTry(c.token)
	for {
		if !try.wait(c.ctx, why.RetryAfter) {
			cl.stayAway()
			c.end(why, nil, ending{waiting: l}) // unless it has ended
			return
		}
		n, err := cl.attempt(c.ctx, c, attemptTime)
		switch {
		case err == nil && n.welcome.Resumed:
			cl.goOn(c, l, n)
			return
		case err == nil:
			cl.succeed(c, l, n)
			return
		}
		if c.isEnded() {
			return
		}
		if why = asError(err); why.Code == CodeSessionOver { // and it joins anew with fresh auth
			c.end(NewError(CodeConnLost, "the server has given the session up"), nil, ending{waiting: l})
			return
		}
		if !comesBack(why, true) {
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

// goOn resumes a connection over the stream of a newcomer, and reads it.
func (cl *Client) goOn(c *Conn, l *link, n *newcomer) {
	ok, _ := c.relink(l, newLink(n.stream), n.rd, n.welcome.Addr, n.welcome.Received, nil)
	if !ok {
		n.leave() // and the server waits no longer for the session either
		c.end(NewError(CodeProtocol, "resumed what cannot be"), nil, ending{waiting: l})
		return
	}
	cl.counters.resumed.Add(1)
	resumed := func() { c.inform(func() { cl.tell(c, StateResumed, nil) }) }
	if c.turn.Load()&turnMask != turnHanded { // who is told may wait for the server like any handler
		c.serve(n.rd, resumed)
		return
	}
	resumed()
	c.endBatch()
	c.read(n.rd)
}

// succeed puts a connection that has joined anew in the place of one that the server has
// given up.
func (cl *Client) succeed(c *Conn, l *link, n *newcomer) {
	cl.mu.Lock()
	if cl.closing {
		cl.mu.Unlock()
		n.leave()
		return
	}
	cl.lastID++
	next := cl.adopt(c.eng.run, n, cl.lastID)
	cl.conn = next
	cl.mu.Unlock()
	c.end(NewError(CodeConnLost, "the server has given the session up"), nil, ending{waiting: l})
	go cl.start(next, n.rd, c)
}

// leave says goodbye over a stream that is not wanted any more.
func (n *newcomer) leave() {
	if n.peer == nil {
		n.stream.SetWriteDeadline(time.Now().Add(refuseTime))                   //nolint:errcheck // then it takes longer
		n.stream.Write(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed})) //nolint:errcheck // it is over anyway
		n.stream.CloseWrite()                                                   //nolint:errcheck // it is over anyway
	}
	n.drop()
}

// finished tells the program that a connection has ended, and lets the client join anew if time
// may heal what ended it.
func (cl *Client) finished(c *Conn) {
	c.eng.sweep.remove(c)
	c.eng.sweep.close()
	why := c.reason()
	cl.mu.Lock()
	last := cl.conn == c && cl.connecting == nil // else there is another, or soon may be
	again := last && !cl.closing && !cl.opts.Retry.Off && comesBack(why, false)
	var ctx context.Context
	if again {
		ctx, cl.connecting = context.WithCancelCause(c.eng.run.base)
		cl.lastID++
	}
	id, shared := cl.lastID, cl.conn != c && cl.conn.eng.run == c.eng.run
	cl.mu.Unlock()
	cl.tell(c, StateDisconnected, why)
	switch {
	case again:
		cl.tell(c, StateReconnecting, why)
		go cl.rejoin(ctx, c, id, why)
	case !shared:
		close(c.eng.run.ended)
	}
}

// rejoin joins anew in the place of a connection that has ended.
func (cl *Client) rejoin(ctx context.Context, c *Conn, id uint64, why *Error) {
	try := cl.newTry(c.token)
	for try.wait(ctx, why.RetryAfter) {
		n, err := cl.attempt(ctx, nil, attemptTime)
		if err == nil {
			if cl.takePlace(c, id, n) {
				return
			}
			break
		}
		if ctx.Err() != nil {
			break
		}
		if why = asError(err); !comesBack(why, true) {
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
	c.inform(func() {
		cl.tell(c, StateDisconnected, why)
		close(c.eng.run.ended)
	})
}

// takePlace makes the connection of a newcomer the client's, unless it has been closed.
func (cl *Client) takePlace(last *Conn, id uint64, n *newcomer) bool {
	cl.mu.Lock()
	if cl.closing {
		cl.mu.Unlock()
		n.leave()
		return false
	}
	giveUp := cl.connecting
	next := cl.adopt(last.eng.run, n, id)
	cl.conn, cl.connecting = next, nil
	cl.mu.Unlock()
	giveUp(nil)
	go cl.start(next, n.rd, last)
	return true
}

// asError is err as an [Error].
func asError(err error) *Error {
	if e, ok := find[*Error](err); ok {
		return e
	}
	return wrapError(CodeNotConnected, "", err)
}

// A try paces the attempts to come back.
type try struct {
	cl    *Client
	limit time.Duration // of the next wait
	until time.Time     // zero for without end
	state uint64        // of random
}

func (cl *Client) newTry(token []byte) *try {
	select {
	case <-cl.hurry: // of an earlier time
	default:
	}
	r := cl.opts.Retry
	t := &try{cl: cl, limit: positive(r.Min, defaultRetryMin), state: uint64(time.Now().UnixNano()) | 1}
	for _, b := range token {
		t.state = t.state*31 + uint64(b)
	}
	if r.For > 0 {
		t.until = time.Now().Add(r.For)
	}
	return t
}

// random is a xorshift generator (Marsaglia, 2003), begun with the time and the token of the
// session, which is random: enough to spread clients, and a browser build would pay 1 KB for
// package math/rand.
func (t *try) random() uint64 {
	t.state ^= t.state << 13
	t.state ^= t.state >> 7
	t.state ^= t.state << 17
	return t.state
}

// wait waits before an attempt, at least as long as the server has asked for. It reports false
// when ctx ends or the client has tried for long enough.
func (t *try) wait(ctx context.Context, least time.Duration) bool {
	d := max(least, time.Duration(t.random()%uint64(t.limit+1)))
	t.limit = min(2*t.limit, max(positive(t.cl.opts.Retry.Max, defaultRetryMax), t.limit))
	if !t.until.IsZero() && time.Now().Add(d).After(t.until) {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.cl.hurry:
		t.limit = positive(t.cl.opts.Retry.Min, defaultRetryMin)
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
