package core

import "iter"

// A Group stands for the clients that are in a group at the moment of each call.
// It is made by [Server.Group] and safe for concurrent use.
type Group struct {
	srv  *Server
	name string
}

// Group returns the group of that name, whether anybody is in it or not.
func (s *Server) Group(name string) *Group { return &Group{srv: s, name: name} }

// Name is the group's name.
func (g *Group) Name() string { return g.name }

// Clients returns the clients that are in the group when the iteration begins, in no order.
func (g *Group) Clients() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) { each(g.srv.roster.In(g.name), yield) }
}

// Len is the number of clients in the group.
func (g *Group) Len() int { return g.srv.roster.LenIn(g.name) }

// Send queues a command for all clients in the group, encoded once. It fails as [Everybody.Send]
// does, and with [CodeBadName] if the group's name is not well formed. An empty group is no
// error, unless [MustReach] is given: middleware sees the command, and a [History] keeps it.
func (g *Group) Send(command string, v any, opts ...SendOption) error {
	return g.srv.publishValue(audience{toGroup, g.name}, command, v, opts)
}

// SendBytes is Send for a payload that needs no conversion. It does not keep payload.
func (g *Group) SendBytes(command string, payload []byte, opts ...SendOption) error {
	return g.srv.publish(audience{toGroup, g.name}, Frame{KindCommand, command, payload}, 0, opts)
}

// SendRaw queues a raw message for all clients in the group. It does not keep payload.
func (g *Group) SendRaw(payload []byte, opts ...SendOption) error {
	return g.srv.publish(audience{toGroup, g.name}, Frame{KindRaw, "", payload}, 0, opts)
}

func each(conns []*Conn, yield func(*Conn) bool) {
	for _, c := range conns {
		if !yield(c) {
			return
		}
	}
}

// endedError is closedError for a connection that may not have ended.
func (c *Conn) endedError() error {
	if c.isEnded() {
		return c.closedError()
	}
	return nil
}
