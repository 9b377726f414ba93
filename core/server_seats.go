package core

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/hisock/hisock/core/wire"
)

// A Conflict says what happens when a client asks for a place that others have: a name where
// names are unique, or one connection more than a user may have.
//
// A client that has been replaced ends with [CodeReplaced] and does not come back by itself, since two
// devices would replace one another for ever. Its leave handler has run before the join handler of
// the newcomer runs. If it does not leave within [Timeouts.Hello], the newcomer is refused.
type Conflict uint8

const (
	// ConflictDefault replaces a suspended connection of the same user. If there is none, it
	// refuses the newcomer. So a program that has crashed gets its name back when it comes again. A newcomer
	// without an [Admission.User] is always refused, since nothing proves that the suspended connection was its own.
	ConflictDefault Conflict = iota

	// ConflictRefuse refuses the newcomer in any case.
	ConflictRefuse

	// ConflictReplace replaces a suspended connection, or else the oldest, even if it belongs to another user.
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

// takeSeats takes the seats of a newcomer's name and user, both or neither. It returns a holder if that connection has
// to make room first. A connection that holds both seats makes room for both. No connection has to make room for one
// seat if the newcomer is refused the other. takeSeats waits for newcomers that are arriving with such a seat: a moment
// later each of them is in, and can be told to go, or has been refused.
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
			return NewError(CodeNameTaken, "the connection that has the place does not leave")
		}
		if left := ar.hungUp(); left != nil {
			return left
		}
	}
}

// claimAndSeat is seat after the node has claimed the newcomer's name and place in the cluster, if it belongs to one.
func (s *Server) claimAndSeat(ctx context.Context, ar *arrival, c *Conn) *Error {
	done, why := s.claim(ctx, c, c.Name(), c.User())
	if why != nil {
		return why
	}
	defer done()
	return s.seat(ar, c)
}

// replace ends holder to make room for c, and waits until holder's leave handler has run. It reports false if that
// takes too long, or if holder cannot leave before the caller returns. The caller holds no lock. ctx is the context of
// the handler that waits, or one of no handler.
func (s *Server) replace(ctx context.Context, holder, c *Conn) bool {
	own := handlerConn(ctx)
	if own == holder {
		return false
	}
	if !s.dislodge(holder) {
		return true // holder has been resumed at this moment: the caller looks again
	}
	if s.eng.manual != nil && c.atServer.slot != nil { // holder leaves in Update, and the caller may run in Update
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

// dislodge ends a connection to make room for another one, and does not wait for its leave handler. It reports false if the connection goes on.
func (s *Server) dislodge(holder *Conn) bool {
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
		return true
	}
	return holder.isEnded()
}

// bury notes that a connection was replaced, so that its client is told so if it comes back.
func (s *Server) bury(c *Conn) {
	if c.sess.Token() == nil {
		return
	}
	s.roster.Bury(c.id, c.sess.Token())
}

// wasReplaced reports whether a hello names a session that was replaced, with its token.
func (s *Server) wasReplaced(hello *wire.Hello) bool {
	id, ok := s.ownSession(hello.Session)
	if !ok || len(hello.Token) == 0 {
		return false
	}
	token := s.roster.Buried(id)
	return token != nil && sameToken(token, hello.Token)
}
