package core

import (
	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
)

// An audience says to which clients a message goes.
type audience struct {
	of   audienceOf
	name string // the name of the group or of the clients, or the user's id
}

type audienceOf uint8

const (
	toAll audienceOf = iota
	toGroup
	toUser
	toNamed
)

// members returns the clients of an audience at this moment. Nobody may change the slice.
func (s *Server) members(a audience) []*Conn {
	switch a.of {
	case toGroup:
		return s.roster.In(a.name)
	case toUser:
		return s.roster.Of(a.name)
	case toNamed:
		return s.roster.Named(a.name)
	}
	return s.roster.All()
}

// missing is the error of an audience without a client.
func (a audience) missing() *Error {
	switch a.of {
	case toGroup:
		return NewError(CodeUnknownGroup, "nobody is in group "+safe.Text(a.name))
	case toUser:
		return NewError(CodeUnknownClient, "the user has no connection")
	case toNamed:
		return NewError(CodeUnknownClient, "nobody is called "+safe.Text(a.name))
	}
	return NewError(CodeUnknownClient, "there are no clients")
}

// outgoing returns a frame to an audience as middleware sees it.
func (a audience) outgoing(f Frame) Outgoing {
	out := Outgoing{Frame: f}
	switch a.of {
	case toGroup:
		out.Group = a.name
	case toUser:
		out.User = a.name
	case toNamed:
		out.Name = a.name
	}
	return out
}

// publishValue is publish for a command whose payload is v, converted.
func (s *Server) publishValue(a audience, command string, v any, opts []SendOption) error {
	payload, err := encode(s.eng.codec, v)
	if err != nil {
		return err
	}
	return s.publish(a, Frame{KindCommand, command, payload}, formOf(v), opts)
}

// publish sends a frame to an audience, through the middleware if there is any.
func (s *Server) publish(a audience, f Frame, as form, opts []SendOption) error {
	set := sending{as: as, routed: true}
	set.add(opts)
	if set.ids != nil {
		if err := s.cluster.leaveOut(&set); err != nil {
			return err
		}
	}
	if mw := s.handlers.send; mw != nil {
		return s.publishThrough(mw, a, f, &set)
	}
	return s.queueAll(a, f, &set)
}

func (s *Server) publishThrough(mw SendFunc, a audience, f Frame, set *sending) error {
	return through(mw, a.outgoing(f), set, func(f Frame, set *sending) error { return s.queueAll(a, f, set) })
}

func (s *Server) queueAll(a audience, f Frame, set *sending) error {
	if a.of == toGroup && s.store != nil && !set.transient && (s.shared == nil || !set.relayed) {
		return s.queueKept(a, f, set)
	}
	var frame []byte // in the native format; a client of the original gets a frame of its own
	if f.Kind == KindRaw {
		frame = wire.AppendRaw(make([]byte, 0, wire.RawSize(len(f.Payload))), f.Payload)
	} else {
		if err := checkCommand(f.Command); err != nil {
			return err
		}
		frame = wire.AppendCommand(make([]byte, 0, wire.CommandSize(f.Command, len(f.Payload))), f.Command, f.Payload)
	}
	if set.ctx != nil && set.ctx.Err() != nil {
		return set.ctx.Err()
	}
	arrived := s.cluster.arrivals()
	conns, err := s.present(a, set)
	if err != nil {
		return err
	}
	if s.cluster != nil {
		s.cluster.publish(a, f, set)
		conns = s.cluster.andArrived(arrived, a, conns)
	}
	var unsent faults
	if set.ctx != nil {
		err = publishWaiting(conns, f, frame, set, &unsent)
	} else {
		once := s.eng.overflow.newBlock(f.Command, set, frame)
		for _, c := range conns {
			if set.leavesOut(c) {
				continue
			}
			err := c.sendShared(f, once, set)
			if err != nil {
				err = c.diverted(f, frame, set, err)
			}
			unsent.note(c, err)
		}
	}
	if unsent.conns > 0 {
		unsent.log(s.eng.log, "clients cannot be sent what all are sent", "group", a.outgoing(f).Group, "command", f.Command)
	}
	return err
}

// present returns the clients of an audience. It fails if the audience is empty and must not be.
func (s *Server) present(a audience, set *sending) ([]*Conn, error) {
	conns := s.members(a)
	switch {
	case len(conns) == 0 && (a.of == toUser || a.of == toNamed) && !s.cluster.elsewhere():
		return nil, a.missing()
	case set.mustReach && set.reachesNone(conns) && !s.cluster.elsewhere():
		return nil, a.missing()
	case len(conns) == 0 && a.of == toGroup: // the name of a group that has members is well formed
		if err := checkName(a.name, s.opts.Limits.MaxName); err != nil {
			return nil, err
		}
	}
	return conns, nil
}

// reachesNone reports whether all of conns are left out.
func (s *sending) reachesNone(conns []*Conn) bool {
	for _, c := range conns {
		if !s.leavesOut(c) {
			return false
		}
	}
	return true
}

// A postponed is a frame for which its connection has no room yet.
type postponed struct {
	c     *Conn
	frame *outbox.Block
}

