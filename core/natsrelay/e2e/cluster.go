package e2e

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Times of the clusters of this package. A busy machine may keep a node from answering a ping, in a quarter of a lease.
const (
	shortLease = 6 * time.Second
	shortBeat  = 250 * time.Millisecond
	every      = 10 * time.Millisecond // between two messages of a node
)

// A Cluster is three nats-servers, nodes, each with a path to each nats-server, and witnesses, who come through a balancer: two at
// each node, one over TCP and one over WebSocket.
type Cluster struct {
	t         testing.TB
	brokers   *Brokers
	paths     [][]*Path // of each node to each nats-server
	nodes     []*Node   // nil where one was killed
	witnesses []*Witness
	door      door
	lease     time.Duration
	beat      time.Duration
	round     int
	homes     map[string][]string  // the nodes that each witness has been at in the round
	begun     map[string]NodeState // what the nodes have said when the round began
}

// StartCluster starts a cluster of n nodes. It has no witnesses yet.
func StartCluster(t testing.TB, n int, lease, beat time.Duration) *Cluster {
	t.Helper()
	c := &Cluster{t: t, brokers: StartBrokers(t, 3), door: door{StartBalancer(t), StartBalancer(t)}, lease: lease, beat: beat}
	for i := range n {
		var paths []*Path
		for k := range 3 {
			paths = append(paths, StartPath(t, c.brokers.Addr((i+k)%3)))
		}
		c.paths, c.nodes = append(c.paths, paths), append(c.nodes, nil)
		c.startNode(i)
	}
	return c
}

// config is what node i is made from. Server i of NATS is the first one that it tries.
func (c *Cluster) config(i int) NodeConfig {
	config := NodeConfig{ID: "n" + strconv.Itoa(i), Replicas: 3, Lease: c.lease, Beat: c.beat}
	for _, p := range c.paths[i] {
		config.Servers = append(config.Servers, "nats://"+p.Addr())
	}
	return config
}

// successor is what the process that follows a node is made from. Its messages have a label of their own, and their own numbers.
func (c *Cluster) successor(i int, old *Node) NodeConfig {
	config := c.config(i)
	config.Label = old.label() + "+"
	return config
}

// startNode starts node i, and lets clients come to it.
func (c *Cluster) startNode(i int) {
	c.t.Helper()
	c.nodes[i] = StartNode(c.t, c.config(i))
	if c.round > 0 {
		c.nodes[i].Begin(Pace{Round: c.round, Every: every})
	}
	c.door.set(c.live())
}

// killNode kills node i.
func (c *Cluster) killNode(i int) {
	c.nodes[i].Kill()
	c.nodes[i] = nil
}

// live returns the nodes that are there.
func (c *Cluster) live() (nodes []*Node) {
	for _, n := range c.nodes {
		if n != nil {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

func (c *Cluster) names() (names []string) {
	for _, w := range c.witnesses {
		names = append(names, w.name)
	}
	return names
}

// begin begins a round: new witnesses come, two to each node that is there, all nodes send, and all is right.
func (c *Cluster) begin() {
	c.t.Helper()
	for _, w := range c.witnesses {
		w.Close() //nolint:errcheck // it is over
	}
	c.round++
	c.door.set(c.live())
	c.witnesses, c.homes, c.begun = nil, make(map[string][]string), make(map[string]NodeState)
	for i := range 2 * len(c.live()) {
		w := newWitness(c.t, fmt.Sprint("w", i, "-", c.round), c.round, c.door.dialer(i%2 == 1))
		c.witnesses = append(c.witnesses, w)
	}
	for _, n := range c.live() {
		n.Begin(Pace{Round: c.round, Every: every})
	}
	c.await()
	for _, w := range c.witnesses {
		c.homes[w.name] = []string{w.where()}
	}
	for _, n := range c.live() {
		c.begun[n.ID] = n.State()
	}
}

// await waits until all is right, and returns how long that took.
func (c *Cluster) await() time.Duration {
	c.t.Helper()
	since := time.Now()
	var why string
	for deadline := since.Add(2 * Patience); ; time.Sleep(20 * time.Millisecond) {
		if why = c.wrong(); why == "" {
			return time.Since(since)
		}
		require.True(c.t, time.Now().Before(deadline), "not right in time: %s", why)
	}
}

// wrong says what is not right, or nothing: all nodes can be reached, know each other, count all members and find all clients, and all
// witnesses hear all nodes.
func (c *Cluster) wrong() string {
	live := c.live()
	for _, n := range live {
		s := n.State()
		switch {
		case s.Err != "":
			return n.ID + ": " + s.Err
		case len(s.Nodes) != len(live)-1:
			return fmt.Sprint(n.ID, " knows ", s.Nodes)
		case s.Missing != "" || s.Members != len(c.witnesses):
			return fmt.Sprint(n.ID, " counts ", s.Members, " members ", s.Missing)
		}
		if why := n.Finds(c.names()); why != "" {
			return n.ID + " finds no " + why
		}
	}
	for _, w := range c.witnesses {
		for _, n := range live {
			if tr := w.trail(n.label()); time.Since(tr.heard) > lateAfter {
				return w.name + " hears nothing of " + n.ID
			}
		}
	}
	return ""
}

// An Outcome is what has become of the messages of a round.
type Outcome struct {
	Due       uint64 // deliveries
	Delivered uint64
	Late      uint64
	Worst     time.Duration  // the longest time on the way
	Lost      map[Way]uint64 // deliveries
	Counted   uint64         // messages that nodes have counted as lost or unsent
	CutOff    []string       // nodes that could not reach the relay for a while
}

// A Way is from a node to a witness.
type Way struct{ From, To string }

// AllLost returns how many deliveries were lost.
func (o *Outcome) AllLost() (n uint64) {
	for _, lost := range o.Lost {
		n += lost
	}
	return n
}

// end ends a round: when all that was sent last has come, it counts.
func (c *Cluster) end() *Outcome {
	c.t.Helper()
	o := &Outcome{Lost: make(map[Way]uint64)}
	last := make(map[string]uint64)
	for _, n := range c.live() {
		last[n.label()] = n.End()
	}
	for _, w := range c.witnesses {
		for id, number := range last {
			Until(c.t, w.name+" hears the end of "+id, func() bool { return w.trail(id).last == number })
		}
		if home := w.where(); home != c.homes[w.name][0] {
			c.homes[w.name] = append(c.homes[w.name], home)
		}
	}
	for _, w := range c.witnesses {
		trails, faults := w.end()
		require.Empty(c.t, faults, w.name)
		for id, tr := range trails {
			due := c.lastOf(id, last) - tr.first + 1
			o.Due += due
			o.Delivered += tr.got
			o.Late += tr.late
			o.Worst = max(o.Worst, tr.worst)
			if due > tr.got {
				o.Lost[Way{id, w.name}] = due - tr.got
			}
		}
	}
	for _, n := range c.live() {
		s, before := n.State(), c.begun[n.ID]
		o.Counted += s.Stats.Lost + s.Stats.Unsent - before.Stats.Lost - before.Stats.Unsent
		if s.Downs > before.Downs {
			o.CutOff = append(o.CutOff, n.ID)
		}
	}
	return o
}

// lastOf returns the number of the last message of a node: of a node that was killed, the last one that anybody has heard.
func (c *Cluster) lastOf(id string, last map[string]uint64) (number uint64) {
	number, there := last[id]
	if there {
		return number
	}
	for _, w := range c.witnesses {
		number = max(number, w.trail(id).last)
	}
	return number
}
