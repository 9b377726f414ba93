package core

import (
	"runtime"
	"time"

	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/parked"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// Detach ends the client without a goodbye to the server, and returns its session: another client,
// in this program or a later one, goes on with it by [ClientOptions.Session]. The server keeps
// the session for [Timeouts.Resume]. The bytes hold the session's token and the payloads that are on their way: to the
// server, whoever has them is the client.
//
// In both directions every message arrives once and in order. The session holds the messages that a send has accepted
// and the server has not acknowledged. It also holds the frames that have come and were given to no handler, calls
// of the server included. A frame whose handler is running counts as handled; whatever that handler
// sends from now on fails. Calls under way end with this client. Calls to the server fail here,
// and the server is told that they were given up. Calls of the server that a handler has begun
// fail there with [CodeConnLost]. Streams end at both ends, here with [CodeClosed] and there with
// [CodeConnLost]. Requests for a change of the name or the groups take effect, and their answers are
// dropped.
//
// Detach does not wait for handlers; [Client.Done] does. Handlers and hooks may call it. It fails
// with [CodeNotConnected] if there is no session, since the client has not connected, has ended, or
// is joining anew, and with [CodeUnsupported] if the session cannot be resumed, as with [Retry].Off.
// In both cases the client goes on. If a write or the reading does not come to an end within CloseTimeout, Detach fails
// with [CodeInternal], and the connection has ended.
func (cl *Client) Detach() (session []byte, err error) { return cl.detach(false) }

// detach is Detach. With bye, which only a browser build sets, it says goodbye, if the stream takes that at once.
func (cl *Client) detach(bye bool) (session []byte, err error) {
	c, l, err := cl.beginDetach()
	if err != nil {
		return nil, err
	}
	if browser && bye {
		go l.Stream.Write(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed})) //nolint:errcheck // then the server learns that the client is away
		runtime.Gosched()
	}
	c.suspend(l, errDetached) // unless it is suspended already
	if !c.awaitUnused(l) {
		c.endWith(NewError(CodeInternal, "the session could not be detached: its reader does not return"))
		return nil, c.closedError()
	}
	s := c.park(errDetached)
	c.end(errDetached, nil, ending{waiting: l, ours: true})
	if s == nil {
		return nil, c.closedError()
	}
	return parked.Append(make([]byte, 0, parked.Size(s)), s), nil
}

// SessionBytes returns a bound, in bytes, for the size of the session that [Client.Detach] would return at this
// moment, or 0 if Detach would fail. A program that must have room for the session calls it before it detaches.
func (cl *Client) SessionBytes() int {
	cl.mu.Lock()
	c := cl.conn
	err := cl.detachableLocked()
	cl.mu.Unlock()
	if err != nil {
		return 0
	}
	// Each frame that waits, and each call, takes a few bytes more in a session.
	const base, perCall = 1 << 10, 80
	n := base + perCall*(c.calls.len()+c.serving.len()+c.streamsOpen())
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

// detachableLocked returns an error if the client has no session with which another client could go on.
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

// awaitUnused waits until nobody reads or writes a lost link. It reports false if that takes longer than the close
// timeout.
func (c *Conn) awaitUnused(l *session.Link) bool {
	t := time.NewTimer(c.eng.closeTimeout)
	defer t.Stop()
	c.handOver(c.turn.Now()) // a handler may be running on the reader's goroutine, perhaps the caller of Detach
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
// if the connection has ended. Calls and streams fail with why at this end.
func (c *Conn) park(why *Error) *parked.Session {
	what := "the client was detached"
	if c.server {
		what = "the node has given the session away"
	}
	received, missed := c.sess.Counts()
	s := &parked.Session{ID: c.sess.ID(), Token: c.sess.Token(), Received: received, Missed: missed, Groups: c.Groups(), Name: c.Name()}
	var last uint64
	s.In, last = c.turn.Park(s.In)
	if !c.server {
		s.Book = c.eng.book.Append(nil) // positions before the frames in the inbox
	}

	// Read before the outbox is closed: a call whose answer is not in the outbox then is in the table. Only the calls
	// that were begun last may not be in the table yet. A call that is answered meanwhile may be answered twice: the
	// server ignores the second answer.
	serving := append(c.serving.ids(), last)
	if !c.server {
		serving = append(serving, c.atClient.begun.Load())
	}
	out, ok := c.out.Park()
	if !ok {
		return nil
	}
	s.Acked, s.Dropped, s.Out = out.Acked, out.Missed, out.Frames

	for _, id := range serving {
		if id != 0 {
			s.Out = wire.AppendFailure(s.Out, id, wire.Goodbye{Code: CodeConnLost, Reason: what + " while it handled the call"})
		}
	}
	for _, id := range c.parkStreams(why) {
		s.Out = wire.AppendStreamEnd(s.Out, id, wire.Goodbye{Code: CodeConnLost, Reason: what})
	}
	calls, lastID := c.calls.park(why)
	for _, id := range calls {
		s.Out = wire.AppendCancel(s.Out, id)
	}
	s.LastCall = lastID
	return s
}

// fits reports whether a server that has received that many frames can go on with the session: whether
// s.Acked <= received <= s.Acked + the frames in s.Out.
func fits(s *parked.Session, received uint64) bool {
	n := s.Acked
	for rest := s.Out; len(rest) > 0; n++ {
		_, _, rest = parked.Next(rest)
	}
	return s.Acked <= received && received <= n
}

// unpark puts a session into a new connection that nobody else knows yet. received is the number of frames that the
// server has received. The frames that wait for a handler are run when the connection starts.
func (c *Conn) unpark(s *parked.Session, received uint64) {
	c.who.SetName(s.Name)
	for _, g := range s.Groups {
		c.who.AddGroup(g, -1)
	}
	c.sess.Restore(s.Received, s.Missed)
	c.calls.restore(s.LastCall)
	c.takeParked(s.In)
	c.out.Unpark(outbox.Parked{Acked: s.Acked, Missed: s.Dropped, Frames: s.Out}, received, s.Received) // as the hello has said
}

// takeParked puts frames of a parked session into the inbox of a connection that nobody reads yet.
func (c *Conn) takeParked(in []byte) {
	var f wire.Frame
	for rest := in; len(rest) > 0; {
		if f, _, rest = parked.Next(rest); c.eng.handlers.message == nil {
			f = c.keepParked(f)
		}
		if f.Kind != wire.KindRaw || c.eng.handlers.message != nil {
			c.turn.Add(f)
		}
	}
}

// keepParked keeps the payload of a raw message for a caller of RecvRaw. It returns the frame that is still to be handled
// in its turn: for a raw message to a group the frame that moves the position, and for any other frame the frame itself.
// The caller drops a frame of KindRaw.
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

// handBackParked gives the program the messages of a detached session that could not be resumed.
func (c *Conn) handBackParked(out []byte) {
	if c.eng.handlers.onUndelivered == nil {
		return
	}
	c.giveBack(c.undelivered([]outbox.Run{{Frames: out, Written: len(out)}}))
}
