package core

import (
	"slices"

	"github.com/hisock/hisock/core/wire"
)

// setName changes the name and tells of it, one change of a client after the other, so that
// everybody hears last what holds. It reports what the name was, and whether it changed.
func (s *Server) setName(c *Conn, name string) (old string, changed bool, err error) {
	if err := checkChange(name, s.opts.MaxName, true); err != nil {
		return "", false, err
	}
	c.news.mu.Lock()
	old, changed, err = s.claimNameLocked(c, name)
	if changed {
		c.state(wire.KindRename, name)
	}
	c.news.mu.Unlock()
	if changed {
		s.announce(c)
	}
	return old, changed, err
}

// claimNameLocked keeps the connection's name and the server's index in step, and never adds a
// connection that has gone. Where names are unique the old one stays taken until others have been told. The lock is
// that of c.news.
func (s *Server) claimNameLocked(c *Conn, name string) (old string, changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old = c.Name()
	switch {
	case c.isEnded():
		return old, false, c.closedError()
	case name == old:
		return old, false, nil
	}
	if i := slices.Index(c.news.freed, name); i >= 0 { // it is still its own
		c.news.freed = slices.Delete(c.news.freed, i, i+1)
	} else if name != "" && !s.addName(name, c) {
		return old, false, nameTaken(name)
	}
	c.setName(name)
	switch {
	case old == "":
	case s.opts.UniqueNames:
		c.news.freed = append(c.news.freed, old)
	default:
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

// dropName undoes addName for a connection that nobody knows yet.
func (s *Server) dropName(c *Conn) {
	if c.name != "" {
		s.named.remove(c.name, c)
	}
}
