package core

import "iter"

// A Named stands for the clients that have a certain name at the moment of each call. It is made by
// [Server.Named] and safe for concurrent use.
type Named struct {
	srv  *Server
	name string
}

// Named returns the clients of exactly that name. It may be a name that no client has.
func (s *Server) Named(name string) *Named { return &Named{srv: s, name: name} }

// Name is the name that n was made with.
func (n *Named) Name() string { return n.name }

// Clients returns the clients that have the name when the iteration begins, in no order.
func (n *Named) Clients() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		each(n.srv.roster.Named(n.name), func(c *Conn) bool { return c.isEnded() || c.Name() != n.name || yield(c) })
	}
}

// Len is the number of clients that have the name.
func (n *Named) Len() (clients int) {
	for range n.Clients() {
		clients++
	}
	return clients
}

// Send queues a command for the client of that name. It fails as [Conn.Send] does, with [CodeUnknownClient] if no
// client has the name, and with [CodeAmbiguousName] if several have it, as [Server.Client] says; then none of them gets
// the command. With [AllOfThem] all of them get it, and it fails as [Everybody.Send] does.
//
// In a cluster the command goes to the client at another node if no client of this node has the name; it is not known then whether any client has it. With
// AllOfThem it goes to the clients of all nodes.
func (n *Named) Send(command string, v any, opts ...SendOption) error {
	payload, err := encode(n.srv.eng.codec, v)
	if err != nil {
		return err
	}
	return n.srv.sendNamed(n.name, Frame{KindCommand, command, payload}, formOf(v), opts)
}

// SendBytes is Send for a payload that needs no conversion. It does not keep payload.
func (n *Named) SendBytes(command string, payload []byte, opts ...SendOption) error {
	return n.srv.sendNamed(n.name, Frame{KindCommand, command, payload}, 0, opts)
}

// SendRaw queues a raw message as Send queues a command. It does not keep payload.
func (n *Named) SendRaw(payload []byte, opts ...SendOption) error {
	return n.srv.sendNamed(n.name, Frame{KindRaw, "", payload}, 0, opts)
}

func (s *Server) sendNamed(name string, f Frame, as form, opts []SendOption) error {
	set := sending{as: as, routed: true}
	set.add(opts)
	if set.ids != nil {
		if err := s.cluster.leaveOut(&set); err != nil {
			return err
		}
	}
	a := audience{toNamed, name}
	mw := s.handlers.send
	switch {
	case set.all && mw != nil:
		return s.publishThrough(mw, a, f, &set)
	case set.all:
		return s.queueAll(a, f, &set)
	}
	c, err := s.Client(name)
	if mw != nil {
		return s.sendNamedThrough(mw, a, f, c, err, &set)
	}
	if err != nil {
		return s.sendOne(name, f, err, &set)
	}
	return c.sendFrame(f, &set)
}

// sendNamedThrough is sendFrame through the middleware. none is the error of a name that has no client, or several: the
// middleware sees that send too, and c is nil.
func (s *Server) sendNamedThrough(mw SendFunc, a audience, f Frame, c *Conn, none error, set *sending) error {
	out := a.outgoing(f)
	out.To = c
	return through(mw, out, set, func(f Frame, set *sending) error {
		if none != nil {
			return s.sendOne(a.name, f, none, set)
		}
		return c.sendFrame(f, set)
	})
}

// An Everybody stands for all clients of a server at the moment of each call. It is made by
// [Server.All] and safe for concurrent use.
type Everybody struct{ srv *Server }

// All returns all clients, as a [Sender].
func (s *Server) All() *Everybody { return &Everybody{srv: s} }

// Clients is [Server.Clients].
func (e *Everybody) Clients() iter.Seq[*Conn] { return e.srv.Clients() }

// Len is [Server.Len].
func (e *Everybody) Len() int { return e.srv.Len() }

// Send queues a command for every client, encoded once. It returns when the command is queued
// for all clients. It fails, without anything having been queued, if the value does not
// convert or the command is not well formed. A server without clients is no error, unless [MustReach] is
// given. A client whose queue is full is disconnected, unless [ServerOptions.Overflow] says otherwise. A client
// that does not read so large a frame is left out, and the error hook is told. Send does not fail in either case.
func (e *Everybody) Send(command string, v any, opts ...SendOption) error {
	return e.srv.publishValue(audience{}, command, v, opts)
}

// SendBytes is Send for a payload that needs no conversion. It does not keep payload.
func (e *Everybody) SendBytes(command string, payload []byte, opts ...SendOption) error {
	return e.srv.publish(audience{}, Frame{KindCommand, command, payload}, 0, opts)
}

// SendRaw queues a raw message for every client. It does not keep payload.
func (e *Everybody) SendRaw(payload []byte, opts ...SendOption) error {
	return e.srv.publish(audience{}, Frame{KindRaw, "", payload}, 0, opts)
}
