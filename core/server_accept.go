package core

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// accept takes a new stream, whose handshake and reading get a goroutine of their own.
func (s *Server) accept(base context.Context, stream transport.Conn) {
	ar := &arrival{stream: stream}
	from := addrOf(stream.Info())
	from.Proxy = isProxy(stream.Info())
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		stream.Close() //nolint:errcheck // it was never used
		return
	}
	s.lastKey++
	ar.key = s.lastKey
	s.shaking[ar.key] = ar
	s.conns.Add(1)
	var evicted *admit.Place
	ar.place, evicted = s.gate.Enter(from, ar)
	s.mu.Unlock()
	s.makeRoom(evicted)
	go s.welcome(base, ar)
}

// addrOf returns under what a newcomer is counted. A proxy that does not say for whom it speaks may
// stand for many.
func addrOf(info transport.Info) admit.Addr {
	from := admit.AddrOf(info.Remote)
	from.Many = from.Many || isProxy(info)
	return from
}

// isProxy reports whether the address of a stream is that of a proxy and not the client's.
func isProxy(info transport.Info) bool { return info.Proxy != "" && info.Proxy == info.Remote }

// readSource learns where a newcomer comes from whom a proxy has passed on, and counts it there
// from now on.
func (s *Server) readSource(ar *arrival) *Error {
	source, ok := ar.stream.(transport.SourceReader)
	if !ok || ar.stream.Info().Proxy == "" {
		return nil
	}
	err := source.ReadSource()
	switch {
	case err == nil:
		s.locate(ar)
		return nil
	case timedOut(err), errors.Is(err, io.EOF), errors.Is(err, transport.ErrClosed):
		return handshakeError(err)
	}
	return wrapError(CodeNotNative, "no word of the proxy about the client", err)
}

// locate counts a newcomer that comes through a proxy where it is known to come from. What wraps a
// stream may hide that it can be asked, and then it is known once the hello has been read.
func (s *Server) locate(ar *arrival) {
	if info := ar.stream.Info(); info.Proxy != "" {
		s.makeRoom(s.gate.Move(ar.place, addrOf(info)))
	}
}

// refused tells the log and the error hook that a newcomer is not let in.
func (s *Server) refused(stream transport.Conn, hello *wire.Hello, why *Error) {
	log, what := s.eng.log.warn, "a client is refused"
	switch why.Code {
	case CodeUnavailable, CodeInternal: // it is not the newcomer's fault
		log, what = s.eng.log.error, "the server cannot let a client in"
	case CodeConnLost, CodeShutdown: // as when a load balancer looks whether the port is open
		log, what = s.eng.log.debug, "a stream ended before its client was welcomed"
	}
	name := ""
	if hello != nil {
		name = hello.Name
	}
	log(nil, what, why, "addr", stream.Info().Remote, "name", name)
	s.eng.tell(nil, why)
}

// refusal is what a newcomer is sent that is not let in. hello is nil if it has sent none.
func (s *Server) refusal(why *Error, hello *wire.Hello, http bool, peer *classicPeer) []byte {
	limit := minPeerFrame
	if hello != nil {
		limit = peerMaxFrame(hello.MaxFrame)
	}
	say, left := forPeer(why, limit)
	if left != nil {
		s.eng.faultOf(nil, detailsNotSent, left)
	}
	return refusal(say, http, peer)
}