// publishWaiting queues a frame for all clients that have room, and then waits for the other clients. It fails
// with the error of the context of Wait if that ends before all clients have had room.
func publishWaiting(conns []*Conn, f Frame, frame []byte, set *sending, unsent *faults) error {
	var late []postponed
	once := outbox.NewBlock(frame)
	for _, c := range conns {
		if set.leavesOut(c) {
			continue
		}
		err := c.shareOrWait(f, once, set, &late)
		if err != nil {
			err = c.diverted(f, frame, set, err)
		}
		unsent.note(c, err)
	}
	return awaitAll(late, f, frame, set, unsent)
}

// shareOrWait queues a frame if there is room for a sender that can wait, and otherwise appends it to late.
func (c *Conn) shareOrWait(f Frame, frame *outbox.Block, set *sending, late *[]postponed) error {
	frame, err := c.blockFor(f, frame, set)
	if frame == nil {
		return err
	}
	if err := c.fits(frame.Size()); err != nil {
		return err
	}
	no := c.out.Share(frame, outbox.Patient)
	switch {
	case no == nil:
	case no.Why == outbox.Closed:
		return c.closedError()
	default:
		*late = append(*late, postponed{c, frame})
	}
	return nil
}

// awaitAll waits until there is room for each late frame, as long as the context of Wait says, or, without it, as
// OverflowBlock does. It fails with the error of that context if it ends before all frames have had room.
func awaitAll(late []postponed, f Frame, frame []byte, set *sending, unsent *faults) (ended error) {
	o := OverflowDisconnect
	if !set.waits() {
		o = OverflowBlock
	}
	for _, p := range late {
		err := p.c.sendAll(p.frame, o, set)
		if err != nil && set.waits() && err == set.ctx.Err() {
			ended = err
			continue
		}
		if err != nil {
			err = p.c.diverted(f, frame, set, err)
		}
		unsent.note(p.c, err)
	}
	return ended
}

// note adds err, the error of a send to c, unless it is nil, or c has ended, or a policy has dropped the frame.
func (f *faults) note(c *Conn, err error) {
	if err != nil && err != errDropped && !c.isEnded() {
		f.add(c, err)
	}
}

// queueKept is queueAll for a message that its group keeps. For a client that has room the message is queued before
// anybody else can send to the group, join or leave it: so all clients get the same messages in the same order. A client
// for whose room the sender waits gets the message later, perhaps after newer ones.
func (s *Server) queueKept(a audience, f Frame, set *sending) error {
	if f.Kind != KindRaw {
		if err := checkCommand(f.Command); err != nil {
			return err
		}
	}
	if set.ctx != nil && set.ctx.Err() != nil {
		return set.ctx.Err()
	}
	if s.shared != nil {
		return s.shared.send(a, f, set)
	}
	h := s.store.Begin(a.name)
	arrived := s.cluster.arrivals()
	conns, err := s.present(a, set)
	if err != nil {
		h.End(false)
		return err
	}
	if s.cluster != nil {
		s.cluster.publish(a, f, set)
		conns = s.cluster.andArrived(arrived, a, conns)
	}
	var late []postponed
	kept := h.Keep(f.Command, f.Payload, f.Kind == KindRaw)
	faulty := s.spread(h, conns, f, kept, set, &late) // reported after h.End, since the error hook may use the group
	h.End(true)

	var told faults
	for _, one := range faulty {
		told.note(one.c, one.err)
	}
	err = awaitAll(late, f, kept, set, &told)
	if told.conns > 0 {
		told.log(s.eng.log, "clients cannot be sent what all are sent", "group", a.name, "command", f.Command)
	}
	return err
}

// An unsent is an error of a send to one client.
type unsent struct {
	c   *Conn
	err error
}

// spread queues a message that a group has just kept for conns. It appends to late what waits for room. The caller has begun the group.
func (s *Server) spread(h *history.Group, conns []*Conn, f Frame, kept []byte, set *sending, late *[]postponed) (faulty []unsent) {
	var passed []byte
	var once *outbox.Block
	if set.waits() { // not to be dropped, whatever the policy
		once = outbox.NewBlock(kept)
	} else {
		once = s.eng.overflow.newBlock(f.Command, set, kept)
	}
	blocks := s.eng.overflow.of(f.Command) == OverflowBlock
	for _, c := range conns {
		var err error
		switch {
		case set.leavesOut(c):
			if s.opts.History.Replay && c.takesReplays() {
				if passed == nil {
					passed = h.Passed()
				}
				c.out.Send(passed, outbox.Beside) // only if there is room
			}
		case set.waits() || blocks && !set.relayed && !c.Suspended():
			err = c.shareOrWait(f, once, set, late)
		case blocks:
			err = c.sendAll(once, OverflowDisconnect, nil)
		default:
			err = c.sendShared(f, once, set)
		}
		if err != nil {
			err = c.diverted(f, kept, set, err)
		}
		if err != nil {
			faulty = append(faulty, unsent{c, err})
		}
	}
	return faulty
}
