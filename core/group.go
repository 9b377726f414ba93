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

// A Group is the clients that are in a group at the moment of a call.
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

// Len is how many clients are in the group.
func (g *Group) Len() int { return g.srv.roster.LenIn(g.name) }

// Send queues a command for everybody in the group, encoded once. It fails as [Everybody.Send]
// does, and with [CodeBadName] if nobody can be in a group of that name. That nobody is in it is no
// error, unless [MustReach] is given: middleware sees what is sent, and a [History] keeps it.
func (g *Group) Send(command string, v any, opts ...SendOption) error {
	return g.srv.publishValue(audience{toGroup, g.name}, command, v, opts)
}

// SendBytes is Send for a payload that needs no conversion. It does not keep payload.
func (g *Group) SendBytes(command string, payload []byte, opts ...SendOption) error {
	return g.srv.publish(audience{toGroup, g.name}, Frame{KindCommand, command, payload}, 0, opts)
}

// SendRaw queues a raw message for everybody in the group. It does not keep payload.
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
// Commands and raw messages that go to a group with [Group.Send] and the like are kept as the
// send middleware leaves them, oldest first, also when nobody is in the group. A message that is
// [Transient] is not kept. A server that lets its clients choose the groups to which it sends checks their
// choice, since a group that is new to it may push out the history of another.
//
// A client that [Except] leaves out is not given the message when it joins again; [Group.Replay] gives it
// all.
type History struct {
	// Messages is the number of messages that are kept of a group. Zero and negative mean none; then it is
	// an error to set one of the other fields.
	Messages int

	// Bytes bounds the messages of one group: names, payloads and some 64 bytes for each message. A message
	// that alone takes more is not kept, and pushes out all before it.
	// Zero means 64 KiB.
	Bytes int

	// Groups is the number of groups that have a history. With one more, the group that was sent to longest
	// ago is forgotten. Zero means 1024.
	Groups int

	// Replay gives a client that joins a group, in the hello or later, the messages that are kept: exactly
	// those that were sent before it joined, and then those that are sent after. They come after the
	// welcome, or after the word that the client is in the group now, and before the messages of
	// the join handler. They never fill more than half of the client's queue: if there are more, the
	// client gets the last ones, as if no more had been kept.
	//
	// Nothing comes twice. A client that leaves a group and joins it again, over the same connection or one
	// that was resumed, is given only the messages that were sent since it left, however often it does that.
	// The server remembers this for the 256 groups that the client left last. A client that has left more
	// groups is given, of all groups that are not remembered, only messages that were sent since it left the
	// last one of these. A client that joins the server anew tells its position in each group, and is
	// given the messages after it; a client that was detached does the same. A client tells its positions in
	// all groups that it is in, and in the 256 others that it has left last.
	//
	// A handler learns with [Replayed] that a message is replayed. [Client.OnReplay] is told before the
	// messages of each replay, and what was missed; [Client.OnReplayed] is told at the end. Clients of the
	// original's protocol are given all messages each time that they join, and are not told.
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

// newStore returns what keeps messages as the option says, or nil if nothing is kept.
func newStore(o History, of *budget.Budget) *history.Store {
	if o.Messages == 0 {
		return nil
	}
	rules := history.Rules{Messages: o.Messages, Bytes: o.Bytes, Groups: o.Groups, Replay: o.Replay}
	return history.NewStore(rules, of, session.RandomNumber())
}

// History returns the messages to the group that are kept, oldest first. The caller owns
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

// Replay queues the last n messages that are kept of the group for c, or all if n is not above zero, but
// no more than fit into half of its queue. It fails with why the connection ended. Where
// [History.Replay] is set each member has had the messages already: they come again. Handlers and the
// functions of [Client.OnReplay] and [Client.OnReplayed] see them as they see a newcomer's.
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

// Forget drops the messages that are kept of the group.
func (g *Group) Forget() {
	if g.srv.store != nil {
		h := g.srv.store.Begin(g.name)
		h.Forget()
		h.End(false)
	}
}

// replays reports whether those who join a group are given what is kept of it.
func (s *Server) replays() bool { return s.store != nil && s.opts.History.Replay }

// enterGroups lets others find a newcomer in the groups of its hello, and gives it what is kept of them.
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
		s.reportUnsent(c, unfit)
	}
}

// replay queues the last n messages for the connection, as far as they fit into half of its queue. It returns
// why some cannot be sent to it at all. The caller has begun the group.
func (c *Conn) replay(h *history.Group, n int, again bool) (unfit []error) {
	messages := h.Newest(n, c.eng.queueBytes/2-c.out.Stats().Waiting)
	before, after := h.Replay(len(messages), again)
	send := (*Conn).sendKept
	if !c.can.Replays { // it gets them as if they were sent now
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

// reportUnsent reports what cannot be sent to c. No group is begun: it runs the error hook.
func (s *Server) reportUnsent(c *Conn, unfit []error) {
	for _, err := range unfit {
		s.eng.faultOf(c, "a client cannot be sent what a group keeps", err)
	}
}
