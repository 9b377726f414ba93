package core

import (
	"context"
	"strconv"

	"github.com/hisock/hisock/core/internal/guard"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/roster"
	"github.com/hisock/hisock/core/wire"
)

// A client's name and groups change at the server, one change of a client after the other. The program of
// either end may want a change, and each end comes to know of it:
//
//	the server's program   Join, Leave, Rename: the server makes the change and tells the client by a statement
//	the client's program   Join, Leave, Rename: the client asks. The server makes the change or refuses it,
//	                       tells the client by a statement if anything has changed, and answers
//
// At the server both ways meet:
//
//	change (program)  or  handle → joinRequested, leaveRequested, renameRequested (client)
//	    → setMember   the roster changes, the client is told, and is given the group's kept messages if it joins
//	    → setName     the roster changes, the client is told, and then other clients (server_notices.go)
//
// A statement is a join group, leave group or rename frame. A client applies a statement as soon as it
// reads it, which is before it reads the answer that follows. The program's function, such as OnRename, runs in its turn.

// Join puts the client into a group. It is no error if the client is in the group already.
//
// At a server Join takes effect at once, and the client is told; ctx matters only if it has ended already. Join
// fails with [CodeBadName], [CodeTooManyGroups], or the reason for which the connection ended.
//
// At a client Join asks the server and waits for its answer. When Join returns nil,
// [Conn.Groups] has the group, and the server handles commands that are sent afterwards with the client in the group.
// Join fails with the server's error, for which [IsRemote] reports true: [CodeUnauthorized] or the error of
// [Access.AuthorizeGroup], [CodeTooManyGroups], or [CodeRateLimit] as
// [Limits.ChangeRate] says. Otherwise Join is like [Conn.CallBytes]: handlers may call it, it goes on after a
// resume, and if ctx or the connection ends first the client may have joined the group or not.
func (c *Conn) Join(ctx context.Context, group string) error {
	return c.eng.owner.change(ctx, c, wire.KindAskJoin, group)
}

// Leave takes the client out of a group. It is no error if the client is not in the group. Otherwise it is like
// Join, except that no function of [Access] is asked.
func (c *Conn) Leave(ctx context.Context, group string) error {
	return c.eng.owner.change(ctx, c, wire.KindAskLeave, group)
}

// Rename changes the client's name; empty means that it has no name any more. Other clients
// that asked for notices are told.
//
// At a server Rename takes effect at once, and the client is told. If another client has to give up the name first,
// Rename waits for that until ctx ends; see [Access.NameConflict]. Rename
// fails with [CodeBadName], [CodeNameTaken], or the reason for which the connection ended.
//
// At a client Rename waits for the server's answer as [Conn.Join] does, and fails with
// [CodeUnauthorized] or the error of [Access.AuthorizeName], [CodeNameTaken] or
// [CodeRateLimit]. A client that joins anew by itself asks for this name.
func (c *Conn) Rename(ctx context.Context, name string) error {
	return c.eng.owner.change(ctx, c, wire.KindAskRename, name)
}

// checkChange is checkName, except that with empty set an empty name is allowed.
func checkChange(name string, max int, empty bool) *Error {
	if empty && name == "" {
		return nil
	}
	return checkName(name, max)
}

// tellMember tells the client of a change by a statement. name is its new name, or the group that it has joined or left.
func (c *Conn) tellMember(k wire.Kind, name string) {
	if !c.takesChanges() {
		return
	}
	c.sendOwn(wire.AppendName(nil, k, name)) //nolint:errcheck // then it is over anyway
}

// event runs the program's function for a change, if there is one. old is the name before a rename.
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

// runHook runs a function of the program. It logs a panic, and ends the connection if f ends its goroutine. The caller
// has the turn.
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
	lock.MustHoldNone()
}

