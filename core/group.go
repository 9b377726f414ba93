package core

import (
	"iter"
	"math"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// A Group stands for the clients that are in a group at the moment of each call.
// It is made by [Server.Group] and safe for concurrent use.
type Group struct {
	srv  *Server
	name string
}

// Group returns the group of that name, whether anybody is in it or not.
func (s *Server) Group(name string) *Group { return &Group{srv: s, name: name} }

// Name is the group's name.
func (g *Group) Name() string { return g.name }

// Clients returns the clients that are in the group when the iteration begins, in no order.
func (g *Group) Clients() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) { each(g.srv.roster.In(g.name), yield) }
}

// Len is the number of clients in the group.
func (g *Group) Len() int { return g.srv.roster.LenIn(g.name) }

// Send queues a command for all clients in the group, encoded once. It fails as [Everybody.Send]
// does, and with [CodeBadName] if the group's name is not well formed. An empty group is no
// error, unless [MustReach] is given: middleware sees the command, and a [History] keeps it.
func (g *Group) Send(command string, v any, opts ...SendOption) error {
	return g.srv.publishValue(audience{toGroup, g.name}, command, v, opts)
}

// SendBytes is Send for a payload that needs no conversion. It does not keep payload.
func (g *Group) SendBytes(command string, payload []byte, opts ...SendOption) error {
	return g.srv.publish(audience{toGroup, g.name}, Frame{KindCommand, command, payload}, 0, opts)
}

// SendRaw queues a raw message for all clients in the group. It does not keep payload.
func (g *Group) SendRaw(payload []byte, opts ...SendOption) error {
	return g.srv.publish(audience{toGroup, g.name}, Frame{KindRaw, "", payload}, 0, opts)
}

func each(conns []*Conn, yield func(*Conn) bool) {
	for _, c := range conns {
		if !yield(c) {
			return
		}
	}
}

// endedError is closedError for a connection that may not have ended.
func (c *Conn) endedError() error {
	if c.isEnded() {
		return c.closedError()
	}
	return nil
}

// A History says which messages to groups a server keeps, for clients that join later. The
// zero value keeps nothing.
//
// Commands and raw messages that are sent with [Group.Send], [Group.SendBytes] and [Group.SendRaw] are kept, as the
// send middleware leaves them, also while nobody is in the group. A message that is
// [Transient] is not kept. A server that sends to groups which its clients choose should check the
// choice, since a new group may push out the history of another group.
//
// A client that [Except] leaves out is not given the message either when it joins again. [Group.Replay] gives it
// all messages.
type History struct {
	// Messages is the number of messages that are kept of a group. Zero and negative mean none; then it is
	// an error to set one of the other fields.
	Messages int

	// Bytes bounds the messages of one group: names, payloads and some 64 bytes for each message. A message
	// that alone takes more is not kept, and pushes out all messages before it.
	// Zero means 64 KiB.
	Bytes int

	// Groups is the number of groups that have a history. When another group gets one, the group that was sent to
	// longest ago is forgotten. Zero means 1024.
	Groups int

	// Replay gives a client that joins a group, in the hello or later, the messages that are kept. No message is
	// lost or doubled between the messages that were sent before the client joined, which are replayed, and the messages
	// that are sent afterwards. Replayed messages come after the
	// welcome, or after the statement that the client is in the group now, and before the messages of
	// the join handler. They never fill more than half of the client's queue: if there are more, the
	// client gets the newest, as if no others had been kept.
	//
	// No message comes twice. A client that leaves a group and joins it again, over the same connection, also
	// after a resume, is given only the messages that were sent since it left.
	// The server remembers this for the 256 groups that the client left last. If the client has left more
	// groups, it is given, of each group that is not remembered, only messages that were sent since it left the
	// last of the groups that are not. A client that joins the server anew tells its position in each group, and is
	// given the messages after that position; so does a client that was detached. A client tells its positions in
	// all groups that it is in, and in the 256 other groups that it left last.
	//
	// [Replayed] tells a handler that a message is replayed. [Client.OnReplay] runs before the
	// messages of each replay and says what was missed; [Client.OnReplayed] runs after them. Clients of the
	// original's protocol are given all messages each time that they join, and are not told that these are replayed.
	Replay bool
}

const (
	defaultHistoryBytes  = 64 << 10
	defaultHistoryGroups = 1024
)

