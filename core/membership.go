package core

import (
	"context"
	"strconv"

	"github.com/hisock/hisock/core/internal/guard"
	"github.com/hisock/hisock/core/internal/roster"
	"github.com/hisock/hisock/core/wire"
)

// A client's name and groups change at the server, one change of a client after the other. Who
// wants a change and how each end comes to know of it:
//
//	the server's program   it is applied, and the client is told by a statement
//	the client's program   it asks; the server applies it or refuses, tells the client by a
//	                       statement if anything has changed, and answers
//
// A statement is a join group, leave group or rename frame. A client applies a statement when it
// reads it, so before the answer that follows, and runs the program's event in its turn.

// Join puts the client into a group; being in it already is no error.
//
// At a server it is done at once, and the client is told; ctx need only not have ended. It
// fails with [CodeBadName], [CodeTooManyGroups], or why the connection ended.
//
// At a client the server is asked, and Join waits for its answer: when it returns nil,
// [Conn.Groups] has the group, and commands sent afterwards are handled by a server that knows.
// It fails with the server's error, for which [IsRemote] reports true: [CodeUnauthorized] or what
// [Access.AuthorizeGroup] says, [CodeTooManyGroups], [CodeRateLimit] as
// [Limits.ChangeRate] says. Otherwise it is like [Conn.CallBytes]: it may be called by
// handlers, goes on after a resume, and when ctx or the connection ends first the group
// may have been joined or not.
func (c *Conn) Join(ctx context.Context, group string) error {
	return c.eng.owner.change(ctx, c, wire.KindAskJoin, group)
}

// Leave takes the client out of a group; not being in it is no error. Otherwise it is like
// Join. No authorizer is asked.
func (c *Conn) Leave(ctx context.Context, group string) error {
	return c.eng.owner.change(ctx, c, wire.KindAskLeave, group)
}

// Rename changes what the client is called; empty means that it has no name any more. Others
// who asked for notices are told.
//
// At a server it is done at once, and the client is told; ctx need only not have ended. It
// fails with [CodeBadName], [CodeNameTaken], or why the connection ended.
//
// At a client it waits for the server's answer as [Conn.Join] does, and fails with
// [CodeUnauthorized] or what [Access.AuthorizeName] says, [CodeNameTaken] or
// [CodeRateLimit]. A client that joins anew by itself asks for the name that it
// was given here.
func (c *Conn) Rename(ctx context.Context, name string) error {
	return c.eng.owner.change(ctx, c, wire.KindAskRename, name)
}

// checkChange is checkName, but for the empty name of a client that has none.
func checkChange(name string, max int, empty bool) *Error {
	if empty && name == "" {
		return nil
	}
	return checkName(name, max)
}

// state tells the client of a change: with the name that it has now, or the group that it is in
// now or no more.
func (c *Conn) state(k wire.Kind, name string) {
	if hasLegacy && !c.can.Changes {
		return
	}
	c.sendOwn(wire.AppendName(nil, k, name)) //nolint:errcheck // then it is over anyway
}

// event runs the program's handler of a change, if there is one. old is the name before.
func (c *Conn) event(k wire.Kind, old, name string) {
	hs := c.eng.handlers
	c.runHook(func() {
		switch {
		case k == wire.KindRename && hs.onRename != nil:
			hs.onRename(c, old, name)
		case k == wire.KindJoinGroup && hs.onJoinGroup != nil:
			hs.onJoinGroup(c, name)
		case k == wire.KindLeaveGroup && hs.onLeaveGroup != nil:
			hs.onLeaveGroup(c, name)
		}
	})
}

// runHook runs a function of the program in its turn.
func (c *Conn) runHook(f func()) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			c.eng.logPanic(c, "event handler", v)
			return
		}
		c.endWith(errGoexit) // the goroutine ends whatever we do, and it may be the reader
	}()
	f()
	returned = true
}

// setGroup changes a membership and tells the client. Who joins is given what is kept of the
// group behind that, after the position that it has told, and who leaves has had it. It reports
// whether anything changed.
func (s *Server) setGroup(c *Conn, group string, in bool, told wire.Position) (changed bool, err error) {
	if err := checkName(group, s.opts.Limits.MaxName); err != nil {
		return false, err
	}
	if !s.replays() {
		changed, _, err = s.setMember(c, group, in)
		return changed, err
	}
	h := s.store.Begin(group)
	changed, found, err := s.setMember(c, group, in)
	var unfit []error
	switch {
	case changed && in:
		unfit = c.replay(h, h.Join(&c.atServer.marks, told), false)
	case changed:
		h.Leave(&c.atServer.marks, found)
	}
	h.End(false)
	s.reportUnsent(c, unfit)
	return changed, err
}

