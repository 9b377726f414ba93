package core

import (
	"context"
	"strconv"

	"github.com/hisock/hisock/core/wire"
)

// Join is [Conn.Join] at the server.
func (cl *Client) Join(ctx context.Context, group string) error {
	return cl.changeOwn(ctx, wire.KindAskJoin, group)
}

// Leave is [Conn.Leave] at the server.
func (cl *Client) Leave(ctx context.Context, group string) error {
	return cl.changeOwn(ctx, wire.KindAskLeave, group)
}

// Rename is [Conn.Rename] at the server.
func (cl *Client) Rename(ctx context.Context, name string) error {
	return cl.changeOwn(ctx, wire.KindAskRename, name)
}

func (cl *Client) changeOwn(ctx context.Context, k wire.Kind, name string) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return cl.change(ctx, c, k, name)
}

// change asks the server for a change and waits for its answer.
func (cl *Client) change(ctx context.Context, c *Conn, k wire.Kind, name string) error {
	if !c.takesChanges() {
		return errNoChanges
	}
	if err := checkChange(name, defaultMaxHello, k == wire.KindAskRename); err != nil {
		return err
	}
	_, err := c.ask(ctx, k, name, cl.position(k, name))
	if err == nil {
		c.answered(k, name, true)
	}
	return err
}

// A RefusedGroup is one of [ClientOptions.Groups] that the server keeps the client out of.
type RefusedGroup struct {
	Group string
	Why   *Error // as the server says, without details; [IsRemote] reports true
}

// RefusedGroups returns the groups that the client asked for as it joined and that the server
// keeps it out of, with the reason: [CodeUnauthorized], or the error of [Access.AuthorizeGroup]. If there are too many
// for one frame of [ClientOptions.MaxFrame], some are missing. The caller owns the slice. At
// a server it is always empty.
func (c *Conn) RefusedGroups() (refused []RefusedGroup) {
	if c.server {
		return nil
	}
	for i := range c.atClient.refused {
		g := &c.atClient.refused[i]
		refused = append(refused, RefusedGroup{g.Name, remoteError(g.Code, g.Reason, g.RetryAfter)})
	}
	return refused
}

// RefusedGroups is [Conn.RefusedGroups] of the connection to the server.
func (cl *Client) RefusedGroups() []RefusedGroup {
	if c := cl.Conn(); c != nil {
		return c.RefusedGroups()
	}
	return nil
}

// Bounds of the groups that a client is in: the number that the welcome announces, and maxClientGroups in any case. If
// the welcome announces no number the bound is defaultClientGroups.
const (
	defaultClientGroups = 4096
	maxClientGroups     = 1 << 20
)

func tooManyGroups(most int) *Error {
	return NewError(CodeTooManyGroups, "the server puts the client into more groups than its limit "+strconv.Itoa(most))
}

// peerMaxGroups returns the number of groups that a server may put the client into. announced is the number in the
// welcome, or 0 if it has none.
func peerMaxGroups(announced uint64) int {
	if announced == 0 {
		return defaultClientGroups
	}
	return int(min(announced, maxClientGroups))
}

// gotStatement applies a statement of the server about the client's name or groups as it is read, and dispatches
// the event, which has its turn. It reports whether the reading is still the caller's.
//
// A statement counts as received once there is room for its event. So a statement that comes again
// after a resume has not been applied before: its event runs once.
func (c *Conn) gotStatement(rd *reader, f wire.Frame) bool {
	body, err := wire.ParseName(f.Body)
	if err != nil {
		c.endWith(wireError(err))
		return true
	}
	name, old := string(body), c.Name() // only the reader changes the name
	if err := checkChange(name, defaultMaxHello, f.Kind == wire.KindRename); err != nil {
		c.endWith(err)
		return true
	}
	if !c.awaitInbox(rd, len(f.Body)+len(old)) {
		return true
	}
	changed, full := false, false
	switch f.Kind {
	case wire.KindRename:
		changed = c.who.SetName(name) != name
	case wire.KindJoinGroup:
		changed, full = c.who.AddGroup(name, c.eng.maxGroups)
	default:
		changed = c.who.RemoveGroup(name)
	}
	if full {
		c.endWith(tooManyGroups(c.eng.maxGroups))
	}
	if !changed {
		return true
	}
	// The body of the event is the body of the statement, followed by the name before.
	return c.dispatch(rd, wire.Frame{Kind: f.Kind, Body: append(f.Body[:len(f.Body):len(f.Body)], old...)})
}

// peerLimits are the limits for names, groups and addresses in frames of a server: none, since the server has limited
// them and the frame is bounded.
var peerLimits = wire.Limits{MaxName: -1, MaxGroups: -1, MaxAddr: -1}

// handle handles, in its turn, a statement about the client, a notice of another client, or a frame of a replay.
func (cl *Client) handle(c *Conn, f wire.Frame) (err error) {
	switch f.Kind {
	case wire.KindJoinGroup, wire.KindLeaveGroup, wire.KindRename:
		cl.runStatement(c, f)
	case wire.KindReplay, wire.KindReplayEnd:
		err = cl.runReplay(c, f)
	case wire.KindJoined, wire.KindLeft:
		var p *Presence
		if p, err = wire.ParsePresence(f.Body, &peerLimits); err == nil {
			cl.presence(c, f.Kind, "", *p)
		}
	case wire.KindRenamed:
		var p Presence
		var old string
		if old, p.Name, p.Addr, err = wire.ParseRenamed(f.Body, &peerLimits); err == nil {
			cl.presence(c, f.Kind, old, p)
		}
	default:
		err = notRun(f.Kind)
	}
	return err
}

// runStatement runs the event of a statement.
func (cl *Client) runStatement(c *Conn, f wire.Frame) {
	name, old, _ := wire.ParseCommand(f.Body)                      // the body that gotStatement has made
	if f.Kind == wire.KindLeaveGroup && !c.InGroup(string(name)) { // the client may have joined again by now
		cl.book.Leave(string(name))
	}
	c.event(f.Kind, string(old), string(name))
}

// presence tells the program of a notice of kind k: another client has come or gone, or has changed its name from old.
func (cl *Client) presence(c *Conn, k wire.Kind, old string, p Presence) {
	defer c.eng.recover(c, "presence handler")
	switch {
	case k == wire.KindJoined && cl.onCome != nil:
		cl.onCome(p)
	case k == wire.KindLeft && cl.onGo != nil:
		cl.onGo(p)
	case k == wire.KindRenamed && cl.onNamed != nil:
		cl.onNamed(old, p)
	}
}
