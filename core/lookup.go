package core

import "iter"

// Lookup returns the client at an address, "ip:port" as [Conn.Addr] has it. It fails with
// [CodeUnknownClient] if there is none, with [CodeBadName] if that is no address, and with
// [CodeAmbiguousName] if several have come from it: behind a proxy that tells no port, for one.
func (s *Server) Lookup(addr string) (*Conn, error) {
	var found *Conn
	for c := range s.at(addr) {
		if found != nil {
			return nil, NewError(CodeAmbiguousName, "several clients are at "+printable(addr))
		}
		found = c
	}
	switch {
	case found == nil && !isAddr(addr):
		return nil, NewError(CodeBadName, printable(addr)+" is no address")
	case found == nil:
		return nil, NewError(CodeUnknownClient, "nobody is at "+printable(addr))
	}
	return found, nil
}

func (s *Server) at(addr string) iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) { each(s.byAddr.get(addr), yield) }
}

// Filter returns the clients for which keep reports true, of those connected when the
// iteration begins, in no order. All of them if keep is nil.
func (s *Server) Filter(keep func(c *Conn) bool) iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		each(&s.all, func(c *Conn) bool { return keep != nil && !keep(c) || yield(c) })
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

// DisconnectAll ends all connections in order, each as [Conn.CloseWith] does; nil is
// [CodeClosed]. No client is told that another one of them has left. New ones are still accepted.
func (s *Server) DisconnectAll(why *Error) {
	all := s.all.snapshot()
	for _, c := range all {
		s.deafen(c)
	}
	for _, c := range all {
		c.closeWith(why)
	}
}