// sayGroups tells a newcomer of groups that its welcome had no room for.
func (s *Server) sayGroups(c *Conn, groups []string) {
	for _, g := range groups {
		c.atServer.news.mu.Lock()
		if c.InGroup(g) { // the program knows the client already, and may have taken it out
			c.state(wire.KindJoinGroup, g)
		}
		c.atServer.news.mu.Unlock()
	}
}

// setMember changes a membership and tells the client, one change of a client after the other, so
// that it hears of them in the order in which they took effect.
//
// It reports whether anything changed, and of one that leaves whether others found it in the group.
func (s *Server) setMember(c *Conn, group string, in bool) (changed, found bool, err error) {
	c.atServer.news.mu.Lock()
	defer c.atServer.news.mu.Unlock()
	if changed, found, err = s.moveMember(c, group, in); !changed {
		return false, false, err
	}
	if in {
		c.state(wire.KindJoinGroup, group)
	} else {
		c.state(wire.KindLeaveGroup, group)
	}
	return true, found, c.endedError()
}

// moveMember is setMember without a word to the client.
func (s *Server) moveMember(c *Conn, group string, in bool) (changed, found bool, err error) {
	if c.isEnded() {
		return false, false, c.closedError()
	}
	var no roster.Refusal
	if in {
		changed, no = s.roster.Join(c, &c.who, group)
	} else {
		changed, found, no = s.roster.Part(c, &c.who, group)
	}
	switch no {
	case roster.Out:
		return false, false, c.closedError()
	case roster.Full:
		return false, false, NewError(CodeTooManyGroups, "a client may be in "+strconv.Itoa(s.opts.Limits.MaxGroups)+" groups")
	}
	return changed, found, nil
}

// setName changes the name and tells of it, one change of a client after the other, so that
// everybody hears last what holds. It waits for who has the name and is to give it up. It reports
// what the name was, and whether it changed.
func (s *Server) setName(ctx context.Context, c *Conn, name string) (old string, changed bool, err error) {
	if err := checkChange(name, s.opts.Limits.MaxName, true); err != nil {
		return "", false, err
	}
	for {
		var holder *Conn
		c.atServer.news.mu.Lock()
		old, changed, holder, err = s.claimNameLocked(c, name)
		if changed {
			c.state(wire.KindRename, name)
		}
		c.atServer.news.mu.Unlock()
		if holder == nil {
			break
		}
		if !s.replace(ctx, holder, c) {
			return old, false, nameTaken(name)
		}
	}
	if changed {
		s.announce(c)
	}
	return old, changed, err
}

// claimNameLocked changes the name. If somebody has the new one and is to give it up, that is the holder.
// The lock is that of c.news.
func (s *Server) claimNameLocked(c *Conn, name string) (old string, changed bool, holder *Conn, err error) {
	if c.isEnded() {
		return c.Name(), false, nil, c.closedError()
	}
	old, holders, no := s.roster.Rename(c, &c.who, name)
	switch no {
	case roster.Out:
		return old, false, nil, c.closedError()
	case roster.Held:
		if holder = s.opts.Access.NameConflict.among(holders, c); holder == nil {
			return old, false, nil, nameTaken(name)
		}
		return old, false, holder, nil
	}
	return old, name != old, nil, nil
}

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

// handle handles in its turn that the client asks for a change: the client is answered, and then the
// program is told.
func (s *Server) handle(c *Conn, f wire.Frame) error {
	id, told, err := parseAsk(f)
	if err != nil {
		return err
	}
	ctx, cancel := newCallContext(c)
	if !c.serving.add(id, cancel, false) {
		cancel()
		return errSameID
	}
	if c.turn.IsCanceled(id) {
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

// spendChange counts a change that the client asks for, and returns why it is one too many.
func (s *Server) spendChange(c *Conn) *Error {
	most := s.opts.Limits.ChangeRate
	if most == 0 {
		return nil
	}
	if c.atServer.changes == nil {
		c.atServer.changes = guard.NewRate(most, max(most, s.opts.Limits.MaxGroups))
	}
	wait, ok := c.atServer.changes.Take()
	if ok {
		return nil
	}
	return &Error{Code: CodeRateLimit, Message: "more than " + strconv.Itoa(most) + " changes of name and groups a second", RetryAfter: wait}
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
