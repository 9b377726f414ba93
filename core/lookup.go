package core

import "iter"

// Lookup returns the client at an address, "ip:port" as [Conn.Addr] has it. It fails with
// [CodeUnknownClient] if there is none.
func (s *Server) Lookup(addr string) (*Conn, error) {
	for c := range s.at(addr) {
		return c, nil
	}
	return nil, NewError(CodeUnknownClient, "nobody is at "+printable(addr))
}

func (s *Server) at(addr string) iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) { each(s.byAddr.get(addr), yield) }
}

// Filter returns the clients for which keep reports true, of those connected when the
// iteration begins, in no order.
func (s *Server) Filter(keep func(c *Conn) bool) iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		each(&s.all, func(c *Conn) bool { return !keep(c) || yield(c) })
	}
}

// Names returns the names of the clients, sorted, each once. Clients without a name do not
// show.
func (s *Server) Names() []string { return sorted(s.named.names()) }

// Groups returns the names of the groups that somebody is in, sorted.
func (s *Server) Groups() []string { return sorted(s.groups.names()) }

// Addrs returns the addresses of the clients, as [Conn.Addr] has them, sorted, each once. Those
// that the server itself listens on are [Server.ListenAddrs].
func (s *Server) Addrs() []string { return sorted(s.byAddr.names()) }

// SendTo queues a command for the client of that name. It fails as [Server.Client] and
// [Conn.Send] do: if several have the name it reaches none of them, unless [AllOfThem]
// is given.
func (s *Server) SendTo(name, command string, v any, opts ...SendOption) error {
	payload, err := encode(s.eng.codec, v)
	if err != nil {
		return err
	}
	return s.sendTo(name, Frame{KindCommand, command, payload}, as(v, opts))
}

// SendRawTo queues a raw message for the client of that name, as SendTo does a command.
func (s *Server) SendRawTo(name string, payload []byte, opts ...SendOption) error {
	return s.sendTo(name, Frame{KindRaw, "", payload}, opts)
}

// AllOfThem makes [Server.SendTo] and [Server.SendRawTo] reach all who have the name.
func AllOfThem() SendOption { return SendOption{all: true} }

func (s *Server) sendTo(name string, f Frame, opts []SendOption) error {
	for _, o := range opts {
		if !o.all {
			continue
		}
		if m := s.named.get(name); m != nil {
			return s.publish(m, Outgoing{Frame: f}, opts)
		}
	}
	c, err := s.Client(name)
	switch {
	case err != nil:
		return err
	case excepted(c, opts):
		return nil
	case f.Kind == KindRaw:
		return c.SendRaw(f.Payload)
	case c.classic != nil:
		return c.sendAs(f.Command, f.Payload, formIn(opts))
	}
	return c.SendBytes(f.Command, f.Payload)
}

// DisconnectAll ends all connections in order, each as [Conn.CloseWith] does. New ones are
// still accepted.
func (s *Server) DisconnectAll(why *Error) {
	for c := range s.Clients() {
		c.closeWith(why)
	}
}
