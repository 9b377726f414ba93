package core

import (
	"time"

	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/parked"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// Detach ends the client without a word to the server, and returns its session: another client,
// of this program or of a later one, goes on with it by [ClientOptions.Session]. The server keeps
// the session for [Timeouts.Resume]. Whoever has these bytes is the client to the server:
// they hold the session's token, and the payloads that are on their way.
//
// In both directions everything arrives once and in order. What Send has accepted and the server
// has not acknowledged is in the session. So is what has come and was given to no handler, calls
// of the server included. A handler that runs counts as having handled what it was given; what it
// sends from then on fails. Calls under way end with this client: those to the server fail here,
// and the server is told that they were given up; those of the server that a handler has begun
// fail there with [CodeConnLost]. What asks for a change of the name or the groups takes effect, and
// nobody hears the answer.
//
// Detach does not wait for handlers; [Client.Done] does. Handlers and hooks may call it. It fails
// with [CodeNotConnected] if there is no session, since the client has not connected, has ended, or
// is joining anew, and with [CodeUnsupported] if the session cannot be resumed, as with [Retry].Off.
// The client goes on as it was then.
func (cl *Client) Detach() (session []byte, err error) {
	c, l, err := cl.beginDetach()
	if err != nil {
		return nil, err
	}
	c.suspend(l, errDetached) // unless it is suspended already
	if !c.awaitUnused(l) {
		c.endWith(NewError(CodeInternal, "the session could not be detached: its reader does not return"))
		return nil, c.closedError()
	}
	s := c.park()
	c.end(errDetached, nil, ending{waiting: l, ours: true})
	if s == nil {
		return nil, c.closedError()
	}
	return parked.Append(make([]byte, 0, parked.Size(s)), s), nil
}

// SessionBytes is a size in bytes that the session would not exceed which [Client.Detach] returns at this
// moment, or 0 if Detach would fail. A program that must have room for the session asks before it detaches.
func (cl *Client) SessionBytes() int {
	cl.mu.Lock()
	c := cl.conn
	err := cl.detachableLocked()
	cl.mu.Unlock()
	if err != nil {
		return 0
	}
	// Each frame that waits, and each call, is told with a few bytes besides.
	const base, perCall = 1 << 10, 80
	n := base + perCall*(c.calls.len()+c.serving.len())
	n += parked.Size(&parked.Session{ID: c.sess.ID(), Token: c.sess.Token(), Name: c.Name(), Groups: c.Groups()}) + cl.book.Size()
	n += c.turn.Bytes()
	out := c.out.Stats()
	return n + out.Waiting + out.Kept
}

var (
	errNoSession = &Error{Code: CodeNotConnected, Message: "there is no session to detach"}
	errNotKept   = &Error{Code: CodeUnsupported, Message: "the session cannot be resumed"}
	errDetached  = &Error{Code: CodeClosed, Message: "the client was detached"}
)

// detachableLocked returns why the client has no session with which another client could go on, or nil.
func (cl *Client) detachableLocked() error {
	c := cl.conn
	if c == nil || cl.connecting != nil || c.isEnded() || c.sess.Detached() {
		return errNoSession
	}
	if c.sess.Token() == nil || !c.out.Stats().Keeps {
		return errNotKept
	}
	return nil
}

// beginDetach keeps this client from resuming the connection, and returns the connection with its last link.
func (cl *Client) beginDetach() (*Conn, *session.Link, error) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if err := cl.detachableLocked(); err != nil {
		return nil, nil, err
	}
	c := cl.conn
	l := c.sess.Detach()
	cl.closing = true
	return c, l, nil
}

// awaitUnused waits until nobody reads or writes a link that is lost. It reports false if the wait takes
// longer than the end of a connection may.
func (c *Conn) awaitUnused(l *session.Link) bool {
	t := time.NewTimer(c.eng.closeTimeout)
	defer t.Stop()
	c.handOver(c.turn.Now()) // a handler may be running on the reader's goroutine, this one perhaps
	for _, ch := range []<-chan struct{}{l.WhenUnread(), c.out.Unused()} {
		select {
		case <-ch:
		case <-t.C:
			return false
		}
	}
	return true
}

// park freezes a connection that nobody reads or writes any more, and returns its session, or nil
// if the connection has ended.
func (c *Conn) park() *parked.Session {
	received, missed := c.sess.Counts()
	s := &parked.Session{ID: c.sess.ID(), Token: c.sess.Token(), Received: received, Missed: missed, Groups: c.Groups(), Name: c.Name()}
	var last uint64
	s.In, last = c.turn.Park(s.In)
	s.Book = c.eng.book.Append(nil) // of what is in the inbox it knows nothing yet

	// Before the outbox is closed: a call whose answer is not in the outbox is in the table. The calls that were begun
	// last may not be in the table yet. A call that was answered meanwhile may be answered twice: the server
	// ignores the second answer.
	serving := append(c.serving.ids(), last, c.atClient.begun.Load())
	out, ok := c.out.Park()
	if !ok {
		return nil
	}
	s.Acked, s.Dropped, s.Out = out.Acked, out.Missed, out.Frames

	for _, id := range serving {
		if id != 0 {
			s.Out = wire.AppendFailure(s.Out, id, wire.Goodbye{Code: CodeConnLost, Reason: "the client was detached while it handled the call"})
		}
	}
	calls, lastID := c.calls.park(errDetached)
	for _, id := range calls {
		s.Out = wire.AppendCancel(s.Out, id)
	}
	s.LastCall = lastID
	return s
}

// fits reports whether a server that has received so many frames can go on with the session.
func fits(s *parked.Session, received uint64) bool {
	n := s.Acked
	for rest := s.Out; len(rest) > 0; n++ {
		_, _, rest = parked.Next(rest)
	}
	return s.Acked <= received && received <= n
}

// unpark goes on with a session, of which the server has received so many frames, on a connection
// that nobody knows yet. Whoever starts the connection runs first what waits for a handler.
func (c *Conn) unpark(s *parked.Session, received uint64) {
	c.who.SetName(s.Name)
	for _, g := range s.Groups {
		c.who.AddGroup(g, -1)
	}
	c.sess.Restore(s.Received, s.Missed)
	c.calls.restore(s.LastCall)
	var f wire.Frame
	for rest := s.In; len(rest) > 0; {
		if f, _, rest = parked.Next(rest); c.eng.handlers.message == nil {
			f = c.keepParked(f)
		}
		if f.Kind != wire.KindRaw || c.eng.handlers.message != nil {
			c.turn.Add(f)
		}
	}
	c.out.Unpark(outbox.Parked{Acked: s.Acked, Missed: s.Dropped, Frames: s.Out}, received, s.Received) // as the hello has said
}

// keepParked keeps the payload of a raw message for somebody who receives it. It returns the frame that is to be
// handled besides: a raw message itself is handled only if the program has a handler of messages.
func (c *Conn) keepParked(f wire.Frame) wire.Frame {
	payload := f.Body
	switch f.Kind {
	case wire.KindRaw:
	case wire.KindGroupRaw:
		var err error
		if _, _, payload, err = wire.ParseGroup(f.Kind, f.Body); err != nil {
			return f
		}
		f = passed(f, payload)
	default:
		return f
	}
	c.turn.KeepRaw(payload)
	return f
}

// handBackParked gives the program the messages that the client before could not deliver. This client cannot
// deliver them either, since it had to join anew.
func (c *Conn) handBackParked(out []byte) {
	if c.eng.handlers.onUndelivered == nil {
		return
	}
	c.giveBack(c.undelivered([]outbox.Run{{Frames: out, Written: len(out)}}))
}
