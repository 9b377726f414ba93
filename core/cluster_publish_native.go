//go:build !js

package core

import (
	"strconv"

	"github.com/hisock/hisock/core/internal/relay"
)

// elsewhere reports whether other nodes may have clients.
func (k *cluster) elsewhere() bool { return k != nil && !k.alone.Load() }

// publish relays what goes to an audience, unless it has come from another node. It never waits.
func (k *cluster) publish(a audience, f Frame, set *sending) {
	if set.relayed || k.alone.Load() {
		return
	}
	if !k.started.Load() {
		k.start()
	}
	m := relay.Send{
		Name: a.name, Raw: f.Kind == KindRaw, Transient: set.transient, Form: uint8(set.as),
		Key: set.key, Command: f.Command, Payload: f.Payload, Except: k.exceptions(set),
	}
	to := relay.Topic{Name: a.name}
	switch a.of {
	case toAll:
		m.To, to.To = relay.ToAll, relay.ToAll
	case toGroup:
		m.To, to.To = relay.ToGroup, relay.ToGroup
	case toUser:
		m.To, to.To = relay.ToUser, relay.ToUser
	case toNamed:
		m.To, to.To = relay.ToOne, relay.ToNamed
		if set.all {
			m.To = relay.ToNamed
		}
	}
	at := k.put(to, m.Append(relay.NewMessage(relay.KindSend, k.self, m.Size())))
	set.at = sentAt{topic: at.Topic, node: k.self, lap: at.Lap, number: at.Number}
}

// exceptions returns the connections of other nodes that a send leaves out. leaveOut has bounded them.
func (k *cluster) exceptions(set *sending) (list []relay.Exception) {
	if set.ids != nil {
		for _, id := range *set.ids {
			if _, away := k.leftOut(id); away {
				list = append(list, relay.Exception{Node: id.Node, Conn: id.Conn})
			}
		}
	}
	return list
}

// sendOne relays what goes to the client of a name that no client of this node has. none is the error that says so; it is returned
// if there is no other node.
func (s *Server) sendOne(name string, f Frame, none error, set *sending) error {
	if none == nil || !s.cluster.elsewhere() || CodeOf(none) != CodeUnknownClient {
		return none
	}
	if f.Kind != KindRaw {
		if err := checkCommand(f.Command); err != nil {
			return err
		}
	}
	if err := checkName(name, s.opts.Limits.MaxName); err != nil {
		return err
	}
	s.cluster.publish(audience{toNamed, name}, f, set)
	return nil
}

// leaveOut adds to the connections that a send leaves out those of this node that it names by their ids. It fails if there are too many of other nodes.
func (k *cluster) leaveOut(set *sending) error {
	if k == nil {
		return nil
	}
	others := 0
	for _, id := range *set.ids {
		c, away := k.leftOut(id)
		if away {
			others++
		} else if c != nil {
			set.buts = append(set.buts[:len(set.buts):len(set.buts)], c)
		}
	}
	if others > relay.MaxExcept {
		return NewError(CodeTooBig, "a send leaves out "+strconv.Itoa(others)+" clients of other nodes; "+strconv.Itoa(relay.MaxExcept)+" is the limit")
	}
	return nil
}

// leftOut returns the connection of this node that an id stands for, also if its session began at another node. away says that another node may have it.
func (k *cluster) leftOut(id ClientID) (c *Conn, away bool) {
	if own, ok := k.ownSession(id.Node, id.Conn); ok {
		c = k.member(own)
	}
	switch {
	case c != nil:
		return c, false
	case id.Node == k.self:
		_, away = k.moves.gone.Where(id.Conn)
		return nil, away
	}
	return nil, true
}
