package core

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/roster"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// An Admission is a newcomer that [Access.Authorize] decides about. It is valid until
// that returns.
type Admission struct {
	// Name and Groups are those that the client asks for. Authorize may change them: the client gets the
	// name and is in the groups that they say at the end. It is told both, and of each group that was
	// taken away, as [CodeUnauthorized]. Name is empty if the client asks for one of
	// [Access.ReservedNames]; the client is refused if Name is still empty at the end.
	Name   string
	Groups []string

	// User is who the client is, as the program knows it: an identity above names and connections, for
	// [Conn.User] and [Server.User]. Only Authorize sets it. Neither the client nor others are told of
	// it. Empty means nobody in particular.
	User string

	// Asked is the name that the client asks for, also if it is reserved.
	Asked string

	// Auth and Metadata are as the client sent them. A classic client has none. They must not
	// be changed, and Auth should be in no log and no error.
	Auth     []byte
	Metadata map[string]string

	// Info describes the stream: addresses, those of a trusted proxy among them, the TLS state
	// (Info.TLS) and the HTTP request (ws.Request). Each may be asked of every medium.
	Info transport.Info

	// Classic says that the client speaks the original's protocol, so that it cannot be
	// told why it is refused.
	Classic bool

	asked  []string // the groups of the hello
	values []attached
}

// Set attaches a value to the connection to be, for [Conn.Get], as [Conn.Set] does later.
func (a *Admission) Set(key, value any) { a.values = withValue(a.values, key, value) }

// AuthIs reports whether Auth is secret. How long it takes says nothing about how much of
// it is right. No Auth is an empty secret.
func (a *Admission) AuthIs(secret []byte) bool {
	return len(secret) > 0 && safe.Same(a.Auth, secret)
}

// authorize decides whether a newcomer may come in, and says in its hello what it is to be
// called and where it is to be. ctx is that of Authorize.
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
		s.eng.log.error(nil, "Authorize gave what cannot be", err, "addr", info.Remote)
		return nil, s.later(wrapError(CodeInternal, "", err))
	}
	hello.Name, hello.Groups = a.Name, a.Groups
	return a, nil
}

// decide runs Authorize and returns the error for a client that is not let in. The text of that error has
// nothing of the program's, which may hold Auth in any form.
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
	case ok && e == nil: // a nil that has become an interface
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

// A client that the server cannot decide about is told to come back between laterLeast and
// laterLeast + laterSpread later.
const (
	laterLeast  = time.Second
	laterSpread = 2 * time.Second
	laterStep   = 1_236_067_977 * time.Nanosecond // laterSpread times the golden ratio, which spreads any number of clients evenly
)

// later says in a refusal when the client is to come back: each client at another time.
func (s *Server) later(why *Error) *Error {
	i := s.laters.Add(1)
	why.RetryAfter = laterLeast + (time.Duration(i%1e6) * laterStep % laterSpread).Truncate(time.Millisecond)
	return why
}

// checkAdmission reports a name or groups of Authorize that cannot be.
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

// nameAllowed reports why a client may not take a name by itself, or nil. The error for a reserved name is
// that of a name which somebody has.
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
				if e, ok := err.(*Error); !ok || e != nil { // else a nil that has become an interface
					return nil, err
				}
			}
			return next(ctx, c, f)
		}
	}
	s.middleware = slices.Insert(s.middleware, 0, Middleware(guard))
	s.freeze()
	if s.anyCall == nil { // so that a client that may not call does not learn what there is to call
		s.anyCall = newHandler("", guard(func(_ context.Context, _ *Conn, f Frame) ([]byte, error) {
			return nil, unknownCall(f.Command)
		}), nil)
	}
}

// allowName asks [Access.AuthorizeName] about a name that a client asks for.
func (s *Server) allowName(ctx context.Context, c *Conn, name string) *Error {
	if s.opts.Access.AuthorizeName == nil {
		return s.allowByDefault("the server gives names")
	}
	return s.permit(ctx, c, "AuthorizeName", func() error { return s.opts.Access.AuthorizeName(ctx, c, name) })
}

// allowGroup asks [Access.AuthorizeGroup] about a group that a client asks to be in.
func (s *Server) allowGroup(ctx context.Context, c *Conn, group string) *Error {
	if s.opts.Access.AuthorizeGroup == nil {
		return s.allowByDefault("the server puts its clients into groups")
	}
	return s.permit(ctx, c, "AuthorizeGroup", func() error { return s.opts.Access.AuthorizeGroup(ctx, c, group) })
}

// allowByDefault decides about a wish for which no authorizer is set. The client does not get it where clients
// are authorized.
func (s *Server) allowByDefault(why string) *Error {
	if s.opts.Access.Authorize == nil {
		return nil
	}
	return NewError(CodeUnauthorized, why)
}

// permit runs an authorizer and returns the error for the client if the answer is not yes. It tells the program
// of an authorizer that could not decide, unless the client cannot be told either.
func (s *Server) permit(ctx context.Context, c *Conn, what string, ask func() error) (why *Error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		why = s.later(NewError(CodeUnavailable, ""))
		if v := recover(); v != nil {
			s.eng.log.error(c, "an authorizer panicked", nil, "authorizer", what, "panic", shown(safe.Type(v)), "stack", shown(safe.Stack()))
			if c.can.Changes {
				s.eng.reportError(c, why)
			}
			return
		}
		c.endWith(errGoexit)
	}()
	err := ask()
	returned = true
	e, ok := asCoded(err)
	switch {
	case err == nil || ok && e == nil: // a nil that has become an interface
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
	if c.can.Changes && ctx.Err() != context.Canceled { // else the client does not want it any more
		said := &Error{Code: CodeUnavailable, Message: what, cause: err, secret: true}
		s.eng.faultOf(c, "an authorizer could not decide", said, "authorizer", what)
	}
	return why
}

// allowGroups asks about the groups of the hello, takes c out of the groups that it may not be in, and returns
// what the client is told of all groups that it asked for and is not in. c has not been welcomed yet: it is
// held meanwhile, so that the program can do nothing with it.
func (s *Server) allowGroups(ctx context.Context, c *Conn, a *Admission) (refused []wire.RefusedGroup) {
	if len(a.asked) == 0 {
		return nil
	}
	wanted := slices.Compact(slices.Sorted(slices.Values(a.asked)))
	if s.opts.Access.AuthorizeGroup != nil {
		c.setHeld(errNotWelcomed)
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
			if !c.can.Changes { // it cannot be told
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

// setHeld makes a connection that nobody else knows yet behave as one that has ended, or, with
// nil, as one that has not.
func (c *Conn) setHeld(why *Error) {
	if why != nil {
		c.sess.Hold(why)
	} else {
		c.sess.Hold(nil)
	}
	c.out.SetClosed(why != nil)
	c.calls.hold(why)
}
