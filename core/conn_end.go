package core

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/latch"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// How a connection ends. The first of these calls wins, the others do nothing:
//
//	endWith    this side ends the connection because of a fault: the queue is dropped, and a goodbye is sent
//	closeWith  this side leaves in order: the queue is sent, and then a goodbye
//	endRemote  the peer has said goodbye
//	lost       the stream has broken off, and the connection cannot be resumed (conn_session.go)
//	cut        the connection ends without a goodbye, and its stream is closed at once
//
// The call that wins goes through these steps (end):
//
//	beginEnd    the session is in the state Ended
//	ended       nobody finds the connection at its Server any more
//	closeQueue  the queue takes no more frames; the goodbye is put into it, to be written last
//	            the context ends, calls to the peer fail, frames that wait for a handler may be dropped
//	waited      a connection that was suspended gives its place back
//	closer      closes the stream when the queue is written, on a goroutine of its own
//
// The last goroutine of the connection to leave finishes it (exit): the leave handler runs and Done
// is closed.

// Close ends the connection in order: the frames that are queued are sent first, then a goodbye. It does
// not wait; [Conn.Done] tells when the connection has ended. Nothing that arrives afterwards is
// handled. Close may be called again and does nothing then.
func (c *Conn) Close() { c.closeWith(NewError(CodeClosed, "")) }

// CloseWith is Close with a reason for the peer, which gets its code, message, RetryAfter and Details. A nil why means
// [CodeClosed].
func (c *Conn) CloseWith(why *Error) { c.closeWith(why) }

func (c *Conn) closeWith(why *Error) {
	if why == nil {
		why = NewError(CodeClosed, "")
	}
	bye, unsent := forPeer(packed(c.eng.codec, why), c.peer.maxFrame)
	c.end(why, &bye, ending{flush: true, ours: true, unsent: unsent})
}

func (c *Conn) endWith(why *Error) {
	bye, _ := forPeer(why, c.peer.maxFrame) // why has no details
	c.end(why, &bye, ending{fault: true, ours: true})
}

func (c *Conn) endRemote(why *Error) { c.end(why, nil, ending{}) }

// cut ends the connection and its stream at once.
func (c *Conn) cut(why error) {
	c.end(wrapError(CodeConnLost, "", why), nil, ending{})
	c.sess.Link().Stream.Close() //nolint:errcheck // the connection has ended anyway
}

// An ending says how a connection ends.
type ending struct {
	flush bool // the queue is sent first
	ours  bool // frames that were read and wait for a handler are dropped
	fault bool // the reason goes to the error hook

	unsent *Error // why the details of the reason are not sent, for the error hook; nil if they are

	waiting *session.Link // if not nil, end does nothing unless the connection is suspended since it lost this link
}

// end ends the connection, unless it has ended already. bye is nil if there is nobody to say goodbye to.
func (c *Conn) end(why *Error, bye *wire.Goodbye, how ending) {
	before, first := c.beginEnd(why, how.waiting)
	if !first {
		return
	}
	c.eng.owner.ended(c)
	drained := c.closeQueue(why, bye, how)
	c.life.cancel(why)
	c.endCalls(c.closedError())
	c.endStreams()
	c.turn.Close(how.ours)
	if before == session.Suspended {
		c.eng.owner.waited(c)
	}
	go c.closer(drained, why, how) // the closer may run the leave handler, and the caller of end may hold locks
}

// beginEnd ends the session, unless it has ended, and counts the closer. With only set, the session must be suspended
// since it lost that link.
func (c *Conn) beginEnd(why *Error, only *session.Link) (before session.State, first bool) {
	c.transition.Lock()
	defer c.transition.Unlock()
	before, first = c.sess.End(why, only)
	if first && before != session.Suspended { // a suspended session counts as running: the closer takes that over
		c.life.enter(1) // the caller still counts
	}
	return before, first
}

// closeQueue closes the outbox, with a goodbye as its last frame. It returns a channel that is closed when the outbox
// is written, or nothing more can be written.
func (c *Conn) closeQueue(why *Error, bye *wire.Goodbye, how ending) (flushed <-chan struct{}) {
	last, bye := c.legacy.lastWord(bye)
	closing := outbox.Closing{Drain: how.flush, Broken: why.Code == CodeConnLost && !why.remote, Goodbye: bye, Last: last}
	if !browser && c.isArriving() { // its client waits for the answer to its hello
		closing = outbox.Closing{Broken: true}
	}
	if c.sess.Token() != nil {
		closing.Received = c.sess.Handled()
	}
	return c.out.Close(closing)
}

