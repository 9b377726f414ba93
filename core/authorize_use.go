package core

import (
	"context"
	"slices"
)

// freezeGuarded is freeze, with [ServerOptions.AuthorizeCommand] as the outermost of the
// middleware. The caller holds Server.mu.
func (s *Server) freezeGuarded() {
	ask := s.opts.AuthorizeCommand
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
	if s.anyCall == nil { // so that who may not call does not learn what there is to call
		s.anyCall = newHandler("", guard(func(_ context.Context, _ *Conn, f Frame) ([]byte, error) {
			return nil, unknownCall(f.Command)
		}), nil)
	}
}

// allowGroup asks [ServerOptions.AuthorizeGroup] about a join that the client asked for.
func (s *Server) allowGroup(c *Conn, group string) (err error) {
	if s.opts.AuthorizeGroup == nil {
		return nil
	}
	returned := false
	defer func() {
		if returned {
			return
		}
		err = NewError(CodeInternal, "the handler failed")
		if v := recover(); v != nil {
			s.eng.logPanic(c, "AuthorizeGroup", v)
			return
		}
		c.endWith(errGoexit)
	}()
	err = s.opts.AuthorizeGroup(c, group)
	returned = true
	if e, ok := err.(*Error); ok && e == nil {
		return nil
	}
	return err
}

// allowGroups takes the groups out of c that the client asked for in its hello and may not
// be in. c has not been welcomed yet: it is held meanwhile, so that nothing can be done
// with it.
func (s *Server) allowGroups(c *Conn, asked []string) {
	if s.opts.AuthorizeGroup == nil || len(asked) == 0 {
		return
	}
	c.setHeld(errNotWelcomed)
	for _, g := range c.Groups() {
		if !slices.Contains(asked, g) {
			continue // Authorize put it there
		}
		if err := s.allowGroup(c, g); err != nil {
			s.eng.fault(c, err)
			c.setGroup(g, false)
		}
	}
}

var errNotWelcomed = NewError(CodeNotConnected, "the client has not been welcomed yet")

// setHeld makes a connection that nobody else knows yet behave as one that has ended, or, with
// nil, as one that has not.
func (c *Conn) setHeld(why *Error) {
	c.mu.Lock()
	c.ended, c.why = why != nil, why
	c.over.Store(why != nil)
	c.mu.Unlock()
	c.out.mu.Lock()
	c.out.closed = why != nil
	c.out.mu.Unlock()
	c.calls.mu.Lock()
	c.calls.ended = why
	c.calls.mu.Unlock()
}
