package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/internal/ahead"
	"github.com/hisock/hisock/core/internal/guard"
	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/internal/roster"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// How a newcomer whose hello is well formed becomes a client:
//
//	decided about   Authorize and AuthorizeGroup are asked. The stream is read ahead meanwhile, so that
//	                their contexts end when the client hangs up; then it does not join (watch).
//	admitted        the newcomer has its seats and its slot, and others find it; what they send waits (admit).
//	welcomed        the welcome has been written (greet). If it cannot be written, the newcomer
//	                leaves without a trace: no handler of the program is told of it.
//	joined          OnJoin runs, then other clients are told.
//	confirmed       the client has acknowledged the welcome, so it has the token of its session.
//	                Before that nobody could resume the session: see suspend.

// watch reads the stream of an arrival ahead while the program decides about it, and ends the context of the
// decision when the stream has ended.
func (s *Server) watch(ar *arrival) {
	ar.ahead = ahead.New(ar.stream, &readBuffers)
	ar.stream.SetReadDeadline(time.Time{}) //nolint:errcheck // the read will fail
	s.conns.Go(func() {
		if err := ar.ahead.Run(); err != nil && !timedOut(err) { // a timeout is the deadline that hurry has set
			ar.decision.Hurry()
		}
	})
}

// hungUp returns an error if the stream has ended while the program decided. A client that has closed only
// its own direction has hung up too, since it can never send anything.
func (ar *arrival) hungUp() *Error {
	if ar.ahead == nil {
		return nil
	}
	if err := ar.ahead.Ended(); err != nil && !timedOut(err) {
		return handshakeError(err)
	}
	return nil
}

// greet writes the welcome and nothing else, so that the join handler sends the first frame after it. A within that is
// not zero bounds the write. greet returns an error if the client cannot join: the welcome could not be written, or the
// connection has ended meanwhile.
func (c *Conn) greet(within time.Duration) *Error {
	frame, to := c.out.TakeWelcome()
	if frame == nil {
		return c.reason()
	}
	l := to.(*session.Link)
	if within > 0 {
		l.Stream.SetWriteDeadline(time.Now().Add(within)) //nolint:errcheck // the write will fail
	}
	_, err := l.Stream.Write(frame)
	l.Stream.SetWriteDeadline(time.Time{}) //nolint:errcheck // the next write will fail
	switch {
	case err != nil && (!c.takesControl() || c.sess.Losing(l) != session.MustEnd):
		// A client of the original does not wait for a welcome: it may have sent messages. A session of another node goes on over the next stream.
		c.writeFailed(l, err)
	case err != nil:
		c.end(wrapError(CodeConnLost, "the welcome could not be written", err), nil, ending{})
	}
	c.out.Welcomed()
	return c.reason()
}

