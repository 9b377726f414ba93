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
func (c *Conn) Join(group string) error { return c.eng.setGroup(c, group, true) }

// Leave takes the client out of a group; not being in it is no error. It fails
// as Join does.
func (c *Conn) Leave(group string) error { return c.eng.setGroup(c, group, false) }

// sendGroup tells the peer that the client is in the group, or is not.
func (c *Conn) sendGroup(group string, in bool) error {
	if c.classic != nil {
		return nil // it cannot be told
	}
	frame := wire.AppendLeaveGroup(nil, group)
	if in {
		frame = wire.AppendJoinGroup(nil, group)
	}
	return c.sendOwn(frame)
}

// changeGroup is a join or leave that the server's program asks for.
func (s *Server) changeGroup(c *Conn, group string, in bool) error {
	changed, err := s.setGroup(c, group, in)
	if err != nil || !changed {
		return err
	}
	return c.sendGroup(group, in)
}

// maxEcho bounds the group names that are repeated to a client that asks for a bad one.
const maxEcho = 16 << 10

// membership is a join or leave that the client asks for. It is told what has become of it:
// what the server says last is what holds, also when both ask at the same time.
func (s *Server) membership(c *Conn, group string, in bool) {
	err := s.clientGroup(c, group, in)
	if err != nil {
		s.eng.fault(c, err)
	}
	if len(group) <= maxEcho {
		c.sendGroup(group, c.InGroup(group)) //nolint:errcheck // then it is over anyway
	}
}

func (s *Server) clientGroup(c *Conn, group string, in bool) error {
	if in && !c.InGroup(group) {
		if err := checkName(group, s.opts.MaxName); err != nil {
			return err
		}
		if err := s.allowGroup(c, group); err != nil {
			return err
		}
	}
	_, err := s.setGroup(c, group, in)
	return err
}

// setGroup keeps the connection's groups and the server's index in step, and never adds a
// connection that has gone. It reports whether anything changed.
func (s *Server) setGroup(c *Conn, group string, in bool) (changed bool, err error) {
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

// changeGroup is a join or leave that the client's program asks for.
func (cl *Client) changeGroup(c *Conn, group string, in bool) error {
	if c.classic != nil {
		return errClassicGroup
	}
	if err := checkName(group, defaultMaxHello); err != nil {
		return err
	}
	return c.sendGroup(group, in)
}

// maxClientGroups is how many groups a client believes a server that it is in.
const maxClientGroups = 4096

// membership is what the server says of the client's groups.
func (cl *Client) membership(c *Conn, group string, in bool) {
	if err := checkName(group, defaultMaxHello); err != nil {
		c.endWith(err)
		return
	}
	if in && len(c.Groups()) >= maxClientGroups {
		c.endWith(NewError(CodeTooManyGroups, "the server says more groups than can be"))
		return
	}
	c.setGroup(group, in)
}
