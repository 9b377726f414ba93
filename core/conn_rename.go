package core

import "github.com/hisock/hisock/core/wire"

// setName changes the name and tells of it, one change of a client after the other, so that
// everybody hears last what holds. It reports what the name was, and whether it changed.
func (s *Server) setName(c *Conn, name string) (old string, changed bool, err error) {
	if err := checkChange(name, s.opts.MaxName, true); err != nil {
		return "", false, err
	}
	var unfit []*Conn
	c.telling.Lock()
	old, changed, err = s.claimName(c, name)
	if changed {
		c.state(wire.KindRename, name)
	}
	if changed && c.announced {
		unfit = s.tellRenamed(c, old)
	}
	if changed && old != "" && s.opts.UniqueNames {
		// Only now, so that nobody hears of the next of that name before.
		s.named.remove(old, c)
	}
	c.telling.Unlock()
	s.reportUnfit(unfit)
	return old, changed, err
}

// claimName keeps the connection's name and the server's index in step, and never adds a
// connection that has gone. Where names are unique the old one stays taken.
func (s *Server) claimName(c *Conn, name string) (old string, changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old = c.Name()
	switch {
	case c.isEnded():
		return old, false, c.closedError()
	case name == old:
		return old, false, nil
	}
	if name != "" && !s.addName(name, c) {
		return old, false, nameTaken(name)
	}
	c.setName(name)
	if old != "" && !s.opts.UniqueNames {
		s.named.remove(old, c)
	}
	return old, true, nil
}

// addName adds a connection under a name. It reports false if that is taken.
func (s *Server) addName(name string, c *Conn) bool {
	if s.opts.UniqueNames {
		return s.named.addFirst(name, c)
	}
	s.named.add(name, c)
	return true
}

// tellRenamed tells others that c was called old before. Classic ones, who know of no such
// thing, see that client go and another come.
func (s *Server) tellRenamed(c *Conn, old string) (unfit []*Conn) {
	return s.tellOthers(c, func() []byte {
		p := c.presence()
		return wire.AppendRenamed(nil, old, p.Name, p.Addr)
	}, func(to *classicPeer) []byte {
		gone := to.notice(c.classicPresence(old), false)
		come := to.notice(c.classicPresence(c.Name()), true)
		if gone == nil || come == nil {
			return nil
		}
		return append(gone, come...)
	})
}
