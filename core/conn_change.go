package core

import "github.com/hisock/hisock/core/wire"

// A client's name and groups change by frames of three kinds, each with one name: join group,
// leave group and rename. A client asks with them, a server says what holds.

// sendChange tells the peer of a change, or asks it for one.
func (c *Conn) sendChange(k wire.Kind, name string) error {
	if hasClassic && c.classic != nil {
		return nil // it cannot be told
	}
	return c.sendOwn(wire.AppendName(nil, k, name))
}

// checkChange is checkName, but for the empty name of a client that has none.
func checkChange(k wire.Kind, name string, max int) *Error {
	if k == wire.KindRename && name == "" {
		return nil
	}
	return checkName(name, max)
}

// event runs the handler of a change that came from the other end, if there is one.
func (c *Conn) event(k wire.Kind, what string) {
	f := c.eng.handlers.onRename
	switch k {
	case wire.KindJoinGroup:
		f = c.eng.handlers.onJoinGroup
	case wire.KindLeaveGroup:
		f = c.eng.handlers.onLeaveGroup
	}
	if f == nil {
		return
	}
	defer c.eng.recover(c, "event handler")
	f(c, what)
}

// ask is a change that the server's program asks for, told one that the client does.
func (s *Server) ask(c *Conn, k wire.Kind, name string) error {
	if k == wire.KindRename {
		return s.changeName(c, name)
	}
	return s.changeGroup(c, name, k == wire.KindJoinGroup)
}

func (s *Server) told(c *Conn, k wire.Kind, name string) {
	if k == wire.KindRename {
		s.naming(c, name)
	} else if s.membership(c, name, k == wire.KindJoinGroup) {
		c.event(k, name)
	}
}

// ask is a change that the client's program asks for.
func (cl *Client) ask(c *Conn, k wire.Kind, name string) error {
	if hasClassic && c.classic != nil {
		return errClassicChange
	}
	if err := checkChange(k, name, defaultMaxHello); err != nil {
		return err
	}
	return c.sendChange(k, name)
}

// maxClientGroups is how many groups a client believes a server that it is in.
const maxClientGroups = 4096

// told is what the server says of the client's name and groups.
func (cl *Client) told(c *Conn, k wire.Kind, name string) {
	if err := checkChange(k, name, defaultMaxHello); err != nil {
		c.endWith(err)
		return
	}
	switch {
	case k == wire.KindRename:
		if old := c.setName(name); old != name {
			c.event(k, old)
		}
	case k == wire.KindJoinGroup && len(c.Groups()) >= maxClientGroups:
		c.endWith(NewError(CodeTooManyGroups, "the server says more groups than can be"))
	case c.setGroup(name, k == wire.KindJoinGroup):
		c.event(k, name)
	}
}
