package core

import (
	"time"

	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// OnSuspend registers a function that runs when the stream of a client has broken off and the client may come back.
// Meanwhile it counts as a client, and messages to it wait in its queue. Later either the function of [Server.OnResume]
// runs, or, after [Timeouts.Resume], that of [Server.OnLeave]. The functions of OnSuspend and OnResume run one after the
// other, beside handlers of the client that are still busy. The client may be back before f has returned: f may wait
// for it.
func (s *Server) OnSuspend(f func(c *Conn, why error)) {
	s.mustBeOpen()
	needFunc("OnSuspend", f == nil)
	s.onSuspend = f
}

// OnResume registers a function that runs when a client has come back and its connection goes on. It runs before the
// frames that the client sends from then on are handled, except that [Concurrent] handlers may run if f takes
// long.
func (s *Server) OnResume(f func(c *Conn)) {
	s.mustBeOpen()
	needFunc("OnResume", f == nil)
	s.onResume = f
}

// suspended tells the program that a connection is suspended, and ends the connection if it is not resumed in time.
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

// sessionOf returns the connection that a hello wants to resume. It returns nil if there is none, or if the hello's
// token is wrong.
func (s *Server) sessionOf(hello *wire.Hello) *Conn {
	id, ok := s.ownSession(hello.Session)
	if !ok {
		return nil
	}
	c := s.roster.Session(id)
	if c == nil || !sameToken(c.sess.Token(), hello.Token) {
		return nil
	}
	return c
}

// ownSession returns the id of this server's connection from a session id. It reports false if the session belongs to another server.
func (s *Server) ownSession(id []byte) (conn uint64, ok bool) {
	node, conn, ok := session.ConnOf(id)
	if ok && (node != 0 || s.cluster != nil) {
		return s.cluster.ownSession(node, conn)
	}
	return conn, ok
}

// resume resumes the connection that a newcomer's hello names, over the newcomer's stream, and returns the
// connection, which the caller must read. It returns nil if the newcomer must join like any other. Then the connection
// that the hello names has ended, if there is one, unless the hello is an old one or the newcomer has lost its slot.
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
		before := c.sess.Link() // read first: if another newcomer resumes the session after that, the link is another one
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

// hasAcked reports whether the peer has acknowledged more frames than received. If so, a hello with that number is an
// old one: of an attempt that the client has given up, or of somebody with a copy of the session. It must not harm the
// client that uses the session.
func (c *Conn) hasAcked(received uint64) bool {
	return received < c.out.Stats().Acked
}

// goOn tells the program that a connection was resumed, and then reads the connection until the stream ends.
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

// awaitReleased makes a connection whose client has come over another stream lose its link, and
// waits until nobody uses that link. If the connection has ended instead, awaitReleased waits until its leave handler
// has run, and reports false. It reports false as well if this takes too long.
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

// relink gives the connection its new link, with a welcome as the first frame, and its new address. Only one newcomer at
// a time is in relink, so that no two resume the same connection.
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
	w.Resumed, w.Received, w.Addr, w.Token = true, c.sess.Received(), addr, ar.hello.Token
	if !s.gate.Relink(c.atServer.slot, ar.slot) {
		return session.NotKept
	}
	outcome := c.relink(before, l, rd, received, wire.AppendWelcome(nil, w))
	if outcome == session.Resumed {
		s.roster.Move(c, &c.who, addr)
	}
	return outcome
}

// welcomeTo returns the welcome for a connection, with the limits, name and address of its client.
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
