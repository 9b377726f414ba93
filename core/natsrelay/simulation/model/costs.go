// Package model computes what a cluster of hisock servers over NATS can carry, from the measured costs of one node and one nats-server.
//
// A [Workload] says what clients do, a [Layout] says how many nodes and nats-servers there are and how they are joined. [Model.At] adds up what each
// resource has to do, by cause; [Model.Capacity] finds out how much more the clients may send until the first resource is full.
package model

import (
	"encoding/json"
	"os"
)

// Costs are what one node and one nats-server pay for each thing. Times are of a processor, in nanoseconds, and sizes are in bytes, unless a name says otherwise.
type Costs struct {
	Date    string // of the measurement
	Machine string
	Rounds  int // of which the least costs are

	Terms map[string]float64 // the least of what was measured, of which the costs are differences

	// A node and its own clients.
	Deliver float64 // queueing, packing and acknowledging one delivery, without the write
	Write   float64 // one write to a client
	Read    float64 // one command of a client that was waited for
	Queue   float64 // the time of the sending goroutine for each receiver of a message
	Join    float64 // a client that connects and leaves
	Wake    float64 // a sleeping client that answers a ping, more than one that is awake: docs/performance.md

	// The same for what comes by itself: threads are woken, and nothing shares a system call. Gather is the time in which messages on one connection, or at one
	// node, come together, in seconds: of n of them in that time each pays its part of being alone, 1/(1+n).
	AloneDeliver float64 // one send to one client, with its write
	AlonePublish float64
	AloneTake    float64
	AloneIn      float64
	AloneOut     float64
	GatherHere   float64 // sends at a node
	Gather       float64 // relayed messages on a connection to a nats-server

	// A node and the relay.
	Publish   float64 // one message that is relayed, of 128 B
	Take      float64 // one relayed message that no client here gets, of 128 B
	Ask       float64 // one question to one other node, for who asks
	Answer    float64 // one question, for who answers
	Claim     float64
	Release   float64
	Lookup    float64
	Change    float64 // one notice of a client of another node, without the clients here
	Pass      float64 // each client here, for one notice
	Entry     float64 // one entry of a list of clients that comes
	Encode    float64 // one entry of a list of clients that is made
	EntrySize float64 // of an entry in a list

	// Memory of a node.
	Idle   float64 // a client over WebSocket that was used: docs/benchmarks.md, memory-used, resident
	Active float64 // a client over TCP that has just been sent something
	Socket float64 // of the system itself, for a client
	Topic  float64 // a subscription
	Remote float64 // a client of another node, with notices

	// A nats-server.
	In        float64 // one message that comes, of 128 B
	Out       float64 // one message that goes to a node, of 128 B
	Route     float64 // one message that goes to another nats-server: what both pay
	Byte      float64 // each byte more that comes or goes
	Subscribe float64 // one subscription that begins and ends
	Sub       float64 // memory of a subscription of a node there
	RouteSub  float64 // memory of a subject that another nats-server wants

	ClaimMemory float64 // of a nats-server that holds the bucket, for each claim

	// Claims in a bucket with three replicas: what all three servers pay together, and how many a second one bucket takes.
	BucketClaim, BucketRelease, BucketLookup float64
	Sweep, BucketSweep, SweepRate            float64 // a claim that is read in a sweep: by the node, by the three servers, and how many a second
	ClaimRate, ReleaseRate, LookupRate       float64
	LookupTime                               float64 // that one look-up takes, in nanoseconds
}

// A Fact is a cost with its meaning.
type Fact struct {
	Name  string
	Value *float64
	Unit  string // "ns", "s", "B" or "/s"
}

// Facts returns all costs, in the order of the table in docs/scaling.md.
func (c *Costs) Facts() []Fact {
	return []Fact{
		{"a delivery to a client here, without the write", &c.Deliver, "ns"},
		{"a write to a client", &c.Write, "ns"},
		{"a command of a client", &c.Read, "ns"},
		{"each receiver here, for the goroutine that sends", &c.Queue, "ns"},
		{"a client that connects and leaves", &c.Join, "ns"},
		{"a sleeping client that answers a ping, beside the write and the read", &c.Wake, "ns"},
		{"a message that is relayed", &c.Publish, "ns"},
		{"a relayed message that comes", &c.Take, "ns"},
		{"a send to one client by itself, with the write", &c.AloneDeliver, "ns"},
		{"a message by itself that is relayed", &c.AlonePublish, "ns"},
		{"a relayed message by itself that comes", &c.AloneTake, "ns"},
		{"sends at a node come together in", &c.GatherHere, "s"},
		{"messages on a connection to NATS come together in", &c.Gather, "s"},
		{"a question to one node: who asks", &c.Ask, "ns"},
		{"the same: who answers", &c.Answer, "ns"},
		{"a claim", &c.Claim, "ns"},
		{"a claim given back", &c.Release, "ns"},
		{"a claim looked up", &c.Lookup, "ns"},
		{"a claim that is read in a sweep", &c.Sweep, "ns"},
		{"a notice of a client of another node", &c.Change, "ns"},
		{"the same: each client here that may be told", &c.Pass, "ns"},
		{"an entry of another node's list of clients", &c.Entry, "ns"},
		{"an entry of the own list", &c.Encode, "ns"},
		{"the size of such an entry", &c.EntrySize, "B"},
		{"memory of an idle client over WebSocket", &c.Idle, "B"},
		{"memory of a client that has just been sent something", &c.Active, "B"},
		{"the same, of the system itself", &c.Socket, "B"},
		{"memory of a subscription", &c.Topic, "B"},
		{"memory of a client of another node, with notices", &c.Remote, "B"},
		{"nats-server: a message that comes", &c.In, "ns"},
		{"nats-server: a message that goes to a node", &c.Out, "ns"},
		{"nats-server: a message by itself that comes", &c.AloneIn, "ns"},
		{"nats-server: a message by itself that goes to a node", &c.AloneOut, "ns"},
		{"nats-server: a message that goes to another nats-server, both ends", &c.Route, "ns"},
		{"nats-server: each byte beyond 128", &c.Byte, "ns"},
		{"nats-server: a subscription that begins and ends", &c.Subscribe, "ns"},
		{"nats-server: memory of a node's subscription", &c.Sub, "B"},
		{"nats-server: memory of a subject that another nats-server wants", &c.RouteSub, "B"},
		{"three nats-servers: a claim", &c.BucketClaim, "ns"},
		{"three nats-servers: a claim given back", &c.BucketRelease, "ns"},
		{"three nats-servers: a claim looked up", &c.BucketLookup, "ns"},
		{"three nats-servers: a claim that is read in a sweep", &c.BucketSweep, "ns"},
		{"nats-server: memory of a claim", &c.ClaimMemory, "B"},
		{"three nats-servers: claims", &c.ClaimRate, "/s"},
		{"three nats-servers: claims given back", &c.ReleaseRate, "/s"},
		{"three nats-servers: look-ups", &c.LookupRate, "/s"},
		{"three nats-servers: claims read in sweeps", &c.SweepRate, "/s"},
		{"the time that one look-up takes", &c.LookupTime, "ns"},
	}
}

// Read reads costs from a file.
func Read(path string) (c Costs, err error) {
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	return c, err
}

// Save writes costs to a file.
func (c *Costs) Save(path string) error {
	b, err := json.MarshalIndent(c, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
