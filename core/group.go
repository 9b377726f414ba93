package core

import (
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
	return func(yield func(*Conn) bool) { each(g.srv.groups.get(g.name), yield) }
}

// Len is how many clients are in the group.
func (g *Group) Len() int {
	if m := g.srv.groups.get(g.name); m != nil {
		return m.len()
	}
	return 0
}

// Send queues a command for everybody in the group, encoded once. It fails as
// [Server.Broadcast] does, and with [CodeUnknownGroup] if nobody is in the group.
func (g *Group) Send(command string, v any, opts ...SendOption) error {
	payload, err := encode(g.srv.eng.codec, v)
	if err != nil {
		return err
	}
	return g.SendBytes(command, payload, as(v, opts)...)
}

// SendBytes is Send for a payload that needs no conversion. It does not keep payload.
func (g *Group) SendBytes(command string, payload []byte, opts ...SendOption) error {
	return g.publish(Frame{KindCommand, command, payload}, opts)
}

// SendRaw queues a raw message for everybody in the group.
func (g *Group) SendRaw(payload []byte, opts ...SendOption) error {
	return g.publish(Frame{KindRaw, "", payload}, opts)
}

func (g *Group) publish(f Frame, opts []SendOption) error {
	m := g.srv.groups.get(g.name)
	if m == nil {
		return errUnknownGroup(g.name)
	}
	return g.srv.publish(m, Outgoing{Frame: f, Group: g.name}, opts)
}

func errUnknownGroup(name string) *Error {
	return NewError(CodeUnknownGroup, "nobody is in group "+printable(name))
}

// A SendOption changes who gets what is sent to several.
type SendOption struct {
	except []*Conn
	all    bool
	as     form // the library's own: what the payload was made of
}

// Except leaves out the given connections, nil ones not counting.
func Except(conns ...*Conn) SendOption { return SendOption{except: conns} }

// Broadcast queues a command for every client, encoded once. It returns when it is queued
// for all. It fails, without anything having been queued, if the value does not
// convert or the command is not well formed. Clients whose queue is full are
// disconnected, and a client that would not read so large a frame is left out and
// reported to the error hook, in Broadcast and for each such client; neither is an error here.
func (s *Server) Broadcast(command string, v any, opts ...SendOption) error {
	payload, err := encode(s.eng.codec, v)
	if err != nil {
		return err
	}
	return s.BroadcastBytes(command, payload, as(v, opts)...)
}

// BroadcastBytes is Broadcast for a payload that needs no conversion. It does not keep payload.
func (s *Server) BroadcastBytes(command string, payload []byte, opts ...SendOption) error {
	return s.publish(&s.all, Outgoing{Frame: Frame{KindCommand, command, payload}}, opts)
}

// BroadcastRaw queues a raw message for every client.
func (s *Server) BroadcastRaw(payload []byte, opts ...SendOption) error {
	return s.publish(&s.all, Outgoing{Frame: Frame{KindRaw, "", payload}}, opts)
}

// publish sends to a set of clients, through the middleware if there is any.
func (s *Server) publish(m *members, out Outgoing, opts []SendOption) error {
	if send := s.handlers.send; send != nil {
		o := out // on the heap, where out need not be without middleware
		o.send = func(f Frame) error { return s.queueAll(m, o.Group, f, opts) }
		return send(&o)
	}
	return s.queueAll(m, out.Group, out.Frame, opts)
}

func (s *Server) queueAll(m *members, group string, f Frame, opts []SendOption) error {
	var frame []byte // in the native format; who speaks another gets its own
	if f.Kind == KindRaw {
		frame = wire.AppendRaw(make([]byte, 0, wire.RawSize(len(f.Payload))), f.Payload)
	} else {
		if err := checkCommand(f.Command); err != nil {
			return err
		}
		frame = wire.AppendCommand(make([]byte, 0, wire.CommandSize(f.Command, len(f.Payload))), f.Command, f.Payload)
	}
	conns := m.snapshot()
	once := s.eng.overflow.newBlock(f.Command, frame)
	if group != "" && s.histories != nil {
		var err error
		if conns, err = s.keep(group, frame); err != nil {
			return err
		}
	}
	var unsent faults
	for _, c := range conns {
		if excepted(c, opts) {
			continue
		}
		var err error
		if c.classic != nil {
			err = c.sendClassic(f, formIn(opts))
		} else {
			err = c.sendSpare(f.Command, once)
		}
		if err != nil && err != errDropped && !c.isEnded() { // it cannot be sent this, now or ever
			unsent.add(c, err)
		}
	}
	if unsent.conns > 0 {
		unsent.log(s.eng.log, "clients cannot be sent what all are sent", "group", group, "command", f.Command)
	}
	return nil
}

func excepted(c *Conn, opts []SendOption) bool {
	for _, o := range opts {
		if slices.Contains(o.except, c) {
			return true
		}
	}
	return false
}

func each(m *members, yield func(*Conn) bool) {
	if m == nil {
		return
	}
	for _, c := range m.snapshot() {
		if !yield(c) {
			return
		}
	}
}