// resolve fills the defaults in, unless nothing is to be kept.
func (h *History) resolve(f *optionFaults) {
	if h.Messages <= 0 {
		const why = "it has no effect without History.Messages"
		if h.Bytes != 0 {
			f.add("History.Bytes", valueText(h.Bytes), why)
		}
		if h.Groups != 0 {
			f.add("History.Groups", valueText(h.Groups), why)
		}
		if h.Replay {
			f.add("History.Replay", "true", why)
		}
		*h = History{}
		return
	}
	size(f, "History.Bytes", &h.Bytes, defaultHistoryBytes, 1, 0)
	size(f, "History.Groups", &h.Groups, defaultHistoryGroups, 1, 0)
}

// newStore returns a store that keeps messages as o says, or nil if nothing is kept.
func newStore(o History, of *budget.Budget) *history.Store {
	if o.Messages == 0 {
		return nil
	}
	rules := history.Rules{Messages: o.Messages, Bytes: o.Bytes, Groups: o.Groups, Replay: o.Replay}
	return history.NewStore(rules, of, session.RandomNumber())
}

// History returns the kept messages of the group, oldest first. The caller owns
// them. See [ServerOptions.History].
func (g *Group) History() []Frame {
	if g.srv.store == nil {
		return nil
	}
	h := g.srv.store.Begin(g.name)
	defer h.End(false)
	frames := make([]Frame, 0, h.Len())
	for _, m := range h.Newest(h.Len(), math.MaxInt) {
		f := keptFrame(m.Frame)
		f.Payload = append([]byte(nil), f.Payload...)
		frames = append(frames, f)
	}
	return frames
}

// Replay queues the last n kept messages of the group for c, or all of them if n <= 0, but
// no more than fit into half of c's queue. It fails with the reason for which the connection ended, if it has. With
// [History.Replay] each member has had the messages already, and gets them again. Handlers and the
// functions of [Client.OnReplay] and [Client.OnReplayed] see them as after a join.
func (g *Group) Replay(c *Conn, n int) error {
	if c == nil {
		return NewError(CodeNotConnected, "there is no connection to replay to")
	}
	if g.srv.store == nil {
		return c.endedError()
	}
	h := g.srv.store.Begin(g.name)
	if n <= 0 {
		n = h.Len()
	}
	unfit := c.replay(h, n, true)
	h.End(false)
	g.srv.reportUnsent(c, unfit)
	return c.endedError()
}

// Forget drops the kept messages of the group.
func (g *Group) Forget() {
	if g.srv.store != nil {
		h := g.srv.store.Begin(g.name)
		h.Forget()
		h.End(false)
	}
}

// replays reports whether a client that joins a group is given the group's kept messages.
func (s *Server) replays() bool { return s.store != nil && s.opts.History.Replay }

// enterGroups lets others find a newcomer in the groups of its hello, and gives it their kept messages.
func (s *Server) enterGroups(c *Conn) {
	if !s.replays() {
		return // admit has done it
	}
	for _, g := range c.Groups() {
		h := s.store.Begin(g)
		var unfit []error
		if !c.isEnded() && s.roster.EnterGroup(c, &c.who, g) { // the program may know it already, and have it out
			unfit = c.replay(h, h.Join(&c.atServer.marks, wire.Position{}), false)
		}
		h.End(false)
		s.cluster.wantGroup(g)
		s.reportUnsent(c, unfit)
	}
}

// replay queues the last n messages for the connection, as far as they fit into half of its queue. It returns an
// error for each message that cannot be sent to this peer. The caller has begun the group. again says that the program
// asks for the replay.
func (c *Conn) replay(h *history.Group, n int, again bool) (unfit []error) {
	messages := h.Newest(n, c.eng.queueBytes/2-c.out.Stats().Waiting)
	before, after := h.Replay(len(messages), again)
	send := (*Conn).sendKept
	if !c.takesReplays() { // it gets them as if they were sent now
		before, after, send = nil, nil, (*Conn).sendAgain
	}
	if before != nil {
		c.sendOwn(before) //nolint:errcheck // then it is over anyway
	}
	for _, m := range messages {
		err := send(c, m.Frame)
		if err != nil && c.isEnded() {
			break
		}
		if err != nil {
			unfit = append(unfit, err)
		}
	}
	if after != nil {
		c.sendOwn(after) //nolint:errcheck // then it is over anyway
	}
	return unfit
}

func (c *Conn) sendKept(frame []byte) error {
	return c.sendAll(outbox.NewBlock(frame), OverflowDisconnect, nil)
}

func (c *Conn) sendAgain(frame []byte) error { return c.sendFrame(keptFrame(frame), nil) }

// reportUnsent reports the errors that replay has returned. It runs the error hook, so no group may be begun.
func (s *Server) reportUnsent(c *Conn, unfit []error) {
	for _, err := range unfit {
		s.eng.faultOf(c, "a client cannot be sent what a group keeps", err)
	}
}
