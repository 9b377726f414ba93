//go:build !js

package core

import (
	"time"

	"github.com/hisock/hisock/core/internal/relay"
)

// A relayHandler is a cluster as its relay sees it: a [RelayHandler]. It is told by one goroutine at a time, and waits for nobody.
type relayHandler cluster

// Up notes that the relay can be reached, and asks who else is there.
func (h *relayHandler) Up() {
	k := (*cluster)(h)
	k.alone.Store(false)
	k.since.Store(int64(k.age()))
	k.moves.downSince.Store(0)
	k.mu.Lock()
	k.why = nil
	k.mu.Unlock()
	k.hello(relay.Topic{To: relay.ToNodes}, true)
	k.watch(relay.Topic{To: relay.ToNodes})
	k.up.Store(true)
	select {
	case k.poke <- struct{}{}:
	default:
	}
	k.wake()
	k.srv.eng.log.info(nil, "the relay can be reached", nil, "node", k.opts.Node)
	k.tellRelay(nil)
}

// Down notes that the relay cannot be reached. What is to be relayed waits in the queue.
func (h *relayHandler) Down(why error) {
	k := (*cluster)(h)
	k.up.Store(false)
	k.alone.Store(false)
	k.moves.downSince.CompareAndSwap(0, int64(max(k.age(), 1)))
	if why == nil {
		why = errNotJoined
	}
	k.mu.Lock()
	k.why = why
	k.mu.Unlock()
	e := wrapError(CodeUnavailable, "the node is cut off from the relay", why)
	k.srv.eng.faultOf(nil, "the relay cannot be reached", e, "node", k.opts.Node)
	k.tellRelay(e)
}

// tellRelay has the function of OnRelay run.
func (k *cluster) tellRelay(why *Error) {
	f := k.srv.onRelay
	if f == nil {
		return
	}
	k.later(func() {
		defer k.srv.eng.recover(nil, "relay handler")
		if why == nil {
			f(nil)
		} else {
			f(why)
		}
	})
}

// Lost counts messages that the relay has dropped because this node was slow. Those that have a later message behind them are found by
// their numbers too: see lost.
func (h *relayHandler) Lost(n int) { (*cluster)(h).count.dropped.Add(uint64(max(n, 0))) }

// ClaimsLost makes all claims again.
func (h *relayHandler) ClaimsLost() {
	k := (*cluster)(h)
	k.srv.eng.log.warn(nil, "the node was cut off for so long that it has lost its claims", nil, "node", k.opts.Node)
	k.claims.Lost()
	k.wake()
}

// Message handles a message of another node, or of anybody who can publish.
func (h *relayHandler) Message(topic string, payload []byte) {
	k := (*cluster)(h)
	head, body, fault := relay.ParseHead(payload)
	if fault != relay.None {
		k.refused(fault, topic)
		return
	}
	if head.Node == k.self {
		return
	}
	k.count.got.Add(1)
	k.count.gotBytes.Add(uint64(len(payload)))
	news := k.nodes.Got(head, topic, k.queue.Subscription(topic), k.asksOn(topic), time.Now())
	if news.Lost > 0 {
		k.count.missed.Add(news.Lost)
		k.missed(head.Node, topic)
	}
	switch {
	case news.Stuffed:
		k.count.refused.Add(1)
		return
	case news.Drop:
		return
	case news.Unknown && head.Kind != relay.KindHello && head.Kind != relay.KindBye:
		k.hello(relay.Topic{To: relay.ToConn, Node: head.Node}, true)
	}
	if fault = k.handle(head, topic, body); fault != relay.None {
		k.refused(fault, topic)
	}
}

// asksOn reports whether questions to this node come on a topic.
func (k *cluster) asksOn(topic string) bool {
	return topic == relay.TopicOfNodes || topic == relay.TopicOfNode(k.self)
}

// missed does what is due when messages of a node have not come.
func (k *cluster) missed(node uint64, topic string) {
	own := topic == relay.TopicOfNode(k.self)
	if k.asksOn(topic) { // questions of that node may be among them, but none that it asks from now on
		k.probed(node)
	}
	if own { // an answer of that node may be among them, and a part of what it says of all its clients
		k.asks.Gone(node, ^uint64(0))
		k.others.Spoil(node)
	}
	if own || topic == relay.TopicOfWatchers {
		k.watch(relay.Topic{To: relay.ToConn, Node: node})
	}
}

// incomplete does what is due when a message that has come in parts was dropped. No number is missing then.
func (k *cluster) incomplete(node uint64, topic string) {
	k.count.missed.Add(1)
	if k.asksOn(topic) {
		k.nodes.Missed(node)
	}
	k.missed(node, topic)
}

// refused counts a message that breaks the format.
func (k *cluster) refused(fault relay.Fault, topic string) {
	k.count.refused.Add(1)
	k.srv.eng.log.debug(nil, "a message over the relay is refused", nil, "why", fault.String(), "topic", topic)
}

