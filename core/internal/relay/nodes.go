package relay

import (
	"slices"
	"strings"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
)

// Nodes has the other nodes of which a node has heard, and finds what was lost or came twice. A node that has not been heard
// of for the patience is forgotten. All methods are safe for concurrent use.
type Nodes struct {
	self     uint64
	id       string
	patience time.Duration

	mu    lock.Mutex[lock.RelayNodes] // guards the fields below
	nodes map[uint64]*node            // by incarnation
}

// A node is what is known of another node.
type node struct {
	hello  Hello
	known  bool // its hello has come
	heard  time.Time
	called time.Time // when it was asked for its hello last
	topics map[string]track
	lost   uint64 // messages that were found missing on the topic of this node, and on that of all nodes: questions may be among them
	asked  uint64 // what the node has said in its last Probed
}

// A track is how far a topic of a node has been followed.
type track struct {
	subscription uint64
	lap          uint32
	number       uint64
	late         uint8 // messages in a row that seem to have come before
}

// maxLate is how many messages in a row may seem to have come before. More of them say that the number which was noted was made up.
const maxLate = 8

// A Node is another node, as others may know it.
type Node struct {
	Incarnation uint64
	ID          string
	Serves      bool
}

// maxNodes bounds the nodes that are remembered, and maxTracks the topics of each.
const (
	maxNodes  = 4096
	maxTracks = 1 << 16
)

// NewNodes returns a table without nodes, for the node of that incarnation and id.
func NewNodes(self uint64, id string, patience time.Duration) *Nodes {
	return &Nodes{self: self, id: id, patience: patience, nodes: make(map[uint64]*node)}
}

// News is what Got has found out.
type News struct {
	Drop    bool   // the message must not be handled: it has come twice, is the node's own, or there are too many nodes
	Stuffed bool   // there are too many nodes
	Lost    uint64 // messages that have not come
	Unknown bool   // the node has not said hello yet, and was not asked for it lately
}

// Got notes a message that has come on a topic, whose subscription has that serial number. asks says that questions to this node come on it.
func (n *Nodes) Got(h Head, topic string, subscription uint64, asks bool, now time.Time) (news News) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if h.Node == n.self {
		return News{Drop: true}
	}
	of := n.nodes[h.Node]
	if of == nil {
		if len(n.nodes) >= maxNodes {
			return News{Drop: true, Stuffed: true}
		}
		of = &node{topics: make(map[string]track)}
		n.nodes[h.Node] = of
	}
	of.heard = now
	if !of.known && now.Sub(of.called) >= n.patience/4 {
		news.Unknown, of.called = true, now
	}
	at, followed := of.topics[topic]
	if followed && at.subscription == subscription {
		switch {
		case h.Lap < at.lap, h.Lap == at.lap && h.Number <= at.number:
			if at.late++; at.late <= maxLate {
				of.topics[topic] = at
				return News{Drop: true}
			}
		case h.Lap == at.lap:
			news.Lost = h.Number - at.number - 1
		}
	}
	if news.Lost > 1<<32 { // nobody sends so many: the number is made up
		news.Lost = 1
	}
	if asks {
		of.lost += news.Lost
	}
	if !followed && len(of.topics) >= maxTracks {
		clear(of.topics)
	}
	of.topics[topic] = track{subscription: subscription, lap: h.Lap, number: h.Number}
	return news
}

// Heard returns when a node was heard of last, or the zero time.
func (n *Nodes) Heard(incarnation uint64) (at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if of := n.nodes[incarnation]; of != nil {
		at = of.heard
	}
	return at
}

// Marks returns how far topics of all nodes have been followed.
func (n *Nodes) Marks(topics []string) (marks []Mark) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for incarnation, of := range n.nodes {
		for _, topic := range topics {
			if at, ok := of.topics[topic]; ok {
				marks = append(marks, Mark{Topic: topic, Node: incarnation, Lap: at.lap, Number: at.number})
			}
		}
	}
	return marks
}

// Forget forgets how far a topic has been followed, whose subscription has ended.
func (n *Nodes) Forget(topic string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, of := range n.nodes {
		delete(of.topics, topic)
	}
}

// A Meeting is what a hello has brought.
type Meeting struct {
	New    bool // the node was not known
	Double bool // it has the id of this node
}

// Hello notes the hello of a node.
func (n *Nodes) Hello(incarnation uint64, h Hello) (m Meeting) {
	n.mu.Lock()
	defer n.mu.Unlock()
	of := n.nodes[incarnation]
	if of == nil {
		return m
	}
	m.New, m.Double = !of.known, h.ID == n.id
	of.hello, of.known = h, true
	return m
}

// Bye forgets a node that goes. It reports whether the node was known.
func (n *Nodes) Bye(incarnation uint64) (was Node, known bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	of := n.nodes[incarnation]
	if of == nil {
		return was, false
	}
	delete(n.nodes, incarnation)
	return of.as(incarnation), of.known
}

// Sweep forgets the nodes that have been silent for too long, and returns those that were known.
func (n *Nodes) Sweep(now time.Time) (gone []Node) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for incarnation, of := range n.nodes {
		if now.Sub(of.heard) < n.patience {
			continue
		}
		delete(n.nodes, incarnation)
		if of.known {
			gone = append(gone, of.as(incarnation))
		}
	}
	return gone
}

func (of *node) as(incarnation uint64) Node {
	return Node{Incarnation: incarnation, ID: of.hello.ID, Serves: of.hello.Serves}
}

// All returns the nodes that have said hello, by id.
func (n *Nodes) All() []Node {
	n.mu.Lock()
	all := make([]Node, 0, len(n.nodes))
	for incarnation, of := range n.nodes {
		if of.known {
			all = append(all, of.as(incarnation))
		}
	}
	n.mu.Unlock()
	slices.SortFunc(all, func(a, b Node) int {
		if c := strings.Compare(a.ID, b.ID); c != 0 {
			return c
		}
		if a.Incarnation < b.Incarnation {
			return -1
		}
		return 1
	})
	return all
}

// Serving returns the number of nodes that have or may have clients.
func (n *Nodes) Serving() (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, of := range n.nodes {
		if of.known && of.hello.Serves {
			count++
		}
	}
	return count
}

// Find returns the nodes of an id.
func (n *Nodes) Find(id string) (incarnations []uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for incarnation, of := range n.nodes {
		if of.known && of.hello.ID == id {
			incarnations = append(incarnations, incarnation)
		}
	}
	return incarnations
}

// ID returns the id of a node. It is empty if the node is not known.
func (n *Nodes) ID(incarnation uint64) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if of := n.nodes[incarnation]; of != nil {
		return of.hello.ID
	}
	return ""
}

// Lost returns how many messages of a node were found missing on topics on which questions to this node come.
func (n *Nodes) Lost(incarnation uint64) uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if of := n.nodes[incarnation]; of != nil {
		return of.lost
	}
	return 0
}

// Missed notes that a message of a node was found missing on such a topic though its number has come.
func (n *Nodes) Missed(incarnation uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if of := n.nodes[incarnation]; of != nil {
		of.lost++
	}
}

// Probed notes what a node has said of messages that it misses. It reports whether there are more than before.
func (n *Nodes) Probed(incarnation, lost uint64) (more bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	of := n.nodes[incarnation]
	if of == nil || lost == of.asked {
		return false
	}
	of.asked = lost
	return true
}
