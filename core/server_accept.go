package core

import (
	"context"
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// accept takes a new stream, whose handshake and reading get a goroutine of their own.
func (s *Server) accept(base context.Context, stream transport.Conn) {
	from := s.addrLimits.keyOf(stream.Info().Remote)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		stream.Close() //nolint:errcheck // it was never used
		return
	}
	s.lastKey++
	key := s.lastKey
	s.shaking[key] = stream
	s.conns.Add(1)
	if why := s.takePlaceLocked(key, from); why != nil {
		go s.refuseFull(key, stream, why)
		return
	}
	go s.welcome(base, key, stream)
}

// shaken ends the accounts of a stream that did not become a connection.
func (s *Server) shaken(key uint64) {
	s.mu.Lock()
	delete(s.shaking, key)
	s.mu.Unlock()
	s.conns.Done()
}

// refuseFull tells a newcomer that there is no place for it, unless too many are being told
// so at this moment.
func (s *Server) refuseFull(key uint64, stream transport.Conn, why *Error) {
	defer s.shaken(key)
	s.refused(stream, why)
	select {
	case s.refusing <- struct{}{}:
		defer func() { <-s.refusing }()
		hangUp(stream, s.refusal(why, nil, false, nil))
	default:
		stream.Close() //nolint:errcheck // nothing to be done about it
	}
}

func (s *Server) refused(stream transport.Conn, why *Error) {
	log := s.eng.log.Info
	if why.Code == CodeUnavailable || why.Code == CodeInternal { // it is not the newcomer's fault
		log = s.eng.log.Error
	}
	log("hisock: refused", "remote", printable(stream.Info().Remote), "err", why.Error())
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
		s.eng.fault(nil, left)
	}
	return refusal(say, http, peer)
}

// welcome shakes hands and then reads the connection until it ends.
func (s *Server) welcome(base context.Context, key uint64, stream transport.Conn) {
	var hurry time.Time
	if s.opts.HelloTimeout > 0 {
		hurry = time.Now().Add(s.opts.HelloTimeout)
		stream.SetReadDeadline(hurry) //nolint:errcheck // the read will fail
	}
	if s.isClosing() { // a Shutdown may have set its own deadline just before
		stream.SetReadDeadline(time.Now()) //nolint:errcheck // the read will fail
	}
	rd := &reader{}
	hello, peer, why := s.readHello(stream, rd)
	var a *Admission
	var c *Conn
	settled := false
	defer func() {
		if settled {
			return
		}
		// The program has ended this goroutine, which nothing can prevent.
		defer s.shaken(key)
		defer s.endShake()
		s.freePlace(key)
		why := s.later(NewError(CodeUnavailable, ""))
		s.refused(stream, wrapError(why.Code, "", errGoexit))
		hangUp(stream, s.refusal(why, hello, false, peer))
	}()
	if why == nil && len(hello.Token) > 0 {
		if c := s.resume(key, stream, rd, hello); c != nil {
			settled = true
			s.goOn(c, rd)
			return
		}
	}
	if why == nil && hello.OnlyResume {
		why = NewError(CodeSessionOver, "")
	}
	if why == nil {
		a, why = s.authorize(base, key, stream.Info(), hello, peer != nil, hurry)
	}
	if why == nil {
		c, why = s.admit(base, key, stream, hello, peer, a)
	}
	settled = true
	if why != nil {
		defer s.shaken(key)
		defer s.endShake() // behind the refusal, which takes a goroutine too
		http := why.Code == CodeNotNative && looksLikeHTTP(rd.buf[:rd.w])
		rd.release()
		if s.isClosing() {
			why = s.farewell()
		}
		s.freePlace(key) // before it is told, and may come again
		s.refused(stream, hideAuth(why, hello))
		hangUp(stream, s.refusal(why, hello, http, peer))
		return
	}
	s.enterGroups(c)
	stream.SetReadDeadline(time.Time{}) //nolint:errcheck // the read will fail
	c.serve(rd, func() {
		s.runJoin(c)
		s.come(c)
	})
}

var errShuttingDown = NewError(CodeShutdown, "the server is shutting down")

// readHello reads the preface and the hello. Nothing larger than the hello's own limit is
// allocated for it.
func (s *Server) readHello(stream transport.Conn, rd *reader) (*wire.Hello, *classicPeer, *Error) {
	if err := readMore(stream, rd); err != nil {
		return nil, nil, handshakeError(err)
	}
	if s.opts.ClassicHeaderLen > 0 && isClassic(rd.buf[0]) {
		return s.readClassicHello(stream, rd)
	}
	if err := readPreface(stream, rd); err != nil {
		return nil, nil, err
	}
	hello, err := s.readNativeHello(stream, rd)
	return hello, nil, err
}

func (s *Server) readNativeHello(stream transport.Conn, rd *reader) (*wire.Hello, *Error) {
	f, err := readFrame(stream, rd, s.opts.MaxHello)
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
		MaxName: s.opts.MaxName, MaxGroups: s.opts.MaxGroups,
		MaxAuth: s.opts.MaxHello, MaxMetadata: s.opts.MaxHello,
	})
	if err != nil {
		return nil, wireError(err)
	}
	if hello.Version != wire.Version {
		return nil, errVersion
	}
	return hello, nil
}

// admit makes a connection of a stream whose hello is well formed: its welcome is queued
// before anybody can send to it.
func (s *Server) admit(base context.Context, key uint64, stream transport.Conn, hello *wire.Hello, peer *classicPeer, a *Admission) (*Conn, *Error) {
	c := newConn(base, s.eng, s.lastID.Add(1), stream)
	c.server, c.classic = true, peer
	c.addr = c.Info().Remote
	c.name = hello.Name
	c.groups = slices.Compact(slices.Sorted(slices.Values(hello.Groups)))
	c.auth, c.metadata = hello.Auth, hello.Metadata
	c.values.Store(&a.values)
	c.peerMaxFrame = peerMaxFrame(hello.MaxFrame)
	c.joined = true
	refused := s.allowGroups(base, key, c, a)
	if hello.Resume && peer == nil && s.opts.ResumeTime > 0 {
		c.session = newSession(c.id, hello)
		c.out.keep.on = c.token != nil
	}
	if hello.Notices && (s.opts.Notices != nil || peer != nil) {
		c.notices = notices.New(s.opts.QueueBytes)
	}
	c.out.batch = true // nothing is written before the join handler has run
	w := s.welcomeTo(c)
	w.Refused = refused
	w.FitRefused(c.peerMaxFrame)
	c.queueWelcome(w)

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		c.cancel(nil)
		return nil, errShuttingDown
	}
	if c.name != "" && !s.addName(c.name, c) {
		c.cancel(nil)
		return nil, nameTaken(c.name)
	}
	delete(s.shaking, key)
	s.gate.shakes--
	c.place = key
	c.guard = newGuard(&s.opts)
	c.setHeld(nil)
	if !s.replays() {
		for _, g := range c.groups {
			s.groups.add(g, c)
		}
	}
	if c.notices != nil {
		s.subscribers.add(c)
	}
	s.byAddr.add(c.addr, c)
	if c.token != nil {
		s.sessions[c.id] = c
	}
	s.all.add(c)
	heartbeat := s.opts.Heartbeat
	if c.classic != nil {
		heartbeat = 0 // it has none
	}
	s.eng.sweep.add(c, heartbeat)
	return c, nil
}

// queueWelcome puts the welcome at the head of the queue. It is written when the join
// handler has run, with what that handler sent.
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