// change makes a change that the server's program wants.
func (s *Server) change(ctx context.Context, c *Conn, k wire.Kind, name string) (err error) {
	ctx = given(ctx)
	if ctx.Err() != nil {
		return c.waitError(ctx)
	}
	if k == wire.KindAskRename {
		_, _, err = s.setName(ctx, c, name)
	} else {
		_, err = s.setMember(c, name, k == wire.KindAskJoin, wire.Position{})
	}
	return err
}

// handle handles, in its turn, a request of the client for a change: it answers the client, and then tells the
// program.
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
	tell, err := s.requested(ctx, c, f.Kind, told)
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

// parseAsk returns the id of a request and the group that it asks for, with the client's position there. The name that a
// rename asks for is returned as the group.
func parseAsk(f wire.Frame) (id uint64, asked wire.Position, err error) {
	switch f.Kind {
	case wire.KindAskJoin:
		return wire.ParseAskJoin(f.Body)
	case wire.KindAskLeave, wire.KindAskRename:
		id, name, err := wire.ParseAsk(f.Body)
		return id, wire.Position{Group: string(name)}, err
	}
	return 0, asked, notRun(f.Kind)
}

// requested makes a change that the client asks for, unless the change is refused. It returns a function that
// tells the program, or nil if nothing has changed. The group of asked is the name that a rename asks for.
func (s *Server) requested(ctx context.Context, c *Conn, k wire.Kind, asked wire.Position) (tell func(), err error) {
	if err := s.spendChange(c); err != nil {
		return nil, err
	}
	if err := checkChange(asked.Group, s.opts.Limits.MaxName, k == wire.KindAskRename); err != nil {
		return nil, err
	}
	switch k {
	case wire.KindAskRename:
		return s.renameRequested(ctx, c, asked.Group)
	case wire.KindAskJoin:
		return s.joinRequested(ctx, c, asked)
	}
	return s.leaveRequested(c, asked.Group)
}

// spendChange counts a change that the client asks for. It returns an error if the change exceeds the rate.
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

func (s *Server) joinRequested(ctx context.Context, c *Conn, asked wire.Position) (tell func(), err error) {
	if !c.InGroup(asked.Group) {
		if err := s.allowGroup(ctx, c, asked.Group); err != nil {
			return nil, err
		}
	}
	if changed, err := s.setMember(c, asked.Group, true, asked); !changed {
		return nil, err
	}
	return func() { c.event(wire.KindJoinGroup, "", asked.Group) }, nil
}

func (s *Server) leaveRequested(c *Conn, group string) (tell func(), err error) {
	if changed, err := s.setMember(c, group, false, wire.Position{}); !changed {
		return nil, err
	}
	return func() { c.event(wire.KindLeaveGroup, "", group) }, nil
}

