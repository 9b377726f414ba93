package core

import (
	"context"

	"github.com/hisock/hisock/core/wire"
)

// A Replay describes one replay of a group's kept messages to a client, as the client joins the group or when the
// server's program wants it: see [History] and [Group.Replay].
type Replay struct {
	Group string

	// Messages is the number of commands and raw messages that come. A message that is longer than
	// [ClientOptions.MaxFrame] counts, and does not come.
	Messages int

	// Missed is the number of messages to the group that the client has missed: they were sent after the last message
	// that it has had, and do not come, since they are not kept any more or there is no room for them. Lost says that the
	// number is unknown: the server was started again, or has forgotten the group since. Messages that were sent
	// before the client was in the group for the first time are not missed.
	Missed uint64
	Lost   bool
}

// OnReplay registers a function that runs before the messages of each replay, also if there are none: each time that
// the client joins a group of a server with [History].Replay, also as it connects, and
// when the server's program calls [Group.Replay]. The function runs in its turn like a command's
// handler. If the client has asked for the group, it runs after the function of OnJoinGroup. r says how many messages
// come, and how many were missed.
//
// A message that a full queue has dropped comes in no later replay; the function of OnMissed is told of it.
func (cl *Client) OnReplay(f func(c *Conn, r Replay)) {
	cl.mustBeOpen()
	cl.onReplay = f
}

// OnReplayed registers a function that runs after the messages of each replay: messages of the group that come
// afterwards were sent after the client joined.
func (cl *Client) OnReplayed(f func(c *Conn, r Replay)) {
	cl.mustBeOpen()
	cl.onReplayed = f
}

// Replayed reports whether the message that a handler is given is replayed: one that a group kept, and not one that was
// sent just now. ctx is the context of the handler, or derives from it. At a server Replayed is always false.
func Replayed(ctx context.Context) bool {
	return ctx.Value(replayedKey{}) != nil
}

type replayedKey struct{}

// contextOf returns the context of a handler. The context for replayed messages is made once.
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

// gotGroup handles a frame of a group that keeps its messages. It reports whether the reading is still the
// caller's.
//
// The client's position in the group moves in turn, so that a message which has been read and is never
// handled comes again. So if a receiver takes a message before its turn, a passed frame takes the message's turn, and
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

// passed returns the frame that moves the position in place of f. rest is the part of f that a receiver has taken.
func passed(f wire.Frame, rest []byte) wire.Frame {
	return wire.Frame{Kind: wire.KindGroupPassed, Body: f.Body[: len(f.Body)-len(rest) : len(f.Body)-len(rest)]}
}

// runGroup handles a message to a group in its turn, or beside the turn if reserved is not nil; see runFrame.
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
// connection's turn, and returns the passed frame that moves the position in turn. If it starts no handler it returns f.
// It starts none while the beginning or the end of a replay waits in the inbox: before that has had its turn, nobody
// knows whether the message is replayed.
func (c *Conn) groupBeside(f wire.Frame) wire.Frame {
	_, _, rest, err := wire.ParseGroup(f.Kind, f.Body)
	if err != nil || c.turn.ReplaysWait() || !c.startBeside(f) {
		return f
	}
	return passed(f, rest)
}

// runReplay handles the frame for the beginning or the end of a replay, in its turn.
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
			return nil // a frame for the end will come
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

// position returns the client's position in a group for a request to join it, encoded, or nil.
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

// Bounds of the positions in a hello, in bytes: positions ≤ helloPositions, and the whole hello ≤ helloRoom, so that a
// server with a small MaxHello takes it. A group whose position is left out is replayed from the start; the client still
// handles no message twice.
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

// keptFrame returns the message in a frame that a group keeps. Its payload is part of b.
func keptFrame(b []byte) Frame {
	in, _, _, _ := wire.Next(b, len(b))
	f, _ := groupFrame(in)
	return f
}

// groupFrame returns the message in a group command or group raw frame. Its payload is part
// of the body.
func groupFrame(in wire.Frame) (f Frame, err error) {
	_, _, rest, err := wire.ParseGroup(in.Kind, in.Body)
	if err != nil || in.Kind == wire.KindGroupRaw {
		return Frame{Kind: KindRaw, Payload: rest}, err
	}
	name, payload, err := wire.ParseCommand(rest)
	return Frame{Kind: KindCommand, Command: string(name), Payload: payload}, err
}
