package core

import (
	"context"
	"slices"

	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
)

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