func (s *Server) renameRequested(ctx context.Context, c *Conn, name string) (tell func(), err error) {
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

// setMember puts the client into a group or takes it out, and tells it. A client that joins is given the group's kept
// messages after told, the position that it has told. setMember reports whether anything changed.
func (s *Server) setMember(c *Conn, group string, in bool, told wire.Position) (changed bool, err error) {
	if err := checkName(group, s.opts.Limits.MaxName); err != nil {
		return false, err
	}
	if !s.replays() {
		changed, _, err = s.moveMember(c, group, in)
		return changed, err
	}
	h := s.store.Begin(group) // nobody sends to the group between the change and the replay
	changed, found, err := s.moveMember(c, group, in)
	var unfit []error
	switch {
	case changed && in:
		unfit = s.replayTo(h, group, c, told)
	case changed && s.shared != nil:
		s.shared.left(h, group, c, found)
	case changed:
		h.Leave(&c.atServer.marks, found)
	}
	h.End(false)
	s.reportUnsent(c, unfit)
	return changed, err
}

// moveMember is setMember without kept messages. The changes of one client are made one after the other, so that
// the client is told of them in the order in which they took effect. found says whether others could find the client
// in the group that it leaves.
func (s *Server) moveMember(c *Conn, group string, in bool) (changed, found bool, err error) {
	c.atServer.announced.mu.Lock()
	defer c.atServer.announced.mu.Unlock()
	if c.isEnded() {
		return false, false, c.closedError()
	}
	var no roster.Refusal
	stated := wire.KindJoinGroup
	if in {
		changed, no = s.roster.Join(c, &c.who, group)
	} else {
		changed, found, no = s.roster.Part(c, &c.who, group)
		stated = wire.KindLeaveGroup
	}
	switch {
	case no == roster.Out:
		return false, false, c.closedError()
	case no == roster.Full:
		return false, false, NewError(CodeTooManyGroups, "a client may be in "+strconv.Itoa(s.opts.Limits.MaxGroups)+" groups")
	case !changed:
		return false, false, nil
	}
	s.cluster.wantGroup(group)
	c.tellMember(stated, group)
	return true, found, c.endedError()
}

// tellGroups tells a newcomer of groups that its welcome had no room for.
func (s *Server) tellGroups(c *Conn, groups []string) {
	for _, g := range groups {
		c.atServer.announced.mu.Lock()
		if c.InGroup(g) { // the program knows the client already, and may have taken it out
			c.tellMember(wire.KindJoinGroup, g)
		}
		c.atServer.announced.mu.Unlock()
	}
}

// setName changes the name, tells the client, and announces the change to other clients. If another client has the name
// and has to give it up, setName waits for that. It returns the name before, and whether it changed.
func (s *Server) setName(ctx context.Context, c *Conn, name string) (old string, changed bool, err error) {
	if err := checkChange(name, s.opts.Limits.MaxName, true); err != nil {
		return "", false, err
	}
	done, no := s.claimName(ctx, c, name)
	if no != nil {
		return c.Name(), false, no
	}
	defer done()
	for {
		var taken roster.Holders[*Conn]
		old, changed, taken, err = s.moveName(c, name)
		if taken.Arriving != nil {
			<-taken.Arriving // a moment later the newcomer is in, or refused
			continue
		}
		if taken.Name == nil {
			break
		}
		holder := s.opts.Access.NameConflict.among(taken.Name, c)
		if holder == nil || !s.replace(ctx, holder, c) {
			return old, false, nameTaken(name)
		}
	}
	if changed {
		s.announce(c)
	}
	return old, changed, err
}

// moveName is setName without the announcement. If other clients have the name, taken has them, and nothing
// has changed.
func (s *Server) moveName(c *Conn, name string) (old string, changed bool, taken roster.Holders[*Conn], err error) {
	c.atServer.announced.mu.Lock()
	defer c.atServer.announced.mu.Unlock()
	if c.isEnded() {
		return c.Name(), false, taken, c.closedError()
	}
	old, taken, no := s.roster.Rename(c, &c.who, name)
	switch {
	case no == roster.Out:
		return old, false, taken, c.closedError()
	case no == roster.Held, name == old:
		return old, false, taken, nil
	}
	s.cluster.wantName(old)
	s.cluster.wantName(name)
	c.tellMember(wire.KindRename, name)
	return old, true, taken, nil
}

// checkCommand reports what is wrong with the name of a command, or nil.
func checkCommand(name string) *Error { return checkName(name, maxCommand) }

// checkSent is checkCommand for a command that goes to the peer.
func (c *Conn) checkSent(name string) *Error { return checkName(name, c.peer.maxCommand) }

// checkGot is checkCommand for a command that comes from the peer.
func (c *Conn) checkGot(name string) *Error { return checkName(name, c.eng.maxCommand) }

// checkName reports what is wrong with the name of a client, a group or a command.
func checkName(name string, max int) *Error {
	// Nearly all names are short and printable ASCII: do not make them pay for the rest.
	if len(name) > 0 && len(name) <= max && len(name) <= 64 && plain(name) {
		return nil
	}
	if err := wire.ValidName(name, max); err != nil {
		return wireError(err)
	}
	return nil
}

// plain reports whether s, which is not empty, is printable ASCII without a space around it.
func plain(s string) bool {
	if s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