// welcome shakes hands and then reads the connection until it ends.
func (s *Server) welcome(base context.Context, ar *arrival) {
	stream := ar.stream
	var hurry time.Time
	if s.opts.Timeouts.Hello > 0 {
		hurry = time.Now().Add(s.opts.Timeouts.Hello)
		stream.SetReadDeadline(hurry) //nolint:errcheck // the read will fail
	}
	if s.isClosing() || s.gate.HasRoomMade(ar.place) { // who set a deadline just before
		stream.SetReadDeadline(time.Now()) //nolint:errcheck // the read will fail
	}
	rd := &reader{}
	var hello *wire.Hello
	var peer *classicPeer
	why := s.readSource(ar)
	if why == nil {
		hello, peer, why = s.readHello(stream, rd)
		s.locate(ar)
	}
	ar.hello, ar.peer, ar.unheard = hello, peer, rd.w == 0
	settled := false
	defer func() { // the program has ended this goroutine, which nothing can prevent
		if !settled && s.decided(ar) {
			s.turnAway(ar, s.later(NewError(CodeUnavailable, "")), errGoexit, false)
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
	if why == nil && hello.OnlyResume {
		why = NewError(CodeSessionOver, "")
	}
	if why == nil {
		why = s.takePlace(ar)
	}
	var c *Conn
	if why == nil {
		c, why = s.decideAbout(base, ar, hurry)
		if left := ar.hungUp(); left != nil {
			why = left
		}
		if !s.decided(ar) {
			settled = true
			rd.release()
			return
		}
	}
	if why == nil {
		why = s.seat(ar, c)
	}
	settled = true
	if why != nil {
		if c != nil {
			c.cancel(nil)
		}
		http := why.Code == CodeNotNative && looksLikeHTTP(rd.buf[:rd.w])
		rd.release()
		switch {
		case s.isClosing():
			why = s.farewell()
		case s.gate.HasRoomMade(ar.place):
			why = errMadeRoom
		}
		s.turnAway(ar, why, nil, http)
		return
	}
	served := false
	defer func() {
		if !served { // the error hook has ended this goroutine, which nothing can prevent
			c.endWith(errGoexit)
			c.link.Load().readerDone.Happen()
			c.exit()
		}
	}()
	s.sayGroups(c, ar.unsaid)
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
			return // it is as if it had never come
		}
		c.joined = true
		s.runJoin(c)
		s.come(c)
	})
}

// decideAbout lets the program decide about a newcomer whose hello is well formed, and makes a
// connection of its stream that nobody knows yet.
func (s *Server) decideAbout(base context.Context, ar *arrival, hurry time.Time) (*Conn, *Error) {
	ctx := base
	if s.opts.Access.Authorize != nil || s.opts.Access.AuthorizeGroup != nil {
		ctx = s.beginAsking(base, ar, hurry)
	}
	a, why := s.authorize(ctx, ar.stream.Info(), ar.hello, ar.peer != nil)
	if why != nil {
		return nil, why
	}
	return s.newcomer(base, ctx, ar, a), nil
}

var errShuttingDown = &Error{Code: CodeShutdown, Message: "the server is shutting down"}

// readHello reads the preface and the hello. Nothing larger than the hello's own limit is
// allocated for it.
func (s *Server) readHello(stream transport.Conn, rd *reader) (*wire.Hello, *classicPeer, *Error) {
	if err := readMore(stream, rd); err != nil {
		return nil, nil, handshakeError(err)
	}
	if s.opts.Classic.HeaderLen > 0 && isClassic(rd.buf[0]) {
		return s.readClassicHello(stream, rd)
	}
	if err := readPreface(stream, rd); err != nil {
		return nil, nil, err
	}
	hello, err := s.readNativeHello(stream, rd)
	return hello, nil, err
}

func (s *Server) readNativeHello(stream transport.Conn, rd *reader) (*wire.Hello, *Error) {
	f, err := readFrame(stream, rd, s.opts.Limits.MaxHello)
	if err != nil {
		if e, ok := find[*Error](err); ok {
			return nil, e
		}
		return nil, handshakeError(err)
	}
	if f.Kind != wire.KindHello {
		return nil, NewError(CodeProtocol, "a "+f.Kind.String()+" frame before the hello")
	}
	hello, err := wire.ParseHello(f.Body, &wire.Limits{
		MaxName: s.opts.Limits.MaxName, MaxGroups: s.opts.Limits.MaxGroups,
		MaxAuth: s.opts.Limits.MaxHello, MaxMetadata: s.opts.Limits.MaxHello,
	})
	if err != nil {
		return nil, wireError(err)
	}
	if hello.Version != wire.Version {
		return nil, errVersion
	}
	return hello, nil
}

