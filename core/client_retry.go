package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/pace"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// A campaign is the time from a Connect to the client's end for good, in which one connection follows the other.
type campaign struct {
	base  context.Context // the parent of the connections' contexts; it has the values of Connect's, and never ends
	pace  *pace.Pace      // says when the next attempt is
	plain bool            // the next hello asks for no more than the options do; owned by the goroutine that attempts
	ended chan struct{}   // closed at the end for good
}

// newPace returns the pace for the attempts of one campaign.
func (cl *Client) newPace() *pace.Pace {
	r := cl.opts.Retry
	return pace.New(pace.Options{
		Min: r.Min, Max: r.Max, For: r.For, Try: cl.opts.ConnectTimeout,
	}, uint64(time.Now().UnixNano()))
}

// first makes the attempts of a Connect: one, or with Retry.First as many as it takes.
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

// suspended tells the program that a connection has lost its stream, and makes attempts to resume it until it is
// resumed or has ended.
func (cl *Client) suspended(c *Conn, l *session.Link, why *Error) {
	if c.sess.Detached() {
		l.Release()
		return
	}
	if lost := why; cl.onState != nil {
		c.tellChange(func() { cl.tell(StateReconnecting, lost) })
	}
	l.Release()
	pace := c.eng.campaign.pace
	pace.Down(l.Died(), l.Died().Sub(l.Born), c.sess.KeptFor())
	cl.beginWaiting()
	cl.hurryIfAsked()
	for {
		if !cl.wait(c.Context(), pace, why.RetryAfter) {
			cl.stayAway()
			c.end(why, nil, ending{waiting: l}) // unless it has ended
			return
		}
		if c.surelyOver(l) {
			c.end(NewError(CodeConnLost, "the session is over"), nil, ending{waiting: l})
			return
		}
		n, err := cl.attempt(c.Context(), c, true, pace)
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

// goOn resumes a connection over a new stream, and then reads the connection until that stream ends.
func (cl *Client) goOn(c *Conn, l *session.Link, n *welcomed) {
	ok := c.relink(l, session.NewLink(n.stream), n.rd, n.welcome.Received, nil) == session.Resumed
	if !ok && c.sess.Detached() {
		n.drop()
		return
	}
	if !ok {
		n.leave() // so that the server ends the session too
		c.end(NewError(CodeProtocol, "the server has resumed a session that this end cannot resume"), nil, ending{waiting: l})
		return
	}
	c.sess.SetID(n.welcome.Session) // another server of a cluster has another one
	c.who.SetAddr(n.welcome.Addr)
	cl.counters.resumed.Add(1)
	c.eng.campaign.pace.Up(n.took)
	if cl.onState != nil {
		c.awaitEvent(c.tell(func() { cl.tell(StateResumed, nil) }))
	}
	c.endBatch()
	c.read(n.rd)
}

// supersede puts a connection that has joined anew in the place of a suspended one, whose session the
// server has given up.
func (cl *Client) supersede(c *Conn, l *session.Link, n *welcomed) {
	next := cl.replace(c, n, true)
	if next == nil {
		return
	}
	c.end(NewError(CodeConnLost, "the server has given the session up"), nil, ending{waiting: l})
	go cl.start(next, n, c.Done(), StateConnected)
}

// replace makes a connection of a new stream, and puts it in the place of last. It leaves the stream
// and returns nil if the client has been closed. With suspended set it does so as well if last has ended meanwhile.
func (cl *Client) replace(last *Conn, n *welcomed, suspended bool) *Conn {
	cl.mu.Lock()
	if cl.closing || suspended && last.isEnded() {
		cl.mu.Unlock()
		n.leave()
		return nil
	}
	next := cl.adoptLocked(last.eng.campaign, n)
	giveUp := cl.connecting
	cl.conn, cl.connecting = next, nil
	cl.mu.Unlock()
	if giveUp != nil {
		giveUp(nil)
	}
	return next
}

// An outcome is what the end of a connection means for its campaign.
type outcome uint8

const (
	forGood    outcome = iota // the campaign ends too
	rejoins                   // the client joins anew
	superseded                // another connection of the campaign is there already
)

// afterEnd decides what the end of a connection, for the reason why, means for its campaign. If the client joins anew,
// its attempts end when ctx does.
func (cl *Client) afterEnd(c *Conn, why *Error) (o outcome, ctx context.Context) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	switch {
	case cl.conn != c:
		if cl.conn.eng.campaign == c.eng.campaign {
			return superseded, nil
		}
		return forGood, nil
	case cl.connecting != nil: // the program connects again already
		return forGood, nil
	case cl.closing, cl.opts.Retry.Off, !comesBack(why, false):
		return forGood, nil
	}
	ctx, cl.connecting = context.WithCancelCause(c.eng.campaign.base)
	return rejoins, ctx
}

// closed tells the program that a connection has ended, and lets the client join anew if afterEnd says so.
func (cl *Client) closed(c *Conn) {
	c.eng.log.leave(c)
	c.eng.sweep.remove(c)
	c.eng.sweep.close()
	why := c.reason()
	next, ctx := cl.afterEnd(c, why)
	switch next { // deferred, since the state handler may end its goroutine
	case rejoins:
		defer func() { go cl.rejoin(ctx, c, why) }()
	case forGood:
		defer close(c.eng.campaign.ended)
	}
	cl.tell(StateDisconnected, why)
	if next == rejoins {
		cl.tell(StateReconnecting, why)
	}
}

// rejoin joins anew in the place of a connection that has ended.
func (cl *Client) rejoin(ctx context.Context, c *Conn, why *Error) {
	pace := c.eng.campaign.pace
	if l := c.sess.Link(); l.State() == session.Lost {
		pace.Over() // suspended has called Down already
	} else {
		pace.Down(time.Now(), time.Since(l.Born), 0)
	}
	cl.beginWaiting()
	for cl.wait(ctx, pace, why.RetryAfter) {
		n, err := cl.attempt(ctx, c, false, pace)
		if err == nil {
			if next := cl.replace(c, n, false); next != nil {
				go cl.start(next, n, c.Done(), StateConnected)
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

// stayAway keeps the client from coming back.
func (cl *Client) stayAway() {
	cl.mu.Lock()
	cl.closing = true
	cl.mu.Unlock()
}

// wait waits before an attempt, for at least the time for which the server has asked, least. It reports false
// if ctx ends, or if Retry.For has passed.
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

// surelyOver reports whether the server has given the session up, even if it has noticed as late as possible
// that the link was lost. Before that an attempt to resume makes sense.
func (c *Conn) surelyOver(l *session.Link) bool {
	if c.sess.KeptFor() == 0 || c.eng.heartbeat == 0 {
		return false // nobody knows
	}
	return time.Since(l.Died()) > c.sess.KeptFor()+3*c.eng.heartbeat+surePause
}

// surePause is how much longer than it has said a server may keep a session.
const surePause = 5 * time.Second

// asError returns err as an [Error].
func asError(err error) *Error {
	if e, ok := asCoded(err); ok {
		return e
	}
	return wrapError(CodeNotConnected, "", err)
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

// A herald tells the program the states of a Connect: in order, and after the states of the connection before.
// Connect does not wait until the program has been told, since the state handler itself may have called Connect.
type herald struct {
	cl     *Client
	before <-chan struct{} // closed when the program has been told all earlier states
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

// tell starts a goroutine that tells the program a state, and then ends.
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

// comesBack reports whether a client tries again after an error that has ended its connection or an
// attempt: the error may pass, or the peer that reports it says when to come back. trying says
// that the client has been welcomed before and tries to come back: then its server surely speaks the protocol, and may
// still hold the client's name for the connection before.
//
// Only this function decides. The comment of [Retry] and docs/delivery.md list the same codes.
func comesBack(why *Error, trying bool) bool {
	switch why.Code {
	case CodeInternal, CodeCanceled, CodeDeadlineExceeded, CodeHelloTimeout, CodeTooManyConns, CodeSlowConsumer,
		CodeHeartbeat, CodeShutdown, CodeTooManyCalls, CodeRateLimit, CodeWriteTimeout, CodeNotConnected, CodeConnLost,
		CodeUnavailable, CodeOverloaded, CodeSessionOver, CodeQueueFull:
		return true
	case CodeNotNative, CodeNameTaken:
		if trying {
			return true
		}
	}
	return why.RetryAfter > 0
}
