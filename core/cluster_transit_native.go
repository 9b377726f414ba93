//go:build !js

package core

import (
	"slices"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/wire"
)

// While a session moves from its keeper to its taker, both have a connection for it, whose outbox is closed. What is sent to such a
// connection is refused by the outbox, and comes here (diverted):
//
//	at the taker   it is held until the session has come, and then follows what the keeper had; messages that the keeper has had are left out
//	at the keeper  it is left to the taker, which gets it over the relay too, or is sent on to the taker, if it was sent before the session was frozen
//
// A message of a node has a number within its topic. The keeper closes its outbox first, and then looks which numbers it has had: those are its own
// to deliver, whenever a goroutine that sends one of them gets there. All later ones are the taker's, which has subscribed to the topics before.

// A transit is the state of a connection whose session moves.
type transit struct {
	to relay.Origin // at the keeper: where the session has gone; does not change. Zero at the taker

	settled chan struct{} // closed when over is set
	reason  *Error        // why the session does not move; set before over

	mu    lock.Mutex[lock.Transit] // guards the fields below
	over  bool                     // at the taker: the session has come, or will not; at the keeper: marks are known
	marks map[markOf]relay.Mark    // what the keeper has had
	held  []heldFrame
	bytes int  // of held
	most  int  // bytes that may be held
	spilt bool // there were more
}

// isArriving reports whether the connection's session is on its way here.
func (c *Conn) isArriving() bool {
	t := c.move.Load()
	return t != nil && t.to.Node == 0
}

// settle ends a transit. For reason see the field.
func (t *transit) settle(reason *Error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	t.over, t.reason, t.held = true, reason, nil
	close(t.settled)
}

// A sentAt says where a message is among the messages between nodes. Its number is 0 if it is in no topic.
type sentAt struct {
	topic        string
	node, number uint64
	lap          uint32
}

// A markOf is whose messages on which topic.
type markOf struct {
	topic string
	node  uint64
}

// A heldFrame waits for the session.
type heldFrame struct {
	at    sentAt
	frame []byte
}

// heldCost is what a held frame takes beside its bytes.
const heldCost = 64

// coversLocked reports whether the keeper has had a message.
func (t *transit) coversLocked(at sentAt) bool {
	m, ok := t.marks[markOf{at.topic, at.node}]
	return ok && m.Covers(at.lap, at.number)
}

// marksBy returns marks for a look-up. self is the node whose own marks say no node.
func marksBy(self uint64, marks []relay.Mark) map[markOf]relay.Mark {
	by := make(map[markOf]relay.Mark, len(marks))
	for _, m := range marks {
		if m.Node == 0 {
			m.Node = self
		}
		by[markOf{m.Topic, m.Node}] = m
	}
	return by
}

// diverted goes on with a send that has failed with err, if that is because the session moves. frame is f as a native frame, or nil. It is called for each
// failed send of a server, and does nothing for nearly all of them.
func (c *Conn) diverted(f Frame, frame []byte, set *sending, err error) error {
	t := c.move.Load()
	if t == nil || c.eng.owner == nil {
		return err
	}
	if e, ok := err.(*Error); !ok || e.Code == CodeTooBig || e.Code == CodeBadName || e == errDropped {
		return err
	}
	s, ok := c.eng.owner.(*Server)
	if !ok {
		return err
	}
	if t.to.Node != 0 {
		return s.cluster.passOn(t, f, set, err)
	}
	var at sentAt
	if set != nil {
		at = set.at
	}
	if frame == nil {
		if f.Kind == KindRaw {
			frame = wire.AppendRaw(nil, f.Payload)
		} else {
			frame = wire.AppendCommand(nil, f.Command, f.Payload)
		}
	}
	if t.hold(at, frame) {
		return nil
	}
	<-t.settled
	if t.reason != nil {
		return err
	}
	return c.sendAll(outbox.NewBlock(frame), OverflowDisconnect, nil)
}

// hold holds a frame, unless the session has come, or will not.
func (t *transit) hold(at sentAt, frame []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return false
	}
	if t.bytes += len(frame) + heldCost; t.bytes > t.most {
		t.spilt, t.held = true, nil
	} else if !t.spilt {
		t.held = append(t.held, heldFrame{at, slices.Clone(frame)})
	}
	return true
}

// passOn is diverted at the keeper.
func (k *cluster) passOn(t *transit, f Frame, set *sending, err error) error {
	if set == nil || !set.routed {
		return err
	}
	if set.relayed {
		if set.at.topic == relay.TopicOfNode(k.self) { // it is for the connection here, and nobody else gets it
			k.sendTo(t.to, f, set)
		}
		return nil // it came after the session was frozen: the taker gets it too
	}
	<-t.settled // a moment
	if t.reason != nil {
		return err
	}
	t.mu.Lock()
	mine := set.at.number == 0 || t.coversLocked(set.at)
	t.mu.Unlock()
	if mine {
		k.sendTo(t.to, f, set)
	}
	return nil
}

// sendTo sends a frame to a connection of another node.
func (k *cluster) sendTo(to relay.Origin, f Frame, set *sending) {
	m := relay.Send{To: relay.ToConn, Conn: to.Conn, Raw: f.Kind == KindRaw, Form: uint8(set.as), Key: set.key, Command: f.Command, Payload: f.Payload}
	k.put(relay.Topic{To: relay.ToConn, Node: to.Node}, m.Append(relay.NewMessage(relay.KindSend, k.self, m.Size())))
}

// forward sends a message for a connection that has moved on to where it has gone. It reports false if there is none.
func (k *cluster) forward(conn uint64, f Frame, set *sending) bool {
	to, gone := k.moves.gone.Where(conn)
	if gone {
		k.sendTo(to, f, set)
	}
	return gone
}

// arrivals returns a number that grows when a session begins to come from another node. A sender reads it before it looks who is there.
func (k *cluster) arrivals() uint64 {
	if k == nil {
		return 0
	}
	return k.moves.arrivals.Load()
}

// andArrived returns conns, and those members of an audience whose sessions have begun to come since arrivals returned before. The message has its
// number by now: a session that begins to come later has had it from its keeper.
func (k *cluster) andArrived(before uint64, a audience, conns []*Conn) []*Conn {
	if k.moves.arrivals.Load() == before {
		return conns
	}
	all := slices.Clip(conns)
	for _, c := range k.srv.members(a) {
		if c.move.Load() != nil && !slices.Contains(conns, c) {
			all = append(all, c)
		}
	}
	return all
}
