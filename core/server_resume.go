package core

import (
	"time"

	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// OnSuspend registers what runs when a client's connection has broken off and it may come back:
// it still counts as a client, and what is sent to it waits. Then either [Server.OnResume] runs,
// or, after [Timeouts.Resume], [Server.OnLeave]. Both run beside handlers of that client
// that are still busy, one after the other. The client may be back before f has returned: f may wait
// for it.
func (s *Server) OnSuspend(f func(c *Conn, why error)) {
	s.mustBeOpen()
	needFunc("OnSuspend", f == nil)
	s.onSuspend = f
}

// OnResume registers what runs when a client has come back and goes on as if nothing had
// happened, before anything more that it sends is handled, except by handlers that are [Concurrent]
// if f takes long.
func (s *Server) OnResume(f func(c *Conn)) {
	s.mustBeOpen()
	needFunc("OnResume", f == nil)
	s.onResume = f
}

// suspended tells the program, and ends the connection if it is not resumed in time.
func (s *Server) suspended(c *Conn, l *session.Link, why *Error) {
	s.eng.log.info(c, "a connection is suspended", why)
	if s.onSuspend != nil {
		c.tellChange(func() {
			defer s.eng.recover(c, "suspend handler")
			s.onSuspend(c, why)
		})
	}
	l.Release()
	t := time.NewTimer(s.opts.Timeouts.Resume)
	defer t.Stop()
	select {
	case <-l.WhenReplaced():
	case <-c.Context().Done():
	case <-t.C:
		c.end(why, nil, ending{waiting: l})
	}
}

// sessionOf returns the connection that a hello wants to go on with, or nil if there is none or
// the token is not its own.
func (s *Server) sessionOf(hello *wire.Hello) *Conn {
	id, ok := session.ConnOf(hello.Session)
	if !ok {
		return nil
	}
	c := s.roster.Session(id)
	if c == nil || !session.SameToken(c.sess.Token(), hello.Token) {
		return nil
	}
	return c
}

// resume goes on with the connection that a newcomer names, over the newcomer's stream, and returns the
// connection; the caller reads it. It returns nil if the newcomer is to join like any other. The connection that
// was named, if there is one, has ended then, unless the hello is an old one.
func (s *Server) resume(ar *arrival, rd *reader, hello *wire.Hello) *Conn {
	c := s.sessionOf(hello)
	if c == nil || c.hasAcked(hello.Received) {
		return nil
	}
	evicted, ok := s.gate.Resume(c.atServer.slot, ar.slot)
	s.makeRoom(evicted)
	if !ok {
		return nil
	}
	c.sess.Confirm()
	l := session.NewLink(ar.stream)
	for {
		before := c.sess.Link() // before the looks that follow: a newcomer that takes the place later brings another link
		if c.hasAcked(hello.Received) || s.gate.HasRoomMade(ar.slot) {
			return nil
		}
		if !s.awaitReleased(c, before) {
			return nil
		}
		outcome := s.relink(c, ar, before, l, rd, hello.Received)
		switch {
		case outcome == session.Resumed:
			s.shaken(ar)
			s.eng.counters.resumed.Add(1)
			ar.stream.SetReadDeadline(time.Time{}) //nolint:errcheck // the read will fail
			return c
		case s.gate.HasRoomMade(ar.slot): // another stream goes on with the session
			return nil
		case outcome == session.NotKept && !c.hasAcked(hello.Received): // awaitReleased waits until it has left
			c.end(NewError(CodeConnLost, "what the client lacks is not kept any more"), nil, ending{waiting: before})
		}
	}
}

// hasAcked reports whether the peer has acknowledged more than so many frames. A hello that says it has
// received so many is then an old one: the client has given that attempt up, or somebody goes on with a copy of
// the session. It must not harm the client that has the session.
func (c *Conn) hasAcked(received uint64) bool {
	return received < c.out.Stats().Acked
}

// goOn tells the program that a connection was resumed, and reads it.
func (s *Server) goOn(c *Conn, rd *reader) {
	s.eng.log.info(c, "a connection is resumed", nil)
	if s.onResume != nil {
		c.awaitEvent(c.tell(func() {
			defer s.eng.recover(c, "resume handler")
			s.onResume(c)
		}))
	}
	c.endBatch()
	c.read(rd)
}

// awaitReleased gives up the link that a connection may still have, since its client has come over another stream, and
// waits until nobody uses that link. It reports false once the connection has ended and its leave handler has
// run.
func (s *Server) awaitReleased(c *Conn, l *session.Link) bool {
	if !c.suspend(l, NewError(CodeConnLost, "the client has come back over another connection")) {
		c.end(NewError(CodeConnLost, "too many connections are suspended"), nil, ending{})
	}
	released := l.WhenReleased()
	if c.isEnded() {
		released = nil
	}
	patience := s.opts.Timeouts.Hello
	if patience == 0 {
		patience = defaultHelloTime
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-released:
		return true
	case <-c.Done():
	case <-t.C:
		c.end(NewError(CodeConnLost, "a suspend handler does not return"), nil, ending{})
	}
	return false
}

// relink gives the connection its new stream, after a welcome, and its new address. One newcomer at a time
// does so: nobody else resumes the connection, and so nobody reads it while it is suspended.
func (s *Server) relink(c *Conn, ar *arrival, before, l *session.Link, rd *reader, received uint64) session.Outcome {
	s.relinking.Lock()
	defer s.relinking.Unlock()
	if s.isClosing() {
		return session.NotKept
	}
	if !c.sess.Waits(before) {
		return session.Changed
	}
	addr := l.Stream.Info().Remote
	w := s.welcomeTo(c)
	w.Resumed, w.Received, w.Addr = true, c.sess.Received(), addr
	if !s.gate.Relink(c.atServer.slot, ar.slot) {
		return session.NotKept
	}
	outcome := c.relink(before, l, rd, received, wire.AppendWelcome(nil, w))
	if outcome == session.Resumed {
		s.roster.Move(c, &c.who, addr)
	}
	return outcome
}

// welcomeTo returns what a client is told of itself.
func (s *Server) welcomeTo(c *Conn) *wire.Welcome {
	return &wire.Welcome{
		Session: c.sess.ID(), Token: c.sess.Token(), AckBytes: uint64(session.AckAt(s.opts.Limits.QueueBytes)),
		MaxFrame: uint64(s.opts.Limits.MaxFrame), MaxName: uint64(s.opts.Limits.MaxName),
		MaxCommand: uint64(s.opts.Limits.MaxCommand), MaxGroups: uint64(s.opts.Limits.MaxGroups), MaxCalls: uint64(s.opts.Limits.MaxCalls),
		Notices: c.atServer.notices != nil, Heartbeat: s.opts.Timeouts.Heartbeat, Name: c.Name(), Addr: c.Addr(),
		ResumeTime: s.resumeTime(c),
	}
}

// resumeTime is how long a client whose stream breaks off may take to come back, or zero if it cannot.
func (s *Server) resumeTime(c *Conn) time.Duration {
	if c.sess.Token() == nil {
		return 0
	}
	return s.opts.Timeouts.Resume
}
