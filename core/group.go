package core

import (
	"cmp"
	"iter"
	"slices"

	"github.com/hisock/hisock/core/wire"
)

// A Group is the clients that are in a group at the moment something is done with it.
// It is made by [Server.Group] and safe for concurrent use.
type Group struct {
	srv  *Server
	name string
}

// Group returns the group of that name, whether anybody is in it or not.
func (s *Server) Group(name string) *Group { return &Group{srv: s, name: name} }

// Name is the group's name.
func (g *Group) Name() string { return g.name }

// Clients returns those who are in the group when the iteration begins, in no order.
func (g *Group) Clients() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) { each(g.srv.roster.In(g.name), yield) }
}

// Len is how many clients are in the group.
func (g *Group) Len() int { return len(g.srv.roster.In(g.name)) }

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

// A History says what a server keeps of what it sends to groups, for those who join later. The
// zero value keeps nothing.
//
// Commands and raw messages that go to a group with [Group.Send] and the like are kept as the
// send middleware leaves them, oldest first, also when nobody is in the group; those that are
// [Transient] are not. A server that lets its clients say to which groups it sends checks what they
// say, since a group that is new to it may push out the history of another.
//
// Those whom [Except] leaves out do not get them when they join again; [Group.Replay] gives them all.
type History struct {
	// Messages is how many are kept for a group. Zero and negative mean none; then it is an
	// error to set one of the others.
	Messages int

	// Bytes bounds what they take in one group, names, payloads and some 64 bytes for
	// each. One that alone takes more is not kept, nor what was sent before it.
	// Zero means 64 KiB.
	Bytes int

	// Groups is for how many groups there is such a history. With one more, that which was
	// sent to longest ago is forgotten. Zero means 1024.
	Groups int

	// Replay gives a client that joins a group, in the hello or later, what is kept of it: exactly
	// what was sent before it joined, and then what is sent after. It comes behind the
	// welcome, or the word that the client is in the group now, and before what
	// the join handler sends. It never fills more than half of the client's queue: of
	// more than that the client gets the last, as if no more had been kept.
	//
	// Nothing comes twice. A client that leaves a group and joins it again, over the same connection or one
	// that was resumed, is given only what was sent since it left, however often it does that. So is
	// remembered for the 256 groups that it left last. If it has left more, it is given of all other
	// groups, also of those in which it never was, only what was sent since it left the last group that is
	// not remembered. A client that joins the server anew says up to where it has had each group, and is
	// given what came after; so it is with the session of a client that was detached. A client says so of
	// all groups that it is in, and of the 256 others that it has left last.
	//
	// Handlers learn with [Replayed] that something is replayed. [Client.OnReplay] is told of each replay
	// before what comes, and of what was missed since it is not kept any more, and [Client.OnReplayed] at
	// the end. Clients of the original's protocol are given all each time that they join, and are not told.
	Replay bool
}

const (
	defaultHistoryBytes  = 64 << 10
	defaultHistoryGroups = 1024

	// keptCost is what a message weighs beside its frame, so that many small ones count.
	keptCost = 64
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

// History returns what is kept of what was sent to the group, oldest first. The caller owns
// it. See [ServerOptions.History].
func (g *Group) History() []Frame {
	hs := g.srv.histories
	if hs == nil {
		return nil
	}
	h := hs.take(g.name)
	defer hs.put(h, false)
	frames := make([]Frame, 0, len(h.kept))
	for _, k := range h.kept {
		f := keptFrame(k.frame)
		f.Payload = append([]byte(nil), f.Payload...)
		frames = append(frames, f)
	}
	return frames
}

// Replay queues the last n that are kept of the group for c, or all if n is not above zero, but
// no more than fit into half of its queue. It fails with why the connection ended. Where
// [History.Replay] is set each member has had them already: they come again. Handlers and the
// functions of [Client.OnReplay] and [Client.OnReplayed] see them as they see what a newcomer is given.
func (g *Group) Replay(c *Conn, n int) error {
	if c == nil {
		return NewError(CodeNotConnected, "there is no connection to replay to")
	}
	hs := g.srv.histories
	if hs == nil {
		return c.endedError()
	}
	h := hs.take(g.name)
	if n <= 0 || n > len(h.kept) {
		n = len(h.kept)
	}
	unfit, err := h.replayLocked(c, n, true)
	hs.put(h, false)
	g.srv.reportUnsent(c, unfit)
	return err
}

// Forget drops what is kept of the group.
func (g *Group) Forget() {
	if hs := g.srv.histories; hs != nil {
		h := hs.take(g.name)
		h.kept, h.bytes = nil, 0
		hs.put(h, false)
	}
}

// replays reports whether those who join a group are given what is kept of it.
func (s *Server) replays() bool { return s.histories != nil && s.histories.opts.Replay }

// enterGroups adds a newcomer to the groups of its hello, with what is kept of them.
func (s *Server) enterGroups(c *Conn) {
	if !s.replays() {
		return // admit has done it
	}
	for _, g := range c.Groups() {
		h := s.histories.take(g)
		in := !c.isEnded() && s.roster.EnterGroup(c, &c.who, g) // the program may know it already, and have it out
		s.replayAndPut(h, c, in, wire.Position{})
	}
}

// replayAndPut gives c what is kept, if it is in the group now, and puts the history back. told is the
// position that the client has told as it asked, or none.
func (s *Server) replayAndPut(h *groupHistory, c *Conn, in bool, told wire.Position) {
	var unfit []error
	if in {
		unfit = h.joinLocked(c, told)
	}
	s.histories.put(h, false)
	s.reportUnsent(c, unfit)
}

// takePositions keeps what the client has said in its hello of where it is in its groups.
func (c *Conn) takePositions(told []wire.Position) {
	slices.SortStableFunc(told, func(a, b wire.Position) int { return cmp.Compare(a.Group, b.Group) })
	c.positions = told
}

// takePosition returns what the client has said in its hello of where it is in a group, once. It
// has no epoch if it has said nothing.
func (c *Conn) takePosition(group string) (told wire.Position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i, ok := slices.BinarySearchFunc(c.positions, group, func(p wire.Position, g string) int { return cmp.Compare(p.Group, g) })
	if ok {
		told, c.positions[i].Epoch = c.positions[i], 0
	}
	return told
}

// reportUnsent reports what cannot be sent to c. No history is taken: it runs the error hook.
func (s *Server) reportUnsent(c *Conn, unfit []error) {
	for _, err := range unfit {
		s.eng.faultOf(c, "a client cannot be sent what a group keeps", err)
	}
}

// endedError is closedError for a connection that may not have ended.
func (c *Conn) endedError() error {
	if c.isEnded() {
		return c.closedError()
	}
	return nil
}