// welcome is the goroutine of an arrival: it shakes hands, and then reads the connection until it ends.
func (s *Server) welcome(base context.Context, ar *arrival) {
	stream := ar.stream
	var hurry time.Time
	if s.opts.Timeouts.Hello > 0 {
		hurry = time.Now().Add(s.opts.Timeouts.Hello)
		stream.SetReadDeadline(hurry) //nolint:errcheck // the read will fail
	}
	if s.isClosing() || s.gate.HasRoomMade(ar.slot) { // hurry may have set its deadline before the one above
		stream.SetReadDeadline(time.Now()) //nolint:errcheck // the read will fail
	}
	rd := &reader{}
	var hello *wire.Hello
	var peer *legacyPeer
	why := s.readSource(ar)
	if why == nil {
		hello, peer, why = s.readHello(stream, rd)
		s.locate(ar)
	}
	ar.hello, ar.peer, ar.unheard = hello, peer, rd.w == 0
	settled := false
	defer func() { // a function of the program may have ended this goroutine by runtime.Goexit
		if !settled && s.decided(ar) {
			s.dismiss(ar, s.later(NewError(CodeUnavailable, "")), errGoexit, false)
		}
	}()
	if why == nil && len(hello.Token) > 0 {
		if c := s.resume(ar, rd, hello); c != nil {
			settled = true
			s.goOn(c, rd)
			return
		}
	}
	if why == nil && s.wasReplaced(hello) {
		why = NewError(CodeReplaced, "a newer connection has taken the place of this one")
	}
	var c *Conn
	if why == nil && len(hello.Token) > 0 {
		if c, why = s.cluster.fetch(base, ar); c != nil && why == nil {
			settled = true
			s.goOnFetched(c, rd)
			return
		}
	}
	if why == nil && hello.OnlyResume {
		why = NewError(CodeSessionOver, "")
	}
	if why == nil {
		why = s.takeSlot(ar)
	}
	if why == nil {
		c, why = s.decideAbout(base, ar, hurry)
		if left := ar.hungUp(); left != nil {
			why = left
		}
		if !s.decided(ar) { // giveUp has turned the newcomer away
			settled = true
			rd.release()
			if ar.shown != nil {
				ar.shown.finishHeld(errNoDecision)
			}
			return
		}
	}
	if why == nil {
		why = s.claimAndSeat(base, ar, c)
	}
	settled = true
	if why != nil {
		if c != nil && ar.shown == nil { // nobody else knows it
			c.life.cancel(nil)
		}
		http := why.Code == CodeNotNative && looksLikeHTTP(rd.buf[:rd.w])
		rd.release()
		switch {
		case s.isClosing():
			why = s.farewell()
		case s.gate.HasRoomMade(ar.slot):
			why = errMadeRoom
		}
		s.dismiss(ar, why, nil, http)
		return
	}
	served := false
	defer func() {
		if !served { // the error hook has ended this goroutine by runtime.Goexit
			c.endWith(errGoexit)
			c.sess.Link().EndReading(false)
			c.exit()
		}
	}()
	s.tellGroups(c, ar.unsaid)
	s.enterGroups(c)
	stream.SetReadDeadline(time.Time{}) //nolint:errcheck // the read will fail
	rd.ahead = ar.ahead
	why = c.greet(s.opts.Timeouts.Hello)
	if why != nil {
		s.refused(stream, ar.hello, why)
	}
	served = true
	c.serve(rd, nil, func() {
		if why != nil {
			return // the newcomer has left without a trace
		}
		c.atServer.joined = true
		s.runJoin(c)
		s.come(c)
	})
}

// decideAbout lets the program decide about a newcomer whose hello is well formed, and makes a connection
// of the stream. Nobody else knows that connection yet.
func (s *Server) decideAbout(base context.Context, ar *arrival, hurry time.Time) (*Conn, *Error) {
	ctx := base
	if s.opts.Access.Authorize != nil || s.opts.Access.AuthorizeGroup != nil {
		ctx = s.beginDecision(base, ar, hurry)
	}
	a, why := s.authorize(ctx, ar.stream.Info(), ar.hello, ar.peer != nil)
	if why != nil {
		return nil, why
	}
	return s.newcomer(base, ctx, ar, a), nil
}

// newcomer makes a connection of a stream, and queues the welcome before anybody can send to the connection. The
// connection's context derives from base; ctx is for AuthorizeGroup.
func (s *Server) newcomer(base, ctx context.Context, ar *arrival, a *Admission) *Conn {
	hello, peer := ar.hello, ar.peer
	c := newConn(base, s.eng, s.lastID.Add(1), peer.over(ar.stream))
	c.server = true
	c.speak(peer)
	c.who.SetAddr(c.Info().Remote)
	c.who.SetName(hello.Name)
	for _, g := range hello.Groups {
		c.who.AddGroup(g, -1) // their number has been checked
	}
	c.atServer.auth, c.atServer.metadata = hello.Auth, hello.Metadata
	if s.replays() {
		c.atServer.marks.Told(hello.Positions)
	}
	if values := a.values; len(values) > 0 { // a copy, so that the connection does not hold all of a
		c.values.list.Store(&values)
	}
	c.who.SetUser(a.User)
	c.peer.maxFrame = peerMaxFrame(hello.MaxFrame)
	refused := s.allowGroups(ctx, ar, c, a)
	if hello.Resume && s.opts.Timeouts.Resume > 0 {
		c.sess.Open(session.Credentials{ID: session.MakeID(s.cluster.number(), c.id), Token: session.NewToken(), AckBytes: hello.AckBytes}, false)
		if c.sess.Token() != nil {
			c.out.Keep()
		}
	}
	if hello.Notices && (s.opts.Access.Notices != nil || peer != nil) {
		c.atServer.notices = notices.New(s.opts.Limits.QueueBytes)
	}
	c.out.Hold(0) // nothing but the welcome is written before the join handler has run
	if peer != nil {
		c.queueWelcome(c.welcomeLegacy())
		return c
	}
	w := s.welcomeTo(c)
	w.Groups, w.Refused = c.Groups(), refused
	ar.unsaid = w.FitGroups(c.peer.maxFrame)
	w.FitRefused(c.peer.maxFrame)
	c.queueWelcome(wire.AppendWelcome(nil, w))
	return c
}

