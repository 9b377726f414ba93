package model

import "math"

// A Machine is what a node or a nats-server runs on.
type Machine struct {
	Cores  float64
	Memory float64 // bytes
	Bits   float64 // a second, in each direction
}

// A Layout is a cluster.
type Layout struct {
	Nodes   float64
	Clients float64
	Servers float64 // nats-servers in each region, joined by routes
	Regions float64 // of nats-servers, joined by gateways; 1 is no super-cluster
	Leaf    float64 // nodes that share a leaf server; 0 means that nodes connect to the nats-servers themselves
	Cells   float64 // clusters of their own, each with its part of the nodes, the clients and the groups, and with nats-servers of its own
	Beat    float64 // seconds
	Sticky  float64 // the part of the members of a group that one node has, if a node has room for the group
	Quiet   bool    // no notices, whatever the workload says

	Node, Server Machine
}

// Full is the part of a resource that is used when it counts as full.
const Full = 0.7

// NewLayout returns a plain cluster: three nats-servers, machines of 8 cores, 32 GiB and 10 Gbit/s.
func NewLayout(nodes, clients float64) Layout {
	m := Machine{Cores: 8, Memory: 32 << 30, Bits: 10e9}
	return Layout{Nodes: nodes, Clients: clients, Servers: 3, Regions: 1, Cells: 1, Beat: 1, Node: m, Server: m}
}

// A Resource is something that can be full.
type Resource int

const (
	NodeCPU Resource = iota
	NodeReceive
	NodePublish
	NodeNet
	NodeMemory
	NATSCPU
	NATSReader
	NATSNet
	NATSMemory
	LeafCPU
	LeafNet
	LeafMemory
	Claims
	Resources // how many there are
)

// String names the resource.
func (r Resource) String() string {
	return [...]string{
		"node CPU", "node receiver", "node publisher", "node network", "node memory",
		"NATS CPU", "NATS reader", "NATS network", "NATS memory", "leaf CPU", "leaf network", "leaf memory", "claims",
	}[r]
}

// A Cause is what a resource is used for.
type Cause int

const (
	Delivering Cause = iota
	Relaying
	Beating
	Noticing
	Coming
	Looking
	Sweeping
	Causes // how many there are
)

// String names the cause.
func (c Cause) String() string {
	return [...]string{"deliveries", "relayed messages", "beats", "notices", "clients that come, stay and go", "look-ups and questions", "sweeps"}[c]
}

// A Load is what a cluster has to do.
type Load struct {
	Used       [Resources][Causes]float64 // parts of each resource, of one node, nats-server or leaf server
	Deliveries float64                    // to clients, a second
	Published  float64                    // messages that nodes give to NATS, a second
	Relayed    float64                    // messages that NATS gives to nodes, a second
	Beats      float64                    // of these, beats
	NodeMemory float64                    // bytes
	NATSMemory float64                    // bytes
}

// Use returns how much of a resource is used, and what for most of all.
func (l *Load) Use(r Resource) (used float64, most Cause) {
	for c, v := range l.Used[r] {
		if used += v; v > l.Used[r][most] {
			most = Cause(c)
		}
	}
	return used, most
}

// First returns the resource that is used most, and what for.
func (l *Load) First() (r Resource, used float64, most Cause) {
	for i := range Resources {
		if u, c := l.Use(i); u > used {
			r, used, most = i, u, c
		}
	}
	return r, used, most
}

// Holds reports whether no resource is full.
func (l *Load) Holds() bool {
	_, used, _ := l.First()
	return used <= Full && !math.IsNaN(used)
}
