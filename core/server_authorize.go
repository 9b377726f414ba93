package core

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/roster"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// An Admission is a newcomer that [Access.Authorize] decides about. It is valid until Authorize
// returns, and used by one goroutine at a time.
type Admission struct {
	// Name and Groups are what the client asks for. Authorize may change them: the client gets the
	// name and joins the groups that are here when Authorize returns. It is told both, and is told of each group that
	// was taken away, with [CodeUnauthorized]. Name is empty if the client asks for one of
	// [Access.ReservedNames]; the client is refused if Name is still empty when Authorize returns.
	Name   string
	Groups []string

	// User is who the client is, as the program knows it: an identity above names and connections, for
	// [Conn.User] and [Server.User]. Only Authorize sets it. Neither the client nor other clients are told.
	// Empty means no user in particular.
	User string

	// Asked is the name that the client asks for, also if it is reserved.
	Asked string

	// Auth and Metadata are as the client sent them. A client of the original has none. They must not
	// be changed, and Auth should be in no log and no error.
	Auth     []byte
	Metadata map[string]string

	// Info describes the stream: its addresses, also behind a trusted proxy, the TLS state
	// (Info.TLS) and the HTTP request (ws.Request). A medium that has no TLS state or no request returns nil.
	Info transport.Info

	// Classic says that the client speaks the original's protocol, so that it cannot be
	// told why it is refused.
	Classic bool

	asked  []string // the groups of the hello
	values []attached
}

// Set attaches a value to the future connection, for [Conn.Get], as [Conn.Set] does later.
func (a *Admission) Set(key, value any) { a.values = withValue(a.values, key, value) }

// AuthIs reports whether Auth is the same as secret. The time that it takes does not depend on how much of Auth is
// right. It reports false for an empty secret.
func (a *Admission) AuthIs(secret []byte) bool {
	return len(secret) > 0 && safe.Same(a.Auth, secret)
}

// authorize asks Authorize, if it is set, whether a newcomer may come in, and writes into the hello the name and the
// groups that Authorize gives it. ctx is the context of Authorize.
func (s *Server) authorize(ctx context.Context, info transport.Info, hello *wire.Hello, classic bool) (*Admission, *Error) {
	a := &Admission{
		Name: hello.Name, Groups: hello.Groups, Asked: hello.Name, Auth: hello.Auth, Metadata: hello.Metadata,
		Info: info, Classic: classic, asked: slices.Clone(hello.Groups),
	}
	reserved := s.nameAllowed(hello.Name)
	if s.opts.Access.Authorize == nil {
		return a, reserved
	}
	if reserved != nil {
		a.Name = ""
	}
	if why := s.decide(ctx, a); why != nil {
		return nil, why
	}
	if reserved != nil && a.Name == "" {
		return nil, reserved
	}
	if err := s.checkAdmission(a); err != nil {
		s.eng.log.error(nil, "Authorize gave an invalid name or group", err, "addr", info.Remote)
		return nil, s.later(wrapError(CodeInternal, "", err))
	}
	hello.Name, hello.Groups = a.Name, a.Groups
	return a, nil
}

// decide runs Authorize, and returns the error for a client that is refused. The text of that error has no
// text of the program, which may hold Auth in any form.
func (s *Server) decide(ctx context.Context, a *Admission) (why *Error) {
	defer func() {
		if v := recover(); v != nil {
			s.eng.log.error(nil, "Authorize panicked", nil,
				"addr", a.Info.Remote, "panic", shown(safe.Type(v)), "stack", shown(safe.Stack()))
			err, ok := v.(error)
			if !ok {
				err = NewError(CodeInternal, "Authorize panicked: "+safe.Panic(v))
			}
			why = s.later(&Error{Code: CodeUnavailable, cause: err, secret: true})
		}
	}()
	err := s.opts.Access.Authorize(ctx, a)
	if err == nil {
		return nil
	}
	e, ok := asCoded(err)
	switch {
	case ok && e == nil: // a nil *Error in an error interface
		return nil
	case ok && !e.blameless:
		no := &Error{Code: e.Code, Message: e.Message, RetryAfter: e.RetryAfter, Details: e.Details, cause: err, secret: true}
		if no.Code == CodeNone {
			no.Code = CodeUnauthorized
		}
		no, _ = find[*Error](packed(s.eng.codec, no))
		return no
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return s.later(&Error{Code: CodeUnavailable, Message: "it took too long to decide", cause: err, secret: true})
	}
	return s.later(&Error{Code: CodeUnavailable, cause: err, secret: true})
}

