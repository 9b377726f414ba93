package relaytest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/hisock/hisock/core"
)

// A Memory is a broker in the memory of this process, for tests. Each node has a way of its own to it, which [Memory.Connect]
// makes, and on which faults are played: [MemoryRelay]. All methods are safe for concurrent use.
type Memory struct {
	opts MemoryOptions

	mu     sync.Mutex // guards the fields below
	nodes  []*node    // that have joined and are not over
	topics map[string]map[*node]struct{}
	claims map[string]claim
	drop   func(topic string, payload []byte) bool
	sides  int // sides that a Split has made so far
}

// MemoryOptions configure a [Memory]. The zero value means the defaults.
type MemoryOptions struct {
	Lease      time.Duration // of claims; 0 is 3 s
	Delay      time.Duration // of each message and event
	Inbox      int           // bytes that wait for a slow node before messages are dropped; 0 is 1 MiB
	MaxPayload int           // 0 is 1 MiB
}

// A claim belongs to a node until the node is over, or its lease is.
type claim struct {
	of    *node
	lease int // of the node, when it made the claim
	value []byte
}

// NewMemory returns a broker without nodes. opts may be nil.
func NewMemory(opts *MemoryOptions) *Memory {
	m := &Memory{topics: make(map[string]map[*node]struct{}), claims: make(map[string]claim)}
	if opts != nil {
		m.opts = *opts
	}
	if m.opts.Lease == 0 {
		m.opts.Lease = 3 * time.Second
	}
	if m.opts.Inbox == 0 {
		m.opts.Inbox = 1 << 20
	}
	if m.opts.MaxPayload == 0 {
		m.opts.MaxPayload = 1 << 20
	}
	return m
}

// Connect returns a way to the broker for one node.
func (m *Memory) Connect() *MemoryRelay { return &MemoryRelay{m: m} }

// Drop loses each message for which lose reports true. Nil loses none. lose runs with the broker locked: it must not call the broker.
func (m *Memory) Drop(lose func(topic string, payload []byte) bool) {
	m.mu.Lock()
	m.drop = lose
	m.mu.Unlock()
}

// Inject sends a message that no node has published.
func (m *Memory) Inject(topic string, payload []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sendLocked(nil, core.RelayMessage{Topic: topic, Payload: payload})
}

// Topics returns the number of topics that somebody subscribes to.
func (m *Memory) Topics() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.topics)
}

// Claims returns the number of claims that last.
func (m *Memory) Claims() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key := range m.claims {
		if _, ok := m.claimLocked(key); ok {
			n++
		}
	}
	return n
}

// Split divides the broker: the nodes of these ways see only each other, and the claims stay with the
// others. Mend of a way brings its nodes back.
func (m *Memory) Split(ways ...*MemoryRelay) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sides++
	for _, r := range ways {
		m.moveLocked(r, false, m.sides)
	}
}

// sendLocked puts a message into the inboxes of all that subscribe to its topic and can be reached.
func (m *Memory) sendLocked(from *node, msg core.RelayMessage) {
	if m.drop != nil && m.drop(msg.Topic, msg.Payload) {
		return
	}
	var payload []byte // a copy that the receivers share
	for n := range m.topics[msg.Topic] {
		side := 0
		if from != nil {
			side = from.way.side
		}
		if n == from || n.way.away || n.way.side != side {
			continue
		}
		if n.waiting+len(msg.Payload) > m.opts.Inbox && n.waiting > 0 {
			n.lost++
			continue
		}
		if payload == nil {
			payload = append(make([]byte, 0, len(msg.Payload)), msg.Payload...)
		}
		n.waiting += len(payload)
		n.putLocked(event{topic: msg.Topic, payload: payload, message: true})
	}
}

// claimLocked returns the claim on a key, if it lasts.
func (m *Memory) claimLocked(key string) (claim, bool) {
	c, ok := m.claims[key]
	if !ok {
		return c, false
	}
	c.of.renewLocked()
	if c.of.lease != c.lease {
		delete(m.claims, key)
		return claim{}, false
	}
	return c, true
}

// moveLocked changes how the nodes of a way are connected, and tells them.
func (m *Memory) moveLocked(r *MemoryRelay, away bool, side int) {
	was := r.away
	if !r.holdsClaims() {
		for _, n := range r.nodes {
			n.renewLocked()
		}
	} else if away || side != 0 {
		r.lostAt = time.Now()
	}
	r.away, r.side = away, side
	for _, n := range r.nodes {
		n.renewLocked()
		switch {
		case away && !was:
			n.putLocked(event{down: errCut})
		case was && !away:
			n.putLocked(event{up: true})
		}
	}
}

var (
	errCut    = errors.New("relaytest: the node is cut off")
	errClosed = errors.New("relaytest: the node is closed")
	errTooBig = errors.New("relaytest: the payload is too long")
)

// A MemoryRelay is a way to a [Memory], and a [core.Relay]. Its faults strike all nodes that join by it.
type MemoryRelay struct {
	m *Memory

	// Guarded by Memory.mu.
	nodes  []*node
	away   bool      // the nodes are cut off
	side   int       // of the broker that they reach; side 0 has the claims
	lostAt time.Time // when they lost touch with the claims, if they have
}

// holdsClaims reports whether the nodes reach the side that has the claims. The broker is locked.
func (r *MemoryRelay) holdsClaims() bool { return !r.away && r.side == 0 }

// Cut cuts the nodes off.
func (r *MemoryRelay) Cut() {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	r.m.moveLocked(r, true, r.side)
}

// Mend connects the nodes again, after Cut or Split.
func (r *MemoryRelay) Mend() {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	r.m.moveLocked(r, false, 0)
}

// Kill ends the nodes as if their process had died: they say nothing more, are told nothing more, and their claims last as long as the lease.
func (r *MemoryRelay) Kill() {
	r.m.mu.Lock()
	nodes := r.nodes
	r.m.moveLocked(r, true, r.side)
	for _, n := range nodes {
		r.m.dropLocked(n)
	}
	r.m.mu.Unlock()
	for _, n := range nodes {
		<-n.done
	}
}

// Expire takes the claims of the nodes away, as if their process had been frozen for longer than the lease.
func (r *MemoryRelay) Expire() {
	r.m.mu.Lock()
	defer r.m.mu.Unlock()
	for _, n := range r.nodes {
		n.lease++
		n.putLocked(event{claimsLost: true})
	}
}

// Join makes a node.
func (r *MemoryRelay) Join(ctx context.Context, id string, h core.RelayHandler) (core.RelayNode, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := r.m
	n := &node{m: m, way: r, id: id, h: h, wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, other := range m.nodes {
		if other.id == id {
			return nil, errors.New("relaytest: there is a node " + id)
		}
	}
	m.nodes, r.nodes = append(m.nodes, n), append(slices.Clip(r.nodes), n)
	if !r.away {
		n.putLocked(event{up: true})
	}
	go n.run()
	return n, nil
}

// dropLocked takes a node out. Its claims stay.
func (m *Memory) dropLocked(n *node) {
	if n.over {
		return
	}
	n.over, n.overAt = true, time.Now()
	if !n.way.holdsClaims() {
		n.overAt = n.way.lostAt
	}
	m.nodes = slices.DeleteFunc(m.nodes, func(o *node) bool { return o == n })
	n.way.nodes = slices.DeleteFunc(slices.Clone(n.way.nodes), func(o *node) bool { return o == n })
	for topic, of := range m.topics {
		delete(of, n)
		if len(of) == 0 {
			delete(m.topics, topic)
		}
	}
	close(n.closing)
}
