package core

import (
	"math"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// newStore returns a store that keeps messages as o says, or nil if nothing is kept.
func newStore(o History, of *budget.Budget) *history.Store {
	if o.Messages == 0 {
		return nil
	}
	rules := history.Rules{Messages: o.Messages, Bytes: o.Bytes, Groups: o.Groups, Replay: o.Replay}
	return history.NewStore(rules, of, session.RandomNumber())
}

// History returns the kept messages of the group, oldest first. The caller owns
// them. See [ServerOptions.History]. With [History].Store it asks the store if the server has no copy, and returns nothing if
// the store does not answer within some seconds; the error hook is told.
func (g *Group) History() []Frame {
	if g.srv.store == nil {
		return nil
	}
	if g.srv.shared != nil {
		return g.srv.shared.history(g.name)
	}
	h := g.srv.store.Begin(g.name)
	defer h.End(false)
	return keptFrames(h)
}

// keptFrames returns copies of the messages that a group keeps.
func keptFrames(h *history.Group) []Frame {
	frames := make([]Frame, 0, h.Len())
	for _, m := range h.Newest(h.Len(), math.MaxInt) {
		if !m.Readable() {
			continue
		}
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
	var unfit []error
	if g.srv.shared == nil || !g.srv.shared.replayLater(h, g.name, c, n) {
		if n <= 0 {
			n = h.Len()
		}
		unfit = c.replay(h, n, true)
	}
	h.End(false)
	g.srv.reportUnsent(c, unfit)
	return c.endedError()
}

// Forget drops the kept messages of the group. With [History].Store it does so after all messages that were sent before, and does not
// wait for that; another server that is cut off from the store at that moment may still give them to clients that join the group there, until
// it is back.
func (g *Group) Forget() {
	if g.srv.shared != nil {
		g.srv.shared.forget(g.name)
		return
	}
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
			unfit = s.replayTo(h, g, c, wire.Position{})
		}
		h.End(false)
		s.cluster.wantGroup(g)
		s.reportUnsent(c, unfit)
	}
}

// replayTo gives a client that has just become a member of a group the kept messages that it has not had, as its marks or told, the position that the
// client has told, say. The caller has begun the group.
func (s *Server) replayTo(h *history.Group, group string, c *Conn, told wire.Position) (unfit []error) {
	if s.shared != nil {
		return s.shared.joined(h, group, c, told)
	}
	return c.replay(h, h.Join(&c.atServer.marks, told), false)
}

// replay queues the last n messages for the connection, as far as they fit into half of its queue. It returns an
// error for each message that cannot be sent to this peer. The caller has begun the group. again says that the program
// asks for the replay. passed are the numbers of messages that leave the client out.
func (c *Conn) replay(h *history.Group, n int, again bool, passed ...uint64) (unfit []error) {
	messages := h.Newest(n, c.eng.queueBytes/2-c.out.Stats().Waiting)
	before, after := h.Replay(len(messages), again)
	send := (*Conn).sendKept
	if !c.takesReplays() { // it gets them as if they were sent now
		before, after, send = nil, nil, (*Conn).sendAgain
	}
	if before != nil {
		c.sendOwn(before) //nolint:errcheck // then it is over anyway
	}
	for i, m := range messages {
		frame := m.Frame
		if len(passed) > 0 {
			frame = h.Without(i-len(messages), frame, passed)
		}
		err := send(c, frame)
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

func (c *Conn) sendAgain(frame []byte) error {
	if m := (history.Message{Frame: frame}); !m.Readable() {
		return nil
	}
	return c.sendFrame(keptFrame(frame), nil)
}

// reportUnsent reports the errors that replay has returned. It runs the error hook, so no group may be begun.
func (s *Server) reportUnsent(c *Conn, unfit []error) {
	for _, err := range unfit {
		s.eng.faultOf(c, "a client cannot be sent what a group keeps", err)
	}
}
