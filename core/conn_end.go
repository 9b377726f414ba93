package core

import (
	"strconv"
	"time"

	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// How a connection ends. The first of these wins, the others do nothing:
//
//	endWith    we have a reason: what waits is dropped, a goodbye is sent
//	closeWith  we leave in order: what waits is sent, then a goodbye
//	endRemote  the peer said goodbye
//	lost       the stream broke off, and the connection cannot be resumed
//
// Then the closer lets the stream go, and the last goroutine to leave finishes: the leave
// handler runs and Done is closed.

// Close ends the connection in order: what is queued is sent first, then a goodbye. It does
// not wait; [Conn.Done] tells when all is over. Nothing that arrives afterwards is
// handled.
func (c *Conn) Close() { c.closeWith(NewError(CodeClosed, "")) }

// CloseWith is Close with a reason for the peer, its RetryAfter and its Details; nil is [CodeClosed].
func (c *Conn) CloseWith(why *Error) { c.closeWith(why) }

func (c *Conn) closeWith(why *Error) {
	if why == nil {
		why = NewError(CodeClosed, "")
	}
	bye, left := forPeer(packed(c.eng.codec, why), c.peer.maxFrame)
	c.end(why, &bye, ending{drain: true, ours: true, left: left})
}

func (c *Conn) endWith(why *Error) {
	bye, _ := forPeer(why, c.peer.maxFrame) // it has no details
	c.end(why, &bye, ending{fault: true, ours: true})
}

func (c *Conn) endRemote(why *Error) { c.end(why, nil, ending{}) }

// cut ends the connection and its stream at once.
func (c *Conn) cut(why error) {
	c.end(wrapError(CodeConnLost, "", why), nil, ending{})
	c.sess.Link().Stream.Close() //nolint:errcheck // it is being cut
}

// An ending says how a connection ends.
type ending struct {
	drain bool // what is queued is sent first
	ours  bool // what has been read and waits for a handler is dropped
	fault bool // it goes to the error hook

	left *Error // why its details are not sent, for the error hook

	waiting *link // not nil: only if the connection is suspended since it lost that link
}

// end ends the connection, unless it has ended. bye is nil if the peer will not hear us.
func (c *Conn) end(why *Error, bye *wire.Goodbye, how ending) {
	before, first := c.beginEnd(why, how.waiting)
	if !first {
		return
	}
	c.eng.owner.ended(c)
	drained := c.closeQueue(why, bye, how)
	c.life.cancel(why)
	c.calls.end(c.closedError())
	c.turn.Close(how.ours)
	if before == session.Suspended {
		c.eng.owner.waited(c)
	}
	go c.closer(drained, why, how) // and not the caller, who may hold locks, runs the leave handler
}

// beginEnd ends the session, for the first reason, and counts the closer.
func (c *Conn) beginEnd(why *Error, only *link) (before session.State, first bool) {
	c.transition.Lock()
	defer c.transition.Unlock()
	before, first = c.sess.End(why, only)
	if first && before != session.Suspended { // else the closer takes over what counted for it while it waited
		c.life.enter(1) // whoever ended it first still counts
	}
	return before, first
}

// closeQueue lets nothing more into the queue, puts there what is said last, and sees to it that it is
// written. It returns a channel that is closed when all is written, or nothing more can be.
func (c *Conn) closeQueue(why *Error, bye *wire.Goodbye, how ending) (flushed <-chan struct{}) {
	var last []byte
	if hasLegacy {
		last, bye = c.legacy.lastWord(bye)
	}
	closing := outbox.Closing{Drain: how.drain, Broken: why.Code == CodeConnLost && !why.remote, Goodbye: bye, Last: last}
	if c.sess.Token() != nil {
		closing.Received = c.sess.Handled()
	}
	return c.out.Close(closing)
}

// faultLater is faultOf for one that the error hook must not hold up.
func (c *Conn) faultLater(what string, err *Error) {
	c.eng.log.warn(c, what, err)
	if c.eng.handlers.onError != nil {
		c.tellLater(func() { c.eng.reportError(c, err) })
	}
}

func (c *Conn) isEnded() bool { return c.sess.State() == session.Ended }

// closer closes the stream: at once when it is broken, else when all is written and the
// peer has closed its side too, so that nothing we said is lost to a reset. Neither
// may take longer than the close timeout.
func (c *Conn) closer(flushed <-chan struct{}, why *Error, how ending) {
	defer c.exit()
	defer c.life.streamDone.Happen()
	l := c.sess.Link()
	defer l.Stream.Close() //nolint:errcheck // nothing to be done about it

	if how.fault { // here, since whoever ended it may be the sweeper or hold up others
		c.faultLater(faultText(why.Code), why)
	}
	if how.left != nil {
		c.faultLater(detailsNotSent, how.left)
	}
	if why.Code == CodeConnLost && !why.remote {
		return
	}
	if code := c.partFrom(l, flushed); code != CodeNone && how.drain {
		c.noteLost(code)
	}
}

// partFrom waits until all is written and the peer has closed its side too. It returns why that did not come to be: then
// not all that was sent may have arrived.
func (c *Conn) partFrom(l *link, flushed <-chan struct{}) Code {
	t := time.NewTimer(c.eng.closeTimeout)
	defer t.Stop()
	select {
	case <-flushed:
	case <-t.C:
		return CodeDeadlineExceeded
	}
	if err := l.Stream.CloseWrite(); err != nil {
		return CodeConnLost
	}
	select {
	case <-l.WhenUnread():
		goodbye, closed := l.Parting()
		if goodbye { // both have left
			return CodeNone
		}
		if closed && c.out.Delivered() {
			return CodeNone
		}
		return CodeConnLost
	case <-t.C:
		return CodeDeadlineExceeded
	}
}

// noteLost tells how many of the messages that were sent may not have arrived, if there are any.
func (c *Conn) noteLost(code Code) {
	n := len(undelivered(c.legacy, c.out.Undelivered()))
	if n == 0 {
		return
	}
	c.life.closeFault = NewError(code, "messages that were sent before Close and may not have arrived: "+strconv.Itoa(n))
	c.eng.log.warn(c, "a connection was closed before all that was sent had arrived", nil, "messages", n)
}

// exit ends one of the connection's goroutines. The last one finishes, which runs handlers of the
// program; exit reports whether it was the last.
func (c *Conn) exit() (last bool) {
	if !c.life.leave() {
		return false
	}
	c.out.Finish()
	if hasManual && c.eng.manual != nil {
		c.eng.manual.add(task{c, c.finish})
	} else {
		c.finish()
	}
	return true
}

// finish runs once nothing else of the connection does.
func (c *Conn) finish() {
	defer c.life.done.Happen()
	defer c.eng.owner.closed(c)
	defer c.uncount()
	c.events.Run() // with manual dispatch, what Update has not come to
	c.handBack()
}
