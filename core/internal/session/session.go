// Package session is the life of a connection over one stream after the other: which link carries
// it, whether it can be resumed, why it has ended, and how many frames of the peer were received.
//
// A Session knows neither what is sent nor who handles what comes. Its methods are safe for
// concurrent use, except where they say that they are the reader's: one goroutine at a time reads.
// Its lock is taken last, and nothing is called with it held.
package session

import (
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
)

// A State says where a session is in its life.
//
//	from        to          by        when
//	Linked      Suspended   Suspend   the link has broken off, and Losing says CanWait
//	            Ended       End       anybody has a reason
//	Suspended   Linked      Relink    the peer goes on over another link
//	            Ended       End       it does not, or anybody has a reason
type State uint32

const (
	// Linked: a link carries frames, or has broken off and nobody has noticed.
	Linked State = iota

	// Suspended: the last link is lost. Nothing is read or written, what is sent waits, and the
	// peer may go on over another link.
	Suspended

	// Ended: the first reason to end has come. No frame is handled any more. If the last link is not lost,
	// it carries what is left to be said, and is read until the peer has closed it too.
	Ended
)

// A Session is that of one connection. Its zero value is Linked, has no link, and cannot be resumed.
type Session struct {
	state     atomic.Uint32 // a State; written with mu held
	confirmed atomic.Bool   // the peer is known to have the token
	link      atomic.Pointer[Link]

	acks

	// Set by Open, before anybody else knows the session.
	id, token []byte
	keptFor   time.Duration

	mu       lock.Mutex[lock.Session] // guards the fields below
	why      error                    // not nil once it has ended
	detached bool                     // it goes on elsewhere
}

// Begin gives a session its first link.
func (s *Session) Begin(l *Link) { s.link.Store(l) }

// Credentials are what a peer needs to go on with a session over another stream.
type Credentials struct {
	ID, Token []byte
	AckBytes  uint64        // the peer wants an ack at least each so many bytes; zero if it does not say
	KeptFor   time.Duration // at a client: how long the server keeps the session; zero if it does not say
}

// Open makes a session one that can be resumed, at a server once the peer has confirmed that it has
// the token. Nobody else knows the session yet.
func (s *Session) Open(c Credentials, confirmed bool) {
	s.id, s.token, s.keptFor = c.ID, c.Token, c.KeptFor
	s.ackBytes = peerAckBytes(c.AckBytes)
	s.confirmed.Store(confirmed)
}

// ID returns the name of the session, which is no secret.
func (s *Session) ID() []byte { return s.id }

// Token returns what proves that a client is the one whose session it names, or nil if the session cannot be resumed.
func (s *Session) Token() []byte { return s.token }

// KeptFor returns for how long a server has said to keep the session, or zero.
func (s *Session) KeptFor() time.Duration { return s.keptFor }

// Confirm notes that the peer has the token: it has acknowledged something, or shown the token.
func (s *Session) Confirm() {
	if !s.confirmed.Load() {
		s.confirmed.Store(true)
	}
}

// State returns the state, with one atomic load.
func (s *Session) State() State { return State(s.state.Load()) }

// Link returns the link that is in use, or was last.
func (s *Session) Link() *Link { return s.link.Load() }

// Why returns why the session has ended, or nil while it has not.
func (s *Session) Why() error {
	s.mu.Lock()
	why := s.why
	s.mu.Unlock()
	return why
}

// A Loss says what is to be done about a link that has broken off.
type Loss uint8

const (
	Noticed Loss = iota // nothing: somebody has noticed before
	CanWait             // Suspend, if there is a place for the session
	MustEnd             // End
)

// Losing returns what is to be done about a link that has broken off.
func (s *Session) Losing(l *Link) Loss {
	switch {
	case l.State() == Lost:
		return Noticed
	case s.State() != Linked || s.token == nil || !s.confirmed.Load():
		return MustEnd
	}
	return CanWait
}

// Suspend gives the link up, which is lost from now on. It reports false if the session is not
// linked over it.
func (s *Session) Suspend(l *Link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.State() != Linked || s.Link() != l {
		return false
	}
	s.state.Store(uint32(Suspended))
	l.lose()
	return true
}

// Mute notes that a write to the link has failed, so that the link is only read from now on. It
// reports false if there is nothing to be read for: the link is mute or lost already, or the session has ended.
func (s *Session) Mute(l *Link, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.State() == Ended || l.State() != Sound {
		return false
	}
	l.failed = err
	l.state.Store(uint32(Mute))
	return true
}

// Waits reports whether the session is suspended since it lost that link, and may be relinked here.
func (s *Session) Waits(l *Link) bool {
	s.mu.Lock()
	waits := s.suspendedLocked(l) && !s.detached
	s.mu.Unlock()
	return waits
}

func (s *Session) suspendedLocked(l *Link) bool { return s.State() == Suspended && s.Link() == l }

// An Outcome says what has come of an attempt to resume a session.
type Outcome uint8

const (
	Resumed Outcome = iota
	Changed         // the session is not suspended as it was; who wants to resume it looks again
	NotKept         // the session cannot go on: what the peer lacks is not there any more
)

// Relink goes on over another link than the one that was lost. Nobody uses that one any more, and
// the caller has told the peer, or heard from it, how much was received. It reports false if the
// session does not wait for that.
func (s *Session) Relink(before, now *Link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.suspendedLocked(before) || s.detached {
		return false
	}
	s.ackedAt, s.unacked = s.received, 0
	s.link.Store(now)
	s.state.Store(uint32(Linked))
	before.replaced.Happen()
	return true
}

// Detach keeps the session from being relinked here: it goes on elsewhere. It returns the last link.
func (s *Session) Detach() *Link {
	s.mu.Lock()
	s.detached = true
	l := s.Link()
	s.mu.Unlock()
	return l
}

// Detached reports whether the session goes on elsewhere.
func (s *Session) Detached() bool {
	s.mu.Lock()
	detached := s.detached
	s.mu.Unlock()
	return detached
}

// End ends the session, for a reason that is not nil, unless it has ended. If only is not nil it
// does so only if the session is suspended since it lost that link. It returns the state before,
// and whether this call has ended the session.
func (s *Session) End(why error, only *Link) (before State, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.State()
	if before == Ended || only != nil && !s.suspendedLocked(only) {
		return before, false
	}
	s.why = why
	s.state.Store(uint32(Ended))
	return before, true
}

// Hold makes a session that nobody else knows yet seem to have ended, for a reason, or with nil seem
// to begin.
func (s *Session) Hold(why error) {
	s.mu.Lock()
	s.why = why
	if why != nil {
		s.state.Store(uint32(Ended))
	} else {
		s.state.Store(uint32(Linked))
	}
	s.mu.Unlock()
}