// A client that the server cannot decide about is told to come back after a time t, laterLeast ≤ t < laterLeast +
// laterSpread.
const (
	laterLeast  = time.Second
	laterSpread = 2 * time.Second
	laterStep   = 1_236_067_977 * time.Nanosecond // laterSpread times the golden ratio, which spreads any number of clients evenly
)

// later sets the RetryAfter of a refusal, and returns the refusal: each client is told another time.
func (s *Server) later(why *Error) *Error {
	i := s.laters.Add(1)
	why.RetryAfter = laterLeast + (time.Duration(i%1e6) * laterStep % laterSpread).Truncate(time.Millisecond)
	return why
}

// checkAdmission returns an error if the name or the groups that Authorize has given are invalid. It sorts the groups.
func (s *Server) checkAdmission(a *Admission) *Error {
	a.Groups = slices.Compact(slices.Sorted(slices.Values(a.Groups)))
	if len(a.Groups) > s.opts.Limits.MaxGroups {
		return NewError(CodeTooManyGroups, "more groups than a client may be in")
	}
	names := a.Groups
	if a.Name != "" {
		names = append([]string{a.Name}, names...)
	}
	for _, name := range names {
		if err := checkName(name, s.opts.Limits.MaxName); err != nil {
			return err
		}
	}
	return nil
}

// nameAllowed returns an error if a name is reserved, so that a client may not take it by itself. It is the same error
// as for a name that another client has.
func (s *Server) nameAllowed(name string) *Error {
	if name == "" {
		return nil
	}
	if _, ok := s.reserved[roster.Fold(name)]; ok {
		return nameTaken(name)
	}
	return nil
}

// foldNames returns the set of the folded names.
func foldNames(names []string) map[string]struct{} {
	set := make(map[string]struct{})
	for _, name := range names {
		set[roster.Fold(name)] = struct{}{}
	}
	return set
}

func nameTaken(name string) *Error {
	return NewError(CodeNameTaken, "the name "+safe.Text(name)+" is taken")
}

// freezeGuarded is freeze, with [Access.AuthorizeCommand] as the outermost middleware.
func (s *Server) freezeGuarded() {
	ask := s.opts.Access.AuthorizeCommand
	if ask == nil || s.frozen.Load() {
		s.freeze()
		return
	}
	guard := func(next Handler) Handler {
		return func(ctx context.Context, c *Conn, f Frame) ([]byte, error) {
			if err := ask(ctx, c, f); err != nil {
				if e, ok := err.(*Error); !ok || e != nil { // else a nil *Error in an error interface
					return nil, err
				}
			}
			return next(ctx, c, f)
		}
	}
	s.middleware = slices.Insert(s.middleware, 0, Middleware(guard))
	s.freeze()
	if s.anyCall == nil { // so that a client that may not call does not learn which calls have a handler
		s.anyCall = newHandler("", guard(func(_ context.Context, _ *Conn, f Frame) ([]byte, error) {
			return nil, unknownCall(f.Command)
		}), nil)
	}
	s.anyStream = newHandler("", guard(func(_ context.Context, _ *Conn, f Frame) ([]byte, error) {
		return nil, unknownStream(f.Command)
	}), nil)
}

// allowName asks [Access.AuthorizeName] about a name that a client asks for.
func (s *Server) allowName(ctx context.Context, c *Conn, name string) *Error {
	if s.opts.Access.AuthorizeName == nil {
		return s.allowByDefault("the server gives names")
	}
	return s.permit(ctx, c, "AuthorizeName", func() error { return s.opts.Access.AuthorizeName(ctx, c, name) })
}

