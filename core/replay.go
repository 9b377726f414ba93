package core

import (
	"context"

	"github.com/hisock/hisock/core/wire"
)

// A Replay says which of a group's kept messages a client is given, as it joins the group or when the server's
// program wants it: see [History] and [Group.Replay].
type Replay struct {
	Group string

	// Messages is the number of commands and raw messages that come. A message that is longer than
	// [ClientOptions.MaxFrame] counts, and does not come.
	Messages int

	// Missed is the number of messages that were sent to the group after the last one that the client had, and
	// do not come: they are not kept any more, or there is no room for them. Lost says that nobody knows the
	// number: the server was started again, or has forgotten the group since. Messages that were sent before the
	// client was in the group for the first time are not missed.
	Missed uint64
	Lost   bool
}

// OnReplay registers a function that runs before a client is given the messages that a group keeps, also if
// there are none: each time that the client joins a group of a server with [History].Replay, also as it connects, and
// when the server's program says so with [Group.Replay]. The function runs in its turn like a command's
// handler, after the function of OnJoinGroup if the client has asked for the group. r says what was missed.
//
// OnMissed is told of messages that a full queue has dropped. No later replay gives them.
func (cl *Client) OnReplay(f func(c *Conn, r Replay)) {
	cl.mustBeOpen()
	cl.onReplay = f
}

// OnReplayed registers a function that runs after the messages of a replay: messages that come from now on
// were sent after the client joined.
func (cl *Client) OnReplayed(f func(c *Conn, r Replay)) {
	cl.mustBeOpen()
	cl.onReplayed = f
}

// Replayed reports whether a handler is given a message that a group kept, and not one that was sent just now.
// ctx is the context of the handler, in whatever form the handler was registered, or derives from it.
// Replayed is always false at a server.
func Replayed(ctx context.Context) bool {
	return ctx.Value(replayedKey{}) != nil
}

type replayedKey struct{}

// contextOf returns the context of a handler. The one for replayed messages is made once.
func (c *Conn) contextOf(replayed bool) context.Context {
	if !replayed {
		return c.Context()
	}
	if r := c.replayed.Load(); r != nil {
		return *r
	}
	r := context.WithValue(c.Context(), replayedKey{}, true)
	c.replayed.Store(&r)
	return r
}

// gotGroup takes a frame of a group that keeps its messages. It reports whether the reading is still the
// caller's.
//
// The position of the client in the group moves in turn, so that a message which has been read and is never
// handled comes again. So a message that a receiver takes out of its turn leaves a frame in its place, which
// moves the position.
func (c *Conn) gotGroup(rd *reader, f wire.Frame) bool {
	if f.Kind == wire.KindReplay || f.Kind == wire.KindReplayEnd {
		return c.dispatch(rd, f)
	}
	group, number, rest, err := wire.ParseGroup(f.Kind, f.Body)
	if err != nil {
		c.endWith(wireError(err))
		rd.r = rd.w
		return true
	}
	taken := false
	switch {
	case f.Kind == wire.KindGroupCommand:
		taken = c.recv.awaited() && c.gotAwaited(rest)
	case f.Kind == wire.KindGroupRaw:
		if _, taken = c.eng.book.Got(group, number, true); !taken {
			taken = c.gotRaw(rd, rest)
		}
		if taken && c.deaf(rd) {
			return true
		}
	}
	if taken {
		f = passed(f, rest)
	}
	return c.dispatch(rd, f)
}

// passed returns the frame that a message leaves in its place when a receiver has taken it.
func passed(f wire.Frame, rest []byte) wire.Frame {
	return wire.Frame{Kind: wire.KindGroupPassed, Body: f.Body[: len(f.Body)-len(rest) : len(f.Body)-len(rest)]}
}

