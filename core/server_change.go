package core

import (
	"context"

	"github.com/hisock/hisock/core/wire"
)

// change is a change that the server's program wants.
func (s *Server) change(ctx context.Context, c *Conn, k wire.Kind, name string) (err error) {
	ctx = given(ctx)
	if ctx.Err() != nil {
		return c.waitError(ctx)
	}
	if k == wire.KindAskRename {
		_, _, err = s.setName(ctx, c, name)
	} else {
		_, err = s.setGroup(c, name, k == wire.KindAskJoin, wire.Position{})
	}
	return err
}

// asked handles in its turn that the client asks for a change: it is answered, and then the
// program is told.
func (s *Server) asked(c *Conn, f wire.Frame) error {
	id, told, err := parseAsk(f)
	if err != nil {
		return err
	}
	ctx, cancel := newCallContext(c)
	if !c.serving.add(id, cancel, false) {
		cancel()
		return errSameID
	}
	if c.inbox.wasCanceled(id) {
		c.serving.cancel(id)
	}
	tell, err := s.apply(ctx, c, f.Kind, told.Group, told)
	if canceled := c.serving.remove(id); !canceled {
		if err == nil {
			err = c.reply(id, nil)
		}
		if err != nil {
			c.fail(id, err)
		}
	}
	if tell != nil {
		tell()
	}
	return nil
}

// parseAsk returns the id of an ask and what it asks for, which need not be a group, as one.
func parseAsk(f wire.Frame) (id uint64, told wire.Position, err error) {
	if f.Kind == wire.KindAskJoin {
		return wire.ParseAskJoin(f.Body)
	}
	id, name, err := wire.ParseAsk(f.Body)
	return id, wire.Position{Group: string(name)}, err
}

// apply applies a change that the client asks for, unless it is refused. It returns what tells
// the program, or nil if nothing has changed. told is the client's position in a group that it asks for.
func (s *Server) apply(ctx context.Context, c *Conn, k wire.Kind, name string, told wire.Position) (tell func(), err error) {
	if err := s.spendChange(c); err != nil {
		return nil, err
	}
	if err := checkChange(name, s.opts.Limits.MaxName, k == wire.KindAskRename); err != nil {
		return nil, err
	}
	if k == wire.KindAskRename {
		return s.applyName(ctx, c, name)
	}
	in, stated := k == wire.KindAskJoin, wire.KindLeaveGroup
	if in {
		stated = wire.KindJoinGroup
		if !c.InGroup(name) {
			if err := s.allowGroup(ctx, c, name); err != nil {
				return nil, err
			}
		}
	}
	changed, err := s.setGroup(c, name, in, told)
	if !changed {
		return nil, err
	}
	return func() { c.event(stated, "", name) }, nil
}

func (s *Server) applyName(ctx context.Context, c *Conn, name string) (tell func(), err error) {
	if name == c.Name() {
		return nil, nil
	}
	if err := s.allowName(ctx, c, name); err != nil {
		return nil, err
	}
	if err := s.nameAllowed(name); err != nil {
		return nil, err
	}
	old, changed, err := s.setName(ctx, c, name)
	if !changed {
		return nil, err
	}
	return func() { c.event(wire.KindRename, old, name) }, nil
}