// faultLater is faultOf, except that the error hook runs later: for a caller that the hook must not hold up.
func (c *Conn) faultLater(what string, err *Error) {
	c.eng.log.warn(c, what, err)
	if c.eng.handlers.onError != nil {
		c.tellLater(func() { c.eng.reportError(c, err) })
	}
}

func (c *Conn) isEnded() bool { return c.sess.State() == session.Ended }

// closer closes the stream: at once if the stream has broken off, and otherwise when the queue is written and the
// peer has closed its side too, so that no reset destroys what this side has written. It waits no
// longer than the close timeout.
func (c *Conn) closer(flushed <-chan struct{}, why *Error, how ending) {
	defer c.exit()
	defer c.life.streamDone.Happen()
	if !browser && c.isArriving() { // whoever fetches the session closes the stream
		return
	}
	l := c.sess.Link()
	defer l.Stream.Close() //nolint:errcheck // nothing to be done about it

	if how.fault { // here, since the caller of end may be the sweeper, or hold others up
		c.faultLater(faultText(why.Code), why)
	}
	if how.unsent != nil {
		c.faultLater(detailsNotSent, how.unsent)
	}
	if why.Code == CodeConnLost && !why.remote {
		return
	}
	if code := c.partFrom(l, flushed); code != CodeNone && how.flush {
		c.noteLost(code)
	}
}

// partFrom waits until the queue is written and the peer has closed its side too. It returns [CodeNone] if all that was
// sent has arrived, and otherwise why some of it may not have arrived.
func (c *Conn) partFrom(l *session.Link, flushed <-chan struct{}) Code {
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

// noteLost notes, for Close and the log, how many of the messages that were sent may not have arrived.
func (c *Conn) noteLost(code Code) {
	n := len(c.undelivered(c.out.Undelivered()))
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

// awaitClosed waits until the stream of a connection that ends is closed. It returns an error if messages may not have
// arrived.
func (c *Conn) awaitClosed() error {
	<-c.life.streamDone.Wait()
	if c.life.closeFault != nil {
		return c.life.closeFault
	}
	return nil
}

// finish runs when nothing else of the connection runs any more.
func (c *Conn) finish() {
	defer c.life.done.Happen()
	defer c.eng.owner.closed(c)
	defer c.uncount()
	c.events.Run() // with manual dispatch: the hooks that Update has not run
	c.handBack()
}

// A lifetime counts what runs for a connection: its goroutines, and the session while it is suspended. Only what counts
// already may enter more, except with tryEnter. The last one to leave finishes the connection.
type lifetime struct {
	ctx    context.Context // the parent of the contexts of handlers; ends with the connection
	cancel context.CancelCauseFunc

	running    atomic.Int32 // goroutines, and 1 for a session that is suspended
	streamDone latch.Latch  // the stream is closed for good
	closeFault *Error       // for Close: how many messages may not have arrived, or nil; set before streamDone happens
	done       latch.Latch  // nothing runs any more
}

// begin counts the first goroutine, the connection's reader. The connection is c.
func (l *lifetime) begin(parent context.Context, c *Conn) {
	l.ctx, l.cancel = context.WithCancelCause(context.WithValue(parent, connKey{}, c))
	l.running.Store(1)
}

// enter counts n more goroutines. The caller counts already.
func (l *lifetime) enter(n int32) { l.running.Add(n) }

// tryEnter counts one more goroutine, unless the last has left.
func (l *lifetime) tryEnter() bool {
	for {
		n := l.running.Load()
		if n == 0 {
			return false
		}
		if l.running.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// leave notes that a goroutine leaves, and reports whether it is the last.
func (l *lifetime) leave() (last bool) { return l.running.Add(-1) == 0 }

// connKey is the key under which a handler's context holds its connection.
type connKey struct{}

// handlerConn returns the connection whose handler ctx belongs to, or nil.
func handlerConn(ctx context.Context) *Conn {
	c, _ := ctx.Value(connKey{}).(*Conn)
	return c
}
