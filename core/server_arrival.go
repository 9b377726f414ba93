package core

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/internal/ahead"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// An arrival is a stream that has not become a connection: its newcomer shakes hands, or is
// being told why it is refused. Server.shaking holds the arrival as long.
type arrival struct {
	key    uint64 // in Server.shaking
	stream transport.Conn
	slot   *admit.Slot

	decision admit.Decision // of Authorize and AuthorizeGroup, if they are asked

	// Owned by the goroutine of the arrival, and after giveUp by the goroutine that has called it.
	hello   *wire.Hello   // nil before it has come
	peer    *legacyPeer   // nil for a native peer
	unheard bool          // no byte has been read from the stream
	ahead   *ahead.Reader // reads ahead while the program decides; nil if the program is not asked
	shown   *Conn         // the newcomer's connection, once AuthorizeGroup has been given it; nil before
	unsaid  []string      // groups that the welcome had no room for
}

// takeSlot reserves an admission slot for a newcomer whose hello has come.
func (s *Server) takeSlot(ar *arrival) *Error {
	if s.budget.IsOver() {
		return s.later(NewError(CodeOverloaded, "the server holds as much as it may"))
	}
	evicted, no := s.gate.Ask(ar.slot)
	s.makeRoom(evicted)
	return s.noSlot(no)
}

// noSlot returns the error for a newcomer that gets no slot, or nil for admit.None.
func (s *Server) noSlot(no admit.Refusal) *Error {
	switch no {
	case admit.None:
		return nil
	case admit.Full:
		return NewError(CodeTooManyConns, "the server has "+strconv.Itoa(s.limits.Conns)+" connections")
	case admit.AddrFull:
		return NewError(CodeTooManyConns, "the server has "+strconv.Itoa(s.limits.ConnsPerAddr)+" connections from this address")
	case admit.Busy:
		return NewError(CodeTooManyConns, strconv.Itoa(s.limits.Greeting)+" newcomers are being welcomed")
	case admit.AddrBusy:
		return NewError(CodeTooManyConns, strconv.Itoa(s.limits.GreetingPerAddr)+" newcomers from this address are being welcomed")
	}
	return errMadeRoom
}

var errMadeRoom = &Error{Code: CodeTooManyConns, Message: "the place was given to another newcomer"}

// makeRoom ends the arrivals and connections whose slots were given to others. The caller holds no lock.
func (s *Server) makeRoom(evicted ...*admit.Slot) {
	for _, p := range evicted {
		if p == nil {
			continue
		}
		switch owner := p.Owner().(type) {
		case *arrival:
			s.hurry(owner)
		case *Conn:
			s.eng.counters.givenUp.Add(1)
			endAway(owner, NewError(CodeConnLost, "its place was needed by another connection"))
		}
	}
}

// hurry ends the wait of an arrival's goroutine for the hello or for the program's decision.
func (s *Server) hurry(ar *arrival) {
	ar.stream.SetReadDeadline(time.Now()) //nolint:errcheck // it has its own deadline
	ar.decision.Hurry()
}

// endAway ends a suspended connection. When it returns, nobody can send to the connection
// any more. The leave handler runs on another goroutine, so that it does not hold up the caller.
func endAway(c *Conn, why *Error) {
	if c.life.tryEnter() {
		c.end(why, nil, ending{})
		go c.exit()
	}
}

// beginDecision returns the context in which the program decides about a newcomer, until decided is called.
// The context ends at the time by, unless that is zero.
func (s *Server) beginDecision(base context.Context, ar *arrival, by time.Time) context.Context {
	if hasAhead {
		s.watch(ar)
	}
	return ar.decision.Begin(base, by, func() { s.giveUp(ar) })
}

// decided notes that the program has decided, or was not asked. It reports false if the program has decided too
// late: then giveUp has turned the newcomer away.
func (s *Server) decided(ar *arrival) bool {
	if !ar.decision.Done() {
		return false
	}
	if ar.ahead != nil {
		ar.ahead.Stop()
	}
	return true
}