func (k *cluster) handle(head relay.Head, topic string, body []byte) relay.Fault {
	switch head.Kind {
	case relay.KindHello:
		hello, fault := relay.ParseHello(body)
		if fault != relay.None {
			return fault
		}
		k.met(head.Node, hello)
	case relay.KindBye:
		if len(body) > 0 {
			return relay.Long
		}
		if n, known := k.nodes.Bye(head.Node); known {
			k.gone(n)
			k.judge()
		}
	case relay.KindSend:
		m, fault := relay.ParseSend(body)
		if fault != relay.None {
			return fault
		}
		k.deliver(&m, sentAt{topic: topic, node: head.Node, lap: head.Lap, number: head.Number})
	case relay.KindQuestion:
		q, fault := relay.ParseQuestion(body)
		if fault != relay.None {
			return fault
		}
		return k.asked(head.Node, q)
	case relay.KindAnswer:
		a, fault := relay.ParseAnswer(body)
		if fault != relay.None {
			return fault
		}
		k.asks.Answer(head.Node, a)
	case relay.KindGiveUp:
		id, fault := relay.ParseNumber(body)
		if fault != relay.None {
			return fault
		}
		k.givenUp(asked{head.Node, id})
	case relay.KindProbe:
		if len(body) > 0 {
			return relay.Long
		}
		k.probed(head.Node)
	case relay.KindProbed:
		lost, fault := relay.ParseNumber(body)
		if fault != relay.None {
			return fault
		}
		if k.nodes.Probed(head.Node, lost) { // questions to it may be among them
			k.asks.Gone(head.Node, ^uint64(0))
		}
	case relay.KindPart:
		p, fault := relay.ParsePart(body)
		if fault != relay.None {
			return fault
		}
		whole, full := k.parts.Got(head.Node, p)
		if full {
			k.incomplete(head.Node, topic)
		}
		if whole != nil {
			return k.handle(relay.Head{Kind: p.Kind, Node: head.Node, Lap: head.Lap, Number: head.Number}, topic, whole)
		}
	case relay.KindStreams:
		m, fault := relay.ParseStreams(body)
		if fault != relay.None {
			return fault
		}
		return k.gotStreams(head.Node, m)
	case relay.KindWatch:
		if len(body) > 0 {
			return relay.Long
		}
		k.watched(head.Node)
	case relay.KindPresence:
		p, fault := relay.ParsePresence(body)
		if fault != relay.None {
			return fault
		}
		k.presence(head.Node, p)
	}
	return relay.None
}

// probed tells a node how many of its messages were found missing on topics on which it asks.
func (k *cluster) probed(node uint64) {
	lost := k.nodes.Lost(node)
	k.put(relay.Topic{To: relay.ToConn, Node: node}, relay.AppendNumber(relay.NewMessage(relay.KindProbed, k.self, 10), lost))
}

// met notes the hello of a node, and says hello back if it asks for that.
func (k *cluster) met(node uint64, h relay.Hello) {
	m := k.nodes.Hello(node, h)
	if h.Serves { // before it hears of this node, so that it misses nothing from then on
		k.alone.Store(false)
	}
	if h.Asks {
		k.hello(relay.Topic{To: relay.ToConn, Node: node}, m.New)
	}
	if m.Double {
		if now, at := int64(k.age()), k.count.doubleAt.Load(); at == 0 || now-at > int64(doubleLogged) {
			k.count.doubleAt.Store(now)
			k.srv.eng.faultOf(nil, "two nodes have one id", NewError(CodeNameTaken, "another node is called "+k.opts.Node), "node", k.opts.Node)
		}
	}
	if m.New && h.Serves {
		k.watch(relay.Topic{To: relay.ToConn, Node: node})
	}
	if m.New {
		k.srv.eng.log.info(nil, "a node is there", nil, "node", h.ID)
		k.tellNode(relay.Node{Incarnation: node, ID: h.ID, Serves: h.Serves}, true)
	}
}

// doubleLogged is how often it is said that two nodes have one id.
const doubleLogged = 10 * time.Second

// deliver gives a message of another node to the clients of this node for whom it is. It goes no further.
func (k *cluster) deliver(m *relay.Send, at sentAt) {
	s := k.srv
	f := Frame{Kind: KindCommand, Command: m.Command, Payload: m.Payload}
	if m.Raw {
		f.Kind = KindRaw
	}
	set := sending{key: m.Key, transient: m.Transient, as: form(m.Form), relayed: true, routed: true, at: at}
	for _, e := range m.Except {
		id, ok := k.ownSession(e.Node, e.Conn)
		if !ok {
			continue
		}
		if c := k.member(id); c != nil {
			set.buts = append(set.buts, c)
		}
	}
	a := audience{name: m.Name}
	switch m.To {
	case relay.ToAll:
		a.name = ""
	case relay.ToGroup:
		a.of = toGroup
	case relay.ToUser:
		a.of = toUser
	case relay.ToNamed:
		a.of = toNamed
	case relay.ToOne, relay.ToConn:
		k.deliverOne(m, f, &set)
		return
	}
	if err := s.queueAll(a, f, &set); err != nil && CodeOf(err) != CodeUnknownClient { // else the clients have left just now
		s.eng.faultOf(nil, "a message of another node cannot be sent", err, "command", f.Command)
	}
}

// deliverOne is deliver for one client.
func (k *cluster) deliverOne(m *relay.Send, f Frame, set *sending) {
	var c *Conn
	var err error
	if m.To == relay.ToConn {
		if c = k.member(m.Conn); c == nil && k.forward(m.Conn, f, set) {
			return
		}
	} else {
		c, err = k.srv.Client(m.Name)
	}
	if err == nil && c != nil {
		err = c.sendFrame(f, set)
	}
	if err != nil && CodeOf(err) != CodeUnknownClient && (c == nil || !c.isEnded()) {
		k.srv.eng.faultOf(c, "a message of another node cannot be sent", err, "command", f.Command)
	}
}
