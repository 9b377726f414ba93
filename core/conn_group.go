package core

import (
	"strconv"

	"github.com/hisock/hisock/core/wire"
)

// Join puts the client into a group; being in it already is no error. At a server it is done
// at once, and the client is told. At a client the server is asked: commands sent afterwards
// are handled after it, [Conn.Groups] says so once the server has answered, and a join
// that the server does not allow comes to nothing there. It fails with [CodeBadName], at a
// server [CodeTooManyGroups], or why the connection ended.
func (c *Conn) Join(group string) error { return c.eng.ask(c, wire.KindJoinGroup, group) }

// Leave takes the client out of a group; not being in it is no error. It fails
// as Join does.
func (c *Conn) Leave(group string) error { return c.eng.ask(c, wire.KindLeaveGroup, group) }

// changeGroup is a join or leave that the server's program asks for.
func (s *Server) changeGroup(c *Conn, group string, in bool) error {
	_, err := s.setGroup(c, group, in, false)
	return err
}

// sendGroup tells the client that it is in the group, or is not.
func (c *Conn) sendGroup(group string, in bool) error {
	k := wire.KindLeaveGroup
	if in {
		k = wire.KindJoinGroup
	}
	return c.sendChange(k, group)
}

// maxEcho bounds the group names that are repeated to a client that asks for a bad one.
const maxEcho = 16 << 10

// membership is a join or leave that the client asks for. It is told what has become of it:
// what the server says last is what holds, also when both ask at the same time. It
// reports whether anything changed.
func (s *Server) membership(c *Conn, group string, in bool) bool {
	changed, err := s.clientGroup(c, group, in)
	if err != nil {
		s.eng.fault(c, err)
	}
	return changed
}

// setGroup changes a membership and tells the client, if anything changed or if it asked. Who
// joins is given what is kept of the group behind that, and who leaves has had it. It reports whether
// anything changed.
func (s *Server) setGroup(c *Conn, group string, in, asked bool) (changed bool, err error) {
	if !s.replays() || checkName(group, s.opts.MaxName) != nil {
		return s.setGroupTold(c, group, in, asked)
	}
	h := s.histories.take(group)
	changed, err = s.setGroupTold(c, group, in, asked)
	if changed && !in {
		s.histories.leaveLocked(h, c)
	}
	s.replayAndPut(h, c, changed && in)
	return changed, err
}

func (s *Server) setGroupTold(c *Conn, group string, in, asked bool) (changed bool, err error) {
	changed, err = s.setMember(c, group, in)
	switch {
	case asked && len(group) <= maxEcho:
		c.sendGroup(group, c.InGroup(group)) //nolint:errcheck // then it is over anyway
	case changed:
		err = c.sendGroup(group, in)
	}
	return changed, err
}

func (s *Server) clientGroup(c *Conn, group string, in bool) (changed bool, err error) {
	if in && !c.InGroup(group) {
		if err := checkName(group, s.opts.MaxName); err != nil {
			return false, s.notInGroup(c, group, err)
		}
		if err := s.allowGroup(c, group); err != nil {
			return false, s.notInGroup(c, group, err)
		}
	}
	return s.setGroup(c, group, in, true)
}

// notInGroup tells the client that it is not in a group that it asked for, and returns err.
func (s *Server) notInGroup(c *Conn, group string, err error) error {
	if len(group) <= maxEcho {
		c.sendGroup(group, c.InGroup(group)) //nolint:errcheck // then it is over anyway
	}
	return err
}

// setMember keeps the connection's groups and the server's index in step, and never adds a
// connection that has gone. It reports whether anything changed.
func (s *Server) setMember(c *Conn, group string, in bool) (changed bool, err error) {
	if in {
		if err := checkName(group, s.opts.MaxName); err != nil {
			return false, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.isEnded():
		return false, c.closedError()
	case c.InGroup(group) == in:
		return false, nil
	case in && len(c.Groups()) >= s.opts.MaxGroups:
		return false, NewError(CodeTooManyGroups, "a client may be in "+strconv.Itoa(s.opts.MaxGroups)+" groups")
	}
	c.setGroup(group, in)
	if in {
		s.groups.add(group, c)
	} else {
		s.groups.remove(group, c)
	}
	return true, nil
}
