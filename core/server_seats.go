package core

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// A Conflict says what becomes of a client that asks for what others have: a name where
// names are unique, or one connection more than a user may have.
//
// A client that has been replaced ends with [CodeReplaced] and does not come back by itself: two
// devices would replace one another for ever. Its leave handler has run when the join handler of
// the newcomer does. If that takes longer than [Timeouts.Hello] the newcomer is refused
// all the same.
type Conflict uint8

const (
	// ConflictDefault replaces a connection that is suspended and belongs to the same user, and else
	// refuses the newcomer. So a program that has crashed comes in again under its name. Where
	// there is no [Admission.User] nobody can prove who they are, and all are refused.
	ConflictDefault Conflict = iota

	// ConflictRefuse refuses the newcomer, whoever has what it wants.
	ConflictRefuse

	// ConflictReplace replaces a connection that is suspended, or else the oldest, whosever it is.
	ConflictReplace
)

// among returns the holder that is to make room for c, or nil. The oldest holder comes first. A holder that has
// ended makes room by itself when its leave handler has run.
func (k Conflict) among(holders []*Conn, c *Conn) *Conn {
	if k == ConflictRefuse {
		return nil
	}
	for _, h := range holders {
		if away := h.Suspended() || h.isEnded(); away && (k == ConflictReplace || c.User() != "" && h.User() == c.User()) {
			return h
		}
	}
	if k == ConflictReplace {
		return holders[0]
	}
	return nil
}

// takeSeats takes the seats of a newcomer's name and user, both or neither. If another connection is to make
// room, that is the holder: one that has both makes room for both, and none makes room for one of the two if
// the newcomer is refused for the other. takeSeats waits a moment for those that arrive with such a seat: they
// are in and can be told to go, or have been refused.
func (s *Server) takeSeats(c *Conn) (holder *Conn, why *Error) {
	taken := s.roster.Reserve(c, &c.who)
	for taken.Arriving != nil {
		<-taken.Arriving
		taken = s.roster.Reserve(c, &c.who)
	}
	if taken.Name != nil {
		if holder = s.opts.Access.NameConflict.among(taken.Name, c); holder == nil {
			return nil, nameTaken(c.Name())
		}
	}
	if taken.User != nil && !slices.Contains(taken.User, holder) {
		if holder = s.opts.Access.UserConflict.among(taken.User, c); holder == nil {
			return nil, NewError(CodeTooManyConns, "the user has "+strconv.Itoa(s.opts.Limits.MaxConnsPerUser)+" connections")
		}
	}
	return holder, nil
}

// seat admits a newcomer, after the connections that make room for it have left.
func (s *Server) seat(ar *arrival, c *Conn) *Error {
	for {
		holder, why := s.admit(ar, c)
		if holder == nil {
			return why
		}
		if !s.replace(context.Background(), holder, c) {
			return NewError(CodeNameTaken, "who has the place does not go")
		}
		if left := ar.hungUp(); left != nil {
			return left
		}
	}
}

// replace ends a connection for another one, and waits until it has left, and its leave handler has
// run. It reports false if that takes too long, or waits for the caller. The caller holds no lock.
func (s *Server) replace(ctx context.Context, holder, c *Conn) bool {
	own := handlerConn(ctx)
	if own == holder {
		return false
	}
	why := NewError(CodeReplaced, "a newer connection has taken its place")
	if holder.life.tryEnter() { // its leave handler runs on another goroutine
		if holder.Suspended() {
			holder.end(why, nil, ending{waiting: holder.sess.Link()})
		} else if !holder.isEnded() {
			holder.closeWith(why)
		}
		go holder.exit()
	}
	if holder.reason() == why {
		s.bury(holder)
	} else if !holder.isEnded() {
		return true // it has come back at this moment: look again
	}
	if s.eng.manual != nil && c.atServer.slot != nil { // it leaves in Update, which the caller may keep from going on
		select {
		case <-holder.Done():
			return true
		default:
			return false
		}
	}
	yield(own)
	patience := s.opts.Timeouts.Hello
	if patience == 0 {
		patience = defaultHelloTime
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-holder.Done():
		return true
	case <-c.Context().Done():
	case <-ctx.Done():
	case <-s.stopping:
	case <-t.C:
	}
	return false
}

// bury notes that a connection was replaced.
func (s *Server) bury(c *Conn) {
	if c.sess.Token() == nil {
		return
	}
	s.roster.Bury(c.id, c.sess.Token())
}

// wasReplaced reports whether a hello names a session that was replaced, with its token.
func (s *Server) wasReplaced(hello *wire.Hello) bool {
	id, ok := session.ConnOf(hello.Session)
	if !ok || len(hello.Token) == 0 {
		return false
	}
	token := s.roster.Buried(id)
	return token != nil && session.SameToken(token, hello.Token)
}