// allowGroup asks [Access.AuthorizeGroup] about a group that a client asks to join.
func (s *Server) allowGroup(ctx context.Context, c *Conn, group string) *Error {
	if s.opts.Access.AuthorizeGroup == nil {
		return s.allowByDefault("the server puts its clients into groups")
	}
	return s.permit(ctx, c, "AuthorizeGroup", func() error { return s.opts.Access.AuthorizeGroup(ctx, c, group) })
}

// allowByDefault decides about a request of a client whose authorizer is not set: the request is refused with the text
// why if Authorize is set, and allowed otherwise.
func (s *Server) allowByDefault(why string) *Error {
	if s.opts.Access.Authorize == nil {
		return nil
	}
	return NewError(CodeUnauthorized, why)
}

// permit runs the authorizer ask, whose name is what, and returns nil if it allows the request, and otherwise the error
// for the client. It tells the program of an authorizer that could not decide, except if the client has given the
// request up.
func (s *Server) permit(ctx context.Context, c *Conn, what string, ask func() error) (why *Error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		why = s.later(&Error{Code: CodeUnavailable, reported: true})
		if v := recover(); v != nil {
			s.eng.log.error(c, "an authorizer panicked", nil, "authorizer", what, "panic", shown(safe.Type(v)), "stack", shown(safe.Stack()))
			s.eng.reportError(c, why)
			return
		}
		c.endWith(errGoexit)
	}()
	err := ask()
	returned = true
	lock.MustHoldNone()
	e, ok := asCoded(err)
	switch {
	case err == nil || ok && e == nil: // a nil *Error in an error interface
		err = ctx.Err()
		if err == nil {
			return nil
		}
	case ok && e.Code == CodeNone:
		return &Error{Code: CodeUnauthorized, Message: e.Message, RetryAfter: e.RetryAfter, Details: e.Details}
	case ok:
		return e
	}
	why = s.later(wrapError(CodeUnavailable, "", err))
	if ctx.Err() != context.Canceled { // if it is canceled the client has given the request up
		said := &Error{Code: CodeUnavailable, Message: what, cause: err, secret: true}
		s.eng.faultOf(c, "an authorizer could not decide", said, "authorizer", what)
	}
	why.reported = true
	return why
}

// allowGroups asks about the groups of the hello, takes c out of the groups that it may not join, and returns
// the groups that the client has asked for and is not in, with the reasons. c has not been welcomed yet: it is
// held meanwhile, so that the authorizer cannot use it.
func (s *Server) allowGroups(ctx context.Context, ar *arrival, c *Conn, a *Admission) (refused []wire.RefusedGroup) {
	if len(a.asked) == 0 {
		return nil
	}
	wanted := slices.Compact(slices.Sorted(slices.Values(a.asked)))
	if s.opts.Access.AuthorizeGroup != nil {
		c.setHeld(errNotWelcomed)
		ar.shown = c
		for _, g := range c.Groups() {
			if _, ok := slices.BinarySearch(wanted, g); !ok {
				continue // Authorize put it there
			}
			why := s.allowGroup(ctx, c, g)
			if why == nil {
				continue
			}
			c.who.RemoveGroup(g)
			refused = append(refused, wire.RefusedGroup{Name: g, Code: why.Code, Reason: why.Message, RetryAfter: why.RetryAfter})
			if !why.reported && !c.takesChanges() { // it cannot be told
				s.eng.faultOf(c, "a client is kept out of a group", why, "group", g)
			}
		}
	}
	told := refused // sorted, as the groups were
	for _, g := range wanted {
		if len(told) > 0 && told[0].Name == g {
			told = told[1:]
		} else if !c.InGroup(g) { // Authorize took it out
			refused = append(refused, wire.RefusedGroup{Name: g, Code: CodeUnauthorized})
		}
	}
	return refused
}

var errNotWelcomed = &Error{Code: CodeNotConnected, Message: "the client has not been welcomed yet"}

// setHeld makes a connection behave as if it had ended for the reason why, or, with
// nil, as one that has not ended. Nobody else knows the connection yet.
func (c *Conn) setHeld(why *Error) {
	if why != nil {
		c.sess.Hold(why)
	} else {
		c.sess.Hold(nil)
	}
	c.out.SetClosed(why != nil)
	c.calls.hold(why)
}