// runGroup handles a message to a group in its turn or, with room that is reserved, beside it.
func (c *Conn) runGroup(f wire.Frame, reserved *bool) error {
	group, number, rest, err := wire.ParseGroup(f.Kind, f.Body)
	if err != nil {
		return err
	}
	replayed, twice := c.eng.book.Got(group, number, reserved != nil)
	switch {
	case twice:
	case f.Kind == wire.KindGroupRaw:
		c.runRaw(c.contextOf(replayed), rest)
	case f.Kind == wire.KindGroupCommand:
		var name, payload []byte
		if name, payload, err = wire.ParseCommand(rest); err == nil {
			c.runCommand(c.contextOf(replayed), name, payload, reserved)
		}
	}
	return err
}

// groupBeside starts the concurrent handler of a message to a group while another handler keeps the
// connection's turn, and returns the frame that moves the position in turn. It does nothing while the
// beginning or the end of a replay waits: only then is it known whether the message is a replayed one.
func (c *Conn) groupBeside(f wire.Frame) wire.Frame {
	_, _, rest, err := wire.ParseGroup(f.Kind, f.Body)
	if err != nil || c.turn.ReplaysWait() || !c.startBeside(f) {
		return f
	}
	return passed(f, rest)
}

// runReplay handles in its turn that a replay begins or ends.
func (cl *Client) runReplay(c *Conn, f wire.Frame) error {
	var group string
	if f.Kind == wire.KindReplay {
		r, err := wire.ParseReplay(f.Body, &wire.Limits{MaxName: defaultMaxHello})
		if err != nil {
			return err
		}
		group = r.Group
		if told := cl.book.Begin(r, c.InGroup(group)); cl.onReplay != nil {
			c.runHook(func() { cl.onReplay(c, Replay(told)) })
		}
		if r.Count > 0 {
			return nil // the end is told by itself
		}
	} else {
		name, err := wire.ParseName(f.Body)
		if err != nil {
			return err
		}
		group = string(name)
	}
	if told, ok := cl.book.End(group); ok && cl.onReplayed != nil {
		c.runHook(func() { cl.onReplayed(c, Replay(told)) })
	}
	return nil
}

// position is the position of the client in a group as it stands in an ask, or nothing.
func (cl *Client) position(k wire.Kind, group string) []byte {
	if k != wire.KindAskJoin {
		return nil
	}
	p := cl.book.Position(group)
	if p.Epoch == 0 {
		return nil
	}
	return wire.AppendPosition(nil, p)
}

// What a hello may carry of positions, in bytes: helloPositions, and no more than makes it
// helloRoom in all, so that a server which takes short hellos only takes it. What is left out is
// asked for as if the client had never been given it, and is not handled twice all the same.
const (
	helloPositions = 2 << 10
	helloRoom      = 4 << 10
)

// tellPositions puts the positions of a client into its hello, those in the groups of the hello first.
func (cl *Client) tellPositions(h *wire.Hello) {
	room := min(helloPositions, helloRoom-len(wire.AppendHello(nil, h)))
	add := func(p wire.Position) {
		if n := p.Size(); p.Epoch != 0 && n <= room {
			room -= n
			h.Positions = append(h.Positions, p)
		}
	}
	for _, g := range h.Groups {
		add(cl.book.Position(g))
	}
	for _, p := range cl.book.Left() {
		add(p)
	}
}

// keptFrame takes a frame apart that was put together here. Its payload is part of b.
func keptFrame(b []byte) Frame {
	in, _, _, _ := wire.Next(b, len(b))
	f, _ := groupFrame(in)
	return f
}

// groupFrame returns what a group command or group raw says, apart from the group. Its payload is part
// of the body.
func groupFrame(in wire.Frame) (f Frame, err error) {
	_, _, rest, err := wire.ParseGroup(in.Kind, in.Body)
	if err != nil || in.Kind == wire.KindGroupRaw {
		return Frame{Kind: KindRaw, Payload: rest}, err
	}
	name, payload, err := wire.ParseCommand(rest)
	return Frame{Kind: KindCommand, Command: string(name), Payload: payload}, err
}
