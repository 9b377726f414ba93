package core

import (
	"strconv"

	"github.com/hisock/hisock/core/wire"
)

// Join puts the client into a group; being in it already is no error. At a server the client
// is told. At a client the server is asked; it may take the client out again, and then
// [Conn.Groups] says so. It fails with [CodeBadName], [CodeTooManyGroups], or why the
// connection ended.
func (c *Conn) Join(group string) error { return c.eng.setGroup(c, group, true) }

// Leave takes the client out of a group; not being in it is no error. It fails
// as Join does.
func (c *Conn) Leave(group string) error { return c.eng.setGroup(c, group, false) }

// sendGroup tells the peer that the client is in the group, or is not.
func (c *Conn) sendGroup(group string, in bool) error {
	frame := wire.AppendLeaveGroup(nil, group)
	if in {
		frame = wire.AppendJoinGroup(nil, group)
	}
	return c.sendCounted(len(frame), func(dst []byte) []byte { return append(dst, frame...) })
}

// changeGroup is a join or leave that the server's program asks for.
func (s *Server) changeGroup(c *Conn, group string, in bool) error {
	if in {
		if err := s.mayJoin(c, group); err != nil {
			return err
		}
	}
	if !s.setGroup(c, group, in) {
		if c.isEnded() {
			return c.closedError()
		}
		return nil
	}
	return c.sendGroup(group, in)
}

// membership is a join or leave that the client asks for.
func (s *Server) membership(c *Conn, group string, in bool) {
	if in {
		if err := s.mayJoin(c, group); err != nil {
			s.eng.fault(c, err)
			c.sendGroup(group, false) //nolint:errcheck // it is not in that group, whatever it thinks
			return
		}
	}
	s.setGroup(c, group, in)
}

func (s *Server) mayJoin(c *Conn, group string) *Error {
	if err := checkName(group, s.opts.MaxName); err != nil {
		return err
	}
	if !c.InGroup(group) && len(c.Groups()) >= s.opts.MaxGroups {
		return NewError(CodeTooManyGroups, "a client may be in "+strconv.Itoa(s.opts.MaxGroups)+" groups")
	}
	return nil
}

// setGroup keeps the connection's groups and the server's index in step, and never adds a
// connection that has gone. It reports whether anything changed.
func (s *Server) setGroup(c *Conn, group string, in bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.isEnded() || !c.setGroup(group, in) {
		return false
	}
	if in {
		s.groups.add(group, c)
	} else {
		s.groups.remove(group, c)
	}
	return true
}

// changeGroup is a join or leave that the client's program asks for.
func (cl *Client) changeGroup(c *Conn, group string, in bool) error {
	if err := checkName(group, defaultMaxName); err != nil && in {
		return err
	}
	if !c.setGroup(group, in) {
		return nil
	}
	return c.sendGroup(group, in)
}
