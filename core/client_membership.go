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
// keeps it out of, with the reason: [CodeUnauthorized], or the error of [Access.AuthorizeGroup]. A
// server leaves out groups that do not fit [ClientOptions.MaxFrame]. The caller owns the slice. At
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

// A client is in no more groups than the welcome has announced, nor than maxClientGroups. If the welcome has
// announced no number, the client is in defaultClientGroups at most.
const (
	defaultClientGroups = 4096
	maxClientGroups     = 1 << 20
)

func tooManyGroups(most int) *Error {
	return NewError(CodeTooManyGroups, "the server says more groups than its limit "+strconv.Itoa(most))
}

// peerMaxGroups is how many groups a server may say that the client is in.
func peerMaxGroups(announced uint64) int {
	if announced == 0 {
		return defaultClientGroups
	}
	return int(min(announced, maxClientGroups))
}

// gotStatement applies a statement of the server about the client's name or groups as it is read, and leaves
// the event to its turn. It reports whether the reading is still the caller's.
//
// A statement counts as received once there is room for its event. So a statement that comes again
// after a resume has not been applied before: its event runs once.
func (c *Conn) gotStatement(rd *reader, f wire.Frame) bool {
	body, err := wire.ParseName(f.Body)
	if err != nil {
		c.endWith(wireError(err))
		return true
	}
	name, old := string(body), c.Name() // which nobody else changes
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
	// The body of the event is that of the statement with the name before as its rest.
	return c.dispatch(rd, wire.Frame{Kind: f.Kind, Body: append(f.Body[:len(f.Body):len(f.Body)], old...)})
}

// peerLimits are for what a server tells of its clients: it has limited them already, and
// the frame is bounded.
var peerLimits = wire.Limits{MaxName: -1, MaxGroups: -1, MaxAddr: -1}

// handle handles in its turn what the server tells of the client, of others, and of replays.
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
	}
	return err
}

// runStatement runs the event of a statement.
func (cl *Client) runStatement(c *Conn, f wire.Frame) {
	name, old, _ := wire.ParseCommand(f.Body)                      // which gotStatement has put together
	if f.Kind == wire.KindLeaveGroup && !c.InGroup(string(name)) { // else it is in again by now
		cl.book.Leave(string(name))
	}
	c.event(f.Kind, string(old), string(name))
}

// presence tells the program that another client came, went, or was called old before, by the kind of
// the notice.
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