// giveUp turns a newcomer away if the decision about it is pending: Authorize or AuthorizeGroup does not return.
// The goroutine of that function goes on, since nobody can end it; the stream and the admission slot are freed.
func (s *Server) giveUp(ar *arrival) {
	if ar.decision.GiveUp() {
		s.turnAway(ar, s.later(NewError(CodeUnavailable, "")), errNoDecision, false)
	}
}

var errNoDecision = &Error{Code: CodeDeadlineExceeded, Message: "Authorize or AuthorizeGroup does not return"}

// turnAway tells a newcomer that it is refused, closes its stream, and frees its slot. Only the logger and the error hook
// are told of cause, which may be nil. http says that the newcomer speaks HTTP.
func (s *Server) turnAway(ar *arrival, why *Error, cause error, http bool) {
	defer s.shaken(ar)
	defer ar.stream.Close() //nolint:errcheck // also if the error hook ends its goroutine

	s.makeRoom(s.gate.Refuse(ar.slot)) // before it is told, and may come again
	shown := why
	if cause != nil {
		shown = wrapError(why.Code, "", cause)
	}
	s.refused(ar.stream, ar.hello, shown)
	if s.gate.HasRoomMade(ar.slot) {
		return
	}
	if ar.unheard && why.Code != CodeHelloTimeout { // a newcomer that was silent for all that time stays silent
		http = s.hearOut(ar)
	}
	hangUp(ar.stream, s.refusal(why, ar.hello, http, ar.peer), ar.ahead)
}

// dismiss is turnAway for a newcomer that may have a connection. If the program has been given the connection by
// AuthorizeGroup, it may wait for its end.
func (s *Server) dismiss(ar *arrival, why *Error, cause error, http bool) {
	c := ar.shown
	lifted := c != nil && c.reason() != errNotWelcomed // by admit: the program may have used the connection
	if lifted {
		s.conns.Add(1) // see closed
	}
	s.turnAway(ar, why, cause, http)
	switch {
	case lifted:
		c.end(notLetIn(why), nil, ending{})
		c.exit()
	case c != nil:
		c.finishHeld(why)
	}
}

// finishHeld ends a connection that is held. Nothing of it runs.
func (c *Conn) finishHeld(why *Error) {
	gone := notLetIn(why)
	c.setHeld(gone)
	c.life.cancel(gone)
	c.uncount()
	c.life.done.Happen()
}

func notLetIn(why *Error) *Error {
	return wrapError(CodeConnLost, "the client was not let in", why)
}

// hearTime is how long a refused newcomer has to send its first bytes.
const hearTime = 200 * time.Millisecond

// hearOut reads the first bytes of a newcomer that is refused before it has sent any, for instance because the
// server shuts down. They tell in which protocol to refuse it. It reports whether that is HTTP.
func (s *Server) hearOut(ar *arrival) (http bool) {
	rd := &reader{}
	defer rd.release()
	ar.stream.SetReadDeadline(time.Now().Add(hearTime)) //nolint:errcheck // then it takes longer
	if readMore(ar.stream, rd) != nil {
		return false
	}
	if s.isLegacy(rd) {
		_, ar.peer, _ = s.readLegacyHello(ar.stream, rd)
	}
	return looksLikeHTTP(rd.buf[:rd.w])
}

// shaken frees the slot of an arrival that did not become a connection of its own, and forgets the arrival.
func (s *Server) shaken(ar *arrival) {
	s.gate.Free(ar.slot)
	s.mu.Lock()
	delete(s.shaking, ar.key)
	s.mu.Unlock()
	s.conns.Done()
}

// arrivals returns all arrivals at this moment.
func (s *Server) arrivals() []*arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.shaking))
}

// refused tells the log and the error hook why a newcomer is refused.
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
	s.eng.reportError(nil, why)
}

// refusal returns the frame that refuses a newcomer. hello is nil if it has sent none.
func (s *Server) refusal(why *Error, hello *wire.Hello, http bool, peer *legacyPeer) []byte {
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
