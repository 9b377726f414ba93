package core

import (
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
)

// An audience says to whom something is sent that may go to several.
type audience struct {
	of   audienceOf
	name string // of the group or of those who are called so, or the user's id
}

type audienceOf uint8

const (
	toAll audienceOf = iota
	toGroup
	toUser
	toNamed
)

// members returns who is there now. Nobody may change what it returns.
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

// missing is the error that nobody is there.
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

// outgoing is what middleware is shown of a frame to them.
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

// publishValue is publish for a command whose payload is to be made of v.
func (s *Server) publishValue(a audience, command string, v any, opts []SendOption) error {
	payload, err := encode(s.eng.codec, v)
	if err != nil {
		return err
	}
	return s.publish(a, Frame{KindCommand, command, payload}, formOf(v), opts)
}

// publish sends to an audience, through the middleware if there is any.
func (s *Server) publish(a audience, f Frame, as form, opts []SendOption) error {
	set := sending{as: as}
	set.add(opts)
	if mw := s.handlers.send; mw != nil {
		return s.publishThrough(mw, a, f, &set)
	}
	return s.queueAll(a, f, &set)
}

func (s *Server) publishThrough(mw SendFunc, a audience, f Frame, set *sending) error {
	return through(mw, a.outgoing(f), set, func(f Frame, set *sending) error { return s.queueAll(a, f, set) })
}

func (s *Server) queueAll(a audience, f Frame, set *sending) error {
	if a.of == toGroup && s.store != nil && !set.transient {
		return s.queueKept(a, f, set)
	}
	var frame []byte // in the native format; who speaks another gets its own
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
	conns, err := s.present(a, set)
	if err != nil {
		return err
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
			unsent.note(c, err)
		}
	}
	if unsent.conns > 0 {
		unsent.log(s.eng.log, "clients cannot be sent what all are sent", "group", a.outgoing(f).Group, "command", f.Command)
	}
	return err
}

// present returns those who are there. It is an error if nobody is who has to be.
func (s *Server) present(a audience, set *sending) ([]*Conn, error) {
	conns := s.members(a)
	switch {
	case len(conns) == 0 && (a.of == toUser || a.of == toNamed):
		return nil, a.missing()
	case set.mustReach && set.reachesNone(conns):
		return nil, a.missing()
	case len(conns) == 0 && a.of == toGroup: // who is in a group knows its name
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

// A waiting is a connection that has no room yet for what it is to be sent.
type waiting struct {
	c     *Conn
	frame *outbox.Block
}

// publishWaiting queues a frame for all who have room, and waits for that of the others. It fails
// with the error of the context that has ended before all had it.
func publishWaiting(conns []*Conn, f Frame, frame []byte, set *sending, unsent *faults) error {
	var full []waiting
	once := outbox.NewBlock(frame)
	for _, c := range conns {
		if set.leavesOut(c) {
			continue
		}
		err := c.shareOrWait(f, once, set, &full)
		unsent.note(c, err)
	}
	return awaitAll(full, set, unsent)
}

// shareOrWait queues a frame if there is room for one who can wait, and else adds the connection to
// those that are full.
func (c *Conn) shareOrWait(f Frame, frame *outbox.Block, set *sending, full *[]waiting) error {
	if !c.can.Native {
		own, err := c.ownFrame(f, set)
		if own == nil {
			return err
		}
		frame = outbox.NewBlock(own)
	}
	queued, err := c.shareNow(frame)
	if err == nil && !queued {
		*full = append(*full, waiting{c, frame})
	}
	return err
}

// awaitAll waits for the room of those who had none, as the context of the send says, or, without one, as
// OverflowBlock does. It fails with the error of a context that ends before all have had room.
func awaitAll(full []waiting, set *sending, unsent *faults) (late error) {
	o := OverflowDisconnect
	if !set.waits() {
		o = OverflowBlock
	}
	for _, w := range full {
		err := w.c.sendAll(w.frame, o, set)
		if err != nil && set.waits() && err == set.ctx.Err() {
			late = err
			continue
		}
		unsent.note(w.c, err)
	}
	return late
}

// note adds a fault of a connection that cannot be sent this, now or ever, if err is one.
func (f *faults) note(c *Conn, err error) {
	if err != nil && err != errDropped && !c.isEnded() {
		f.add(c, err)
	}
}

// shareNow queues a frame if there is room for one who can wait, and reports whether there was.
func (c *Conn) shareNow(frame *outbox.Block) (queued bool, err error) {
	if err := c.fits(frame.Size()); err != nil {
		return false, err
	}
	no := c.out.Share(frame, outbox.Patient)
	if no != nil && no.Why == outbox.Closed {
		return false, c.closedError()
	}
	return no == nil, nil
}

// queueKept is queueAll for what a group keeps. Whoever does not have to be waited for has it before
// anybody else can send to the group, join or leave it: so all get the same messages in the same order.
// Those whose room is waited for get it later, perhaps behind what comes after it.
func (s *Server) queueKept(a audience, f Frame, set *sending) error {
	if f.Kind != KindRaw {
		if err := checkCommand(f.Command); err != nil {
			return err
		}
	}
	if set.ctx != nil && set.ctx.Err() != nil {
		return set.ctx.Err()
	}
	h := s.store.Begin(a.name)
	conns, err := s.present(a, set)
	if err != nil {
		h.End(false)
		return err
	}
	type fault struct {
		c   *Conn
		err error
	}
	var faulty []fault // told when the history is back: the program hears of them
	var full []waiting
	var passed []byte
	once := s.eng.overflow.newBlock(f.Command, set, h.Keep(f.Command, f.Payload, f.Kind == KindRaw))
	blocks := s.eng.overflow.of(f.Command) == OverflowBlock
	for _, c := range conns {
		var err error
		switch {
		case set.leavesOut(c):
			if s.opts.History.Replay && c.can.Replays {
				if passed == nil {
					passed = h.Passed()
				}
				c.out.Send(passed, outbox.Beside) // if there is room
			}
		case set.waits() || blocks && !c.Suspended():
			err = c.shareOrWait(f, once, set, &full)
		case blocks:
			err = c.sendAll(once, OverflowDisconnect, nil)
		default:
			err = c.sendShared(f, once, set)
		}
		if err != nil {
			faulty = append(faulty, fault{c, err})
		}
	}
	h.End(true)

	var unsent faults
	for _, one := range faulty {
		unsent.note(one.c, one.err)
	}
	err = awaitAll(full, set, &unsent)
	if unsent.conns > 0 {
		unsent.log(s.eng.log, "clients cannot be sent what all are sent", "group", a.name, "command", f.Command)
	}
	return err
}
