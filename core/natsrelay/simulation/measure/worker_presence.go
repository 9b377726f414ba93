package measure

import (
	"encoding/binary"
	"strconv"

	"github.com/nats-io/nats.go"

	"github.com/hisock/hisock/core/internal/relay"
)

// A Feint stands for a node that says who its clients are, without having any.
type Feint struct {
	URL     string
	Clients int
	Lists   int // how often it says who they all are, to the node Node
	Node    uint64
	Changes int // how often it says of one of them that it has come, and that it has gone
}

// feintNode is its number.
const feintNode = 77

// Feint does that over a plain connection.
func (w *Worker) Feint(f Feint, _ *bool) error {
	c, err := nats.Connect(f.URL)
	if err != nil {
		return err
	}
	defer c.Close()
	w.lap++
	numbers := map[string]uint64{}
	say := func(topic string, kind relay.Kind, body []byte) error {
		b := append(relay.NewMessage(kind, feintNode, len(body)), body...)
		numbers[topic]++
		binary.BigEndian.PutUint32(b[10:], w.lap)
		binary.BigEndian.PutUint64(b[14:], numbers[topic])
		return c.Publish("hisock."+topic, b)
	}
	hello := relay.Hello{ID: "feint"}
	if err := say(relay.TopicOfNodes, relay.KindHello, hello.Append(nil)); err != nil {
		return err
	}
	for range f.Lists {
		p := relay.Presence{First: true}
		for i := range f.Clients {
			l := feintClient(i)
			p.List = l.Append(p.List)
			p.Last = i == f.Clients-1
			if p.Last || len(p.List) >= listPart {
				if err := say(relay.TopicOfNode(f.Node), relay.KindPresence, p.Append(nil)); err != nil {
					return err
				}
				p = relay.Presence{}
			}
		}
	}
	for i := range f.Changes {
		l := feintClient(1<<20 + i/2)
		l.Gone = i%2 == 1
		p := relay.Presence{List: l.Append(nil)}
		if err := say(relay.TopicOfWatchers, relay.KindPresence, p.Append(nil)); err != nil {
			return err
		}
	}
	return c.Flush()
}

// listPart is the size of a message with a part of a list, in bytes, as core has it.
const listPart = 8 << 10

func feintClient(i int) relay.Client {
	return relay.Client{Conn: uint64(i + 1), Name: "client-" + strconv.Itoa(100_000+i), Addr: "192.168.100.100:50000"}
}

// EntryBytes is the size of what a node says of a client, in bytes: a name of 13 bytes, an address of 21, no user.
func EntryBytes() int {
	l := feintClient(0)
	return len(l.Append(nil))
}

// Encode makes lists of clients as core does for a node that asks, with n clients, that many times.
func (w *Worker) Encode(f Feint, _ *bool) error {
	clients := make(map[uint64]relay.Client, f.Clients)
	for i := range f.Clients {
		l := feintClient(i)
		clients[l.Conn] = l
	}
	for range f.Lists {
		var b []byte
		for _, l := range clients {
			if b = l.Append(b); len(b) >= listPart {
				p := relay.Presence{List: b}
				w.list = p.Append(relay.NewMessage(relay.KindPresence, feintNode, 1+len(b)))
				b = nil
			}
		}
	}
	return nil
}

// Self returns the number of the node.
func (w *Worker) Self(_ bool, n *uint64) error {
	*n = w.srv.Cluster().Node().Number
	return nil
}
