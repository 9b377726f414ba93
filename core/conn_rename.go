package core

import (
	"context"
	"slices"

	"github.com/hisock/hisock/core/wire"
)

// setName changes the name and tells of it, one change of a client after the other, so that
// everybody hears last what holds. It waits for who has the name and is to give it up. It reports
// what the name was, and whether it changed.
func (s *Server) setName(ctx context.Context, c *Conn, name string) (old string, changed bool, err error) {
	if err := checkChange(name, s.opts.Limits.MaxName, true); err != nil {
		return "", false, err
	}
	for {
		var holder *Conn
		c.news.mu.Lock()
		old, changed, holder, err = s.claimNameLocked(c, name)
		if changed {
			c.state(wire.KindRename, name)
		}
		c.news.mu.Unlock()
		if holder == nil {
			break
		}
		if !s.replace(ctx, holder, c) {
			return old, false, nameTaken(name)
		}
	}
	if changed {
		s.announce(c)
	}
	return old, changed, err
}

// claimNameLocked keeps the connection's name and the server's index in step, and never adds a
// connection that has gone. Where names are unique the old one stays taken until others have been
// told; if somebody has the new one and is to give it up, that is the holder. The lock is that of
// c.news.
func (s *Server) claimNameLocked(c *Conn, name string) (old string, changed bool, holder *Conn, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old = c.Name()
	switch {
	case c.isEnded():
		return old, false, nil, c.closedError()
	case name == old:
		return old, false, nil, nil
	}
	if holder, why := s.takeName(c, name); holder != nil || why != nil {
		if why != nil {
			return old, false, nil, why
		}
		return old, false, holder, nil
	}
	if s.opts.Access.UniqueNames {
		was, is := foldName(old), foldName(name)
		if i := slices.Index(c.news.freed, is); i >= 0 { // it is its own again
			c.news.freed = slices.Delete(c.news.freed, i, i+1)
		}
		if old != "" && was != is {
			c.news.freed = append(c.news.freed, was)
		}
	}
	c.setName(name)
	if old != "" {
		s.named.remove(old, c)
	}
	if name != "" {
		s.named.add(name, c)
	}
	return old, true, nil, nil
}