// admit puts a connection into the roster, if its seats are free and it gets an admission slot. The connection
// joins later, when its welcome has been written. If another connection has to make room for it, admit does nothing and
// returns that connection as the holder.
func (s *Server) admit(ar *arrival, c *Conn) (holder *Conn, why *Error) {
	if s.isClosing() {
		return nil, errShuttingDown
	}
	if holder, why = s.takeSeats(c); holder != nil || why != nil {
		return holder, why
	}
	evicted, no := s.gate.Join(ar.slot, c)
	for _, p := range evicted {
		s.roster.Uncount(p.Owner().(*Conn)) // so that Server.Len never exceeds MaxConns
	}
	defer s.makeRoom(evicted...)
	if no != admit.None {
		s.roster.Cancel(c, &c.who)
		return nil, s.noSlot(no)
	}
	c.atServer.slot = ar.slot
	c.guard = guard.New(guard.Limits{
		Frames: s.opts.Limits.FrameRate, Bytes: s.opts.Limits.ByteRate,
		Idle: s.opts.Timeouts.Idle, Frame: s.opts.Timeouts.Frame,
	})
	c.setHeld(nil)
	e := roster.Entry{Notices: c.atServer.notices != nil, Groups: !s.replays()}
	if c.move.Load() != nil { // its session is on its way from another node: what others send waits for it
		c.out.SetClosed(true)
		e.Groups = s.shared == nil || !s.replays()
	}
	if c.sess.Token() != nil {
		e.Session = c.id
	}
	if !s.roster.Enter(c, &c.who, e) {
		s.roster.Cancel(c, &c.who)
		if c.isEnded() {
			return nil, c.reason()
		}
		return nil, errShuttingDown
	}
	c.atServer.entered = true
	s.cluster.enter(c)
	s.eng.sweep.add(c, c.legacy.heartbeat(s.opts.Timeouts.Heartbeat))
	// Only now: a connection that has not entered never gives it back, and weigh takes bytes of connections that it does not find for
	// bytes that were counted twice.
	s.budget.Add(connCost)
	s.mu.Lock()
	delete(s.shaking, ar.key)
	s.mu.Unlock()
	return nil, nil
}

// queueWelcome puts the welcome at the head of the queue, if there is one.
func (c *Conn) queueWelcome(frame []byte) {
	if frame == nil {
		return
	}
	c.out.Welcome(frame)
}

// Bounds of the greatest frame that a peer reads, in bytes. The library's own frames fit into minPeerFrame, and the
// format allows no frame above maxPeerFrame.
const (
	minPeerFrame = 512
	maxPeerFrame = 1 << 30
)

// peerMaxFrame returns the size of the greatest frame that the peer reads, in bytes. n is the size that the peer has
// told, which is brought within bounds, or 0 if it has told none.
func peerMaxFrame(n uint64) int {
	if n == 0 {
		return wire.DefaultMaxFrame
	}
	return int(min(max(n, minPeerFrame), maxPeerFrame))
}

func (s *Server) runJoin(c *Conn) {
	if s.onJoin == nil {
		return
	}
	defer s.eng.recover(c, "join")
	s.onJoin(c)
}
