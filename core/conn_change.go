package core

import (
	"context"

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
	return c.eng.change(ctx, c, wire.KindAskJoin, group)
}

// Leave takes the client out of a group; not being in it is no error. Otherwise it is like
// Join. No authorizer is asked.
func (c *Conn) Leave(ctx context.Context, group string) error {
	return c.eng.change(ctx, c, wire.KindAskLeave, group)
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
	return c.eng.change(ctx, c, wire.KindAskRename, name)
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
	if hasClassic && c.classic != nil {
		return // it cannot be told
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
