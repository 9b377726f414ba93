// Package session is the life of a connection over one stream after the other: which link carries
// it, whether it can be resumed, why it has ended, and how many frames of the peer were received.
//
// A Session knows nothing of the frames that are sent or of handlers. Its methods are safe for
// concurrent use, except methods that are the reader's: only the goroutine that reads calls them.
// No lock is taken and nothing is called while its lock is held.
package session

import (
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
)

// A State says where a session is in its life.
//
//	from        to          by        when
//	Linked      Suspended   Suspend   the link has broken off, and Losing has returned CanWait
//	            Ended       End       there is a reason to end
//	Suspended   Linked      Relink    the peer goes on over another link
//	            Ended       End       the peer does not come back, or there is another reason to end
type State uint32

const (
	// Linked: a link carries frames, or has broken off and nobody has noticed.
	Linked State = iota

	// Suspended: the last link is lost. Nothing is read or written, sent frames wait, and the
	// peer may go on over another link.
	Suspended

	// Ended: the first reason to end has come. No frame is handled any more. If the last link is not lost,
	// it carries the frames that are left and the goodbye, and is read until the peer has closed it too.
	Ended
)

// A Session is the session of one connection. Its zero value is Linked, has no link, and cannot be resumed.
type Session struct {
	state     atomic.Uint32 // a State; written with mu held
	confirmed atomic.Bool   // the peer is known to have the token
	link      atomic.Pointer[Link]

	acks

	// Set by Open, before anybody else knows the session.
	token   []byte
	keptFor time.Duration

	mu       lock.Mutex[lock.Session] // guards the fields below
	id       string
	why      error // the reason of the end; nil before
	detached bool  // another client, or another node, goes on with the session
}

// Begin gives a session its first link.
func (s *Session) Begin(l *Link) { s.link.Store(l) }

// Credentials are what a peer needs to go on with a session over another stream.
type Credentials struct {
	ID, Token []byte
	AckBytes  uint64        // the peer wants an ack after at most that many bytes; zero if it does not say
	KeptFor   time.Duration // at a client: how long the server keeps the session; zero if it does not say
}

// Open gives a session its credentials. It can be resumed from now on if confirmed is set, and otherwise once Confirm has
// been called. Nobody else knows the session yet.
func (s *Session) Open(c Credentials, confirmed bool) {
	s.mu.Lock()
	s.id = string(c.ID)
	s.mu.Unlock()
	s.token, s.keptFor = c.Token, c.KeptFor
	s.ackBytes = peerAckBytes(c.AckBytes)
	s.confirmed.Store(confirmed)
}

// ID returns the id of the session, which is no secret. The caller owns it.
func (s *Session) ID() []byte {
	s.mu.Lock()
	id := s.id
	s.mu.Unlock()
	return []byte(id)
}

// SetID sets the id of a session that goes on at another server, unless the server has told none.
func (s *Session) SetID(id []byte) {
	if len(id) == 0 {
		return
	}
	s.mu.Lock()
	s.id = string(id)
	s.mu.Unlock()
}

// Token returns the secret that proves that the session is the client's, or nil if the session cannot be resumed.
func (s *Session) Token() []byte { return s.token }

// KeptFor returns how long the server has said it keeps the session, or zero.
func (s *Session) KeptFor() time.Duration { return s.keptFor }

// Confirm notes that the peer has the token: it has sent an ack, or the token itself.
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

// A Loss says what to do when a link has broken off.
type Loss uint8

const (
	Noticed Loss = iota // nothing: another goroutine has noticed before
	CanWait             // call Suspend, if there is a place for the session
	MustEnd             // call End
)

// Losing returns what to do when the link l has broken off.
func (s *Session) Losing(l *Link) Loss {
	switch {
	case l.State() == Lost:
		return Noticed
	case s.State() != Linked || s.token == nil || !s.confirmed.Load():
		return MustEnd
	}
	return CanWait
}

// Suspend suspends the session, whose link is lost from now on. It reports false if the session is not
// linked over l.
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
// reports false if the link is mute or lost already, or the session has ended.
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

// Waits reports whether the session has been suspended since it lost the link l, and may be relinked here.
func (s *Session) Waits(l *Link) bool {
	s.mu.Lock()
	waits := s.suspendedLocked(l) && !s.detached
	s.mu.Unlock()
	return waits
}

func (s *Session) suspendedLocked(l *Link) bool { return s.State() == Suspended && s.Link() == l }

// An Outcome is the result of an attempt to resume a session.
type Outcome uint8

const (
	Resumed Outcome = iota // the session goes on
	Changed                // the session is not suspended as it was: the caller looks at its state again
	NotKept                // the session cannot go on: frames that the peer lacks are not kept any more
)

// Relink links the session over the link now. before is the link that the session has lost; nobody uses it any more.
// The caller and the peer have told each other how many frames each has received. Relink reports false if the session
// has not been suspended since it lost before, or has been detached.
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

// Detach notes that another client goes on with the session: it cannot be relinked here any more. It returns the last
// link.
func (s *Session) Detach() *Link {
	s.mu.Lock()
	s.detached = true
	l := s.Link()
	s.mu.Unlock()
	return l
}

// DetachIdle is Detach for a session that has been suspended since it lost the link l. It reports false for any other session, which goes on.
func (s *Session) DetachIdle(l *Link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.suspendedLocked(l) || s.detached {
		return false
	}
	s.detached = true
	return true
}

// Detached reports whether Detach has been called.
func (s *Session) Detached() bool {
	s.mu.Lock()
	detached := s.detached
	s.mu.Unlock()
	return detached
}

// End ends the session, for a reason that is not nil, unless it has ended already. If only is not nil, it
// ends the session only if that has been suspended since it lost the link only. It returns the state before,
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

// Hold makes a session that nobody else knows yet look as if it had ended for the reason why, or, with nil, as at its
// beginning.
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
