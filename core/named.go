package core

import "iter"

// A Named is the clients that have a name at the moment of a call. It is made by
// [Server.Named] and safe for concurrent use.
type Named struct {
	srv  *Server
	name string
}

// Named returns the clients of exactly that name, whether anybody has it or not.
func (s *Server) Named(name string) *Named { return &Named{srv: s, name: name} }

// Name is the name.
func (n *Named) Name() string { return n.name }

// Clients returns the clients that have the name when the iteration begins, in no order.
func (n *Named) Clients() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		each(n.srv.roster.Named(n.name), func(c *Conn) bool { return c.isEnded() || c.Name() != n.name || yield(c) })
	}
}

// Len is how many clients have the name.
func (n *Named) Len() (clients int) {
	for range n.Clients() {
		clients++
	}
	return clients
}

// Send queues a command for the client of that name. It fails as [Server.Client] and [Conn.Send]
// do: with [CodeUnknownClient] if nobody has the name, and if several have it with
// [CodeAmbiguousName]; then none of them gets it, unless [AllOfThem] is given.
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

// SendRaw queues a raw message, as Send does a command. It does not keep payload.
func (n *Named) SendRaw(payload []byte, opts ...SendOption) error {
	return n.srv.sendNamed(n.name, Frame{KindRaw, "", payload}, 0, opts)
}

func (s *Server) sendNamed(name string, f Frame, as form, opts []SendOption) error {
	set := sending{as: as}
	set.add(opts)
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
		return sendNamedThrough(mw, a, f, c, err, &set)
	}
	if err != nil {
		return err
	}
	return c.sendFrame(f, &set)
}

// sendNamedThrough is sendFrame through the middleware, which sees the send too if nobody has the name.
func sendNamedThrough(mw SendFunc, a audience, f Frame, c *Conn, none error, set *sending) error {
	out := a.outgoing(f)
	out.To = c
	return through(mw, out, set, func(f Frame, set *sending) error {
		if none != nil {
			return none
		}
		return c.sendFrame(f, set)
	})
}

// Everybody is all clients of a server at the moment of a call. It is made by
// [Server.All] and safe for concurrent use.
type Everybody struct{ srv *Server }

// All returns all clients, to be sent to.
func (s *Server) All() *Everybody { return &Everybody{srv: s} }

// Clients is [Server.Clients].
func (e *Everybody) Clients() iter.Seq[*Conn] { return e.srv.Clients() }

// Len is [Server.Len].
func (e *Everybody) Len() int { return e.srv.Len() }

// Send queues a command for every client, encoded once. It returns when it is queued
// for all. It fails, without anything having been queued, if the value does not
// convert or the command is not well formed. That nobody is there is no error, unless [MustReach] is
// given. Clients whose queue is full are disconnected, unless the [Overflow] is another, and a client
// that would not read so large a frame is left out and reported to the error hook, for each such
// client; neither is an error here.
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
