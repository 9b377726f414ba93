package core

import (
	"strconv"

	"github.com/hisock/hisock/core/wire"
)

// setGroup changes a membership and tells the client. Who joins is given what is kept of the
// group behind that, after the position that it has told, and who leaves has had it. It reports
// whether anything changed.
func (s *Server) setGroup(c *Conn, group string, in bool, told wire.Position) (changed bool, err error) {
	if err := checkName(group, s.opts.Limits.MaxName); err != nil {
		return false, err
	}
	if !s.replays() {
		return s.setMember(c, group, in)
	}
	h := s.histories.take(group)
	changed, err = s.setMember(c, group, in)
	if changed && !in {
		h.leaveLocked(c)
	}
	s.replayAndPut(h, c, changed && in, told)
	return changed, err
}

// sayGroups tells a newcomer of groups that its welcome had no room for.
func (s *Server) sayGroups(c *Conn, groups []string) {
	for _, g := range groups {
		c.news.mu.Lock()
		if c.InGroup(g) { // the program knows the client already, and may have taken it out
			c.state(wire.KindJoinGroup, g)
		}
		c.news.mu.Unlock()
	}
}

// setMember changes a membership and tells the client, one change of a client after the other, so
// that it hears of them in the order in which they took effect.
func (s *Server) setMember(c *Conn, group string, in bool) (changed bool, err error) {
	c.news.mu.Lock()
	defer c.news.mu.Unlock()
	if changed, err = s.moveMember(c, group, in); !changed {
		return false, err
	}
	if in {
		c.state(wire.KindJoinGroup, group)
	} else {
		c.state(wire.KindLeaveGroup, group)
	}
	return true, c.endedError()
}

// moveMember keeps the connection's groups and the server's index in step, and never adds a
// connection that has gone: its groups do not change any more once [Server.gone] has had the lock.
// It reports whether anything changed.
func (s *Server) moveMember(c *Conn, group string, in bool) (changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.isEnded():
		return false, c.closedError()
	case !in:
		if !c.groups.Remove(group) {
			return false, nil
		}
		s.groups.remove(group, c)
		return true, nil
	}
	added, full := c.groups.Add(group, s.opts.Limits.MaxGroups)
	if full {
		return false, NewError(CodeTooManyGroups, "a client may be in "+strconv.Itoa(s.opts.Limits.MaxGroups)+" groups")
	}
	if added {
		s.groups.add(group, c)
	}
	return added, nil
}