// newcomer makes a connection of a stream, whose context derives from base: its welcome is queued
// before anybody can send to it. ctx is that of AuthorizeGroup.
func (s *Server) newcomer(base, ctx context.Context, ar *arrival, a *Admission) *Conn {
	hello, peer := ar.hello, ar.peer
	c := newConn(base, s.eng, s.lastID.Add(1), ar.stream)
	c.server = true
	c.speak(peer)
	c.addr = c.Info().Remote
	c.name = hello.Name
	for _, g := range hello.Groups {
		c.groups.Add(g, -1) // there are no more of them than there may be
	}
	c.auth, c.metadata = hello.Auth, hello.Metadata
	if s.replays() {
		c.takePositions(hello.Positions)
	}
	c.values.Store(&a.values)
	c.user = a.User
	c.peerMaxFrame = peerMaxFrame(hello.MaxFrame)
	refused := s.allowGroups(ctx, c, a)
	if hello.Resume && peer == nil && s.opts.Timeouts.Resume > 0 {
		c.session = newSession(c.id, hello)
		c.out.keep.on = c.token != nil
	}
	if hello.Notices && (s.opts.Access.Notices != nil || peer != nil) {
		c.notices = notices.New(s.opts.Limits.QueueBytes)
	}
	c.out.batch = true // nothing but the welcome is written before the join handler has run
	w := s.welcomeTo(c)
	w.Groups, w.Refused = c.Groups(), refused
	if peer == nil {
		ar.unsaid = w.FitGroups(c.peerMaxFrame)
		w.FitRefused(c.peerMaxFrame)
	}
	c.queueWelcome(w)
	return c
}

// admit lets everybody know a connection, if its name is free and there is a place. It has not
// joined yet: that is when its welcome has been written. If somebody is to make room for it, that is the
// holder.
func (s *Server) admit(ar *arrival, c *Conn) (holder *Conn, why *Error) {
	var evicted []*admit.Place
	defer func() { s.makeRoom(evicted...) }() // with no lock held
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return nil, errShuttingDown
	}
	if holder, why = s.takeSeats(c); holder != nil || why != nil {
		return holder, why
	}
	var no admit.Refusal
	if evicted, no = s.gate.Join(ar.place, c); no != admit.None {
		s.giveSeats(c)
		return nil, s.noPlace(no)
	}
	for _, p := range evicted {
		s.all.remove(p.Owner().(*Conn)) // so that there are never more than MaxConns
	}
	delete(s.shaking, ar.key)
	c.place = ar.place
	c.guard = newGuard(&s.opts)
	c.setHeld(nil)
	if !s.replays() {
		for _, g := range c.Groups() {
			s.groups.add(g, c)
		}
	}
	if c.notices != nil {
		s.subscribers.add(c)
	}
	if c.name != "" {
		s.named.add(c.name, c)
	}
	if c.user != "" {
		s.users.add(c.user, c)
	}
	s.byAddr.add(c.addr, c)
	if c.token != nil {
		s.sessions[c.id] = c
	}
	s.all.add(c)
	s.budget.Add(connCost)
	s.eng.sweep.add(c, c.heartbeat(s.opts.Timeouts.Heartbeat))
	return nil, nil
}

// heartbeat is how long the client may be silent before it is asked whether it is still there. It is
// zero if the client would not answer.
func (c *Conn) heartbeat(native time.Duration) time.Duration {
	switch {
	case !hasClassic || c.classic == nil:
		return native
	case c.classic.aliveProbe() == nil:
		return 0
	}
	return classicAlive * native
}

// queueWelcome puts the welcome at the head of the queue.
func (c *Conn) queueWelcome(w *wire.Welcome) {
	frame := c.classic.welcome(c)
	if c.classic == nil {
		frame = wire.AppendWelcome(nil, w)
	}
	if frame == nil {
		return
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.out.control.welcome, c.out.control.due = frame, true
}

// No peer may ask for frames so small that the library's own do not fit, and none reads
// larger ones than the format allows.
const (
	minPeerFrame = 512
	maxPeerFrame = 1 << 30
)

// peerMaxFrame is what the peer says it reads, within reason, or the default if it says
// nothing.
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
