package core

import (
	"strconv"
	"time"
)

// ClusterOptions make a server a node of a cluster. The zero value means that it is alone, at no cost. See [Server.Cluster]
// and docs/cluster.md.
type ClusterOptions struct {
	// Relay is what the nodes exchange messages over. Nil means that the server is alone; then it is an error to set another field.
	Relay Relay

	// Node names the node for people: in the log, in [Cluster.Nodes] and in answers. It is at most 64 bytes long, and no two nodes should
	// have the same one: if two have it, both say so in their logs, and work on. Empty means a random name.
	Node string

	// QueueBytes bounds what waits to be relayed, in bytes. Local clients never wait for that. If there is more,
	// the oldest messages are dropped; [RelayStats].Unsent counts them, and the error hook is told. No message is larger than half of it,
	// or than the relay takes if that is more; all nodes should have the same. Zero means 8 MiB.
	QueueBytes int

	// Beat is how often a node tells the others that it is there. A node that has not been heard of for four times as long is taken for
	// gone until it is heard of again. It is at least 10 ms. Zero means 1 s.
	Beat time.Duration

	// Notices decides what the clients of this node are told of clients of other nodes that come, go and change their names, as
	// [Access.Notices] does for the clients of one node: of is a client of another node. It is asked about clients that hear of others,
	// which needs Access.Notices. It may tell groups of [Remote].Groups, of which to should be a member, as [TellGroups] does for the
	// clients of one node. Nil tells nothing. All nodes should have it, or none: a node tells others of its clients only if it has it
	// itself.
	//
	// When a node has died or is cut off, its clients are told to have left after four beats, and to have joined when it is back. A notice that was
	// lost is made up for within 30 beats, and one more for each 64 nodes.
	Notices func(to *Conn, of *Remote, p *Presence) bool

	// Pack returns what the program keeps with a connection and needs again when the client's session has moved to another node; above all it is
	// what it has attached with [Conn.Set]. It runs at the old node when no handler of the connection runs any more, before the function of
	// [Server.OnLeave]. Unpack is given it at the new node, with the new connection, before anything is handled there and before the
	// function of [Server.OnResume]. If one of them fails the session is lost, and the client joins anew. Without Pack, Unpack is given nothing.
	Pack   func(c *Conn) ([]byte, error)
	Unpack func(c *Conn, packed []byte) error

	// MaxQuestions bounds the questions of other nodes that are being answered at one time: calls of clients, look-ups and surveys. One
	// more is answered with [CodeTooManyCalls]. As many streams of other nodes may be open to clients of this one. Zero means 1024.
	MaxQuestions int
}

const (
	defaultRelayBytes = 8 << 20
	defaultBeat       = time.Second
	leastBeat         = 10 * time.Millisecond
	defaultQuestions  = 1024
	maxNodeName       = 64
	beatsOfPatience   = 4
	onlyWithRelay     = "it has no effect without Cluster.Relay"
)

// resolve fills the defaults in, unless the server is alone.
func (o *ClusterOptions) resolve(f *optionFaults) {
	if o.Relay == nil {
		if o.Node != "" {
			f.add("Cluster.Node", o.Node, onlyWithRelay)
		}
		if o.QueueBytes != 0 {
			f.add("Cluster.QueueBytes", valueText(o.QueueBytes), onlyWithRelay)
		}
		if o.Beat != 0 {
			f.add("Cluster.Beat", valueText(o.Beat), onlyWithRelay)
		}
		if o.Notices != nil {
			f.add("Cluster.Notices", "set", onlyWithRelay)
		}
		if o.Pack != nil || o.Unpack != nil {
			f.add("Cluster.Pack", "set", onlyWithRelay)
		}
		if o.MaxQuestions != 0 {
			f.add("Cluster.MaxQuestions", valueText(o.MaxQuestions), onlyWithRelay)
		}
		return
	}
	if o.Node != "" {
		if err := checkName(o.Node, maxNodeName); err != nil {
			f.add("Cluster.Node", o.Node, err.text())
		}
	}
	size(f, "Cluster.QueueBytes", &o.QueueBytes, defaultRelayBytes, 64<<10, maxBytes)
	size(f, "Cluster.Beat", &o.Beat, defaultBeat, leastBeat, 0)
	size(f, "Cluster.MaxQuestions", &o.MaxQuestions, defaultQuestions, 1, 0)
}

// A Node is a server of a cluster.
type Node struct {
	ID     string // [ClusterOptions].Node
	Number uint64 // of the process: no other node has had it, also no earlier one of the same ID
	Serves bool   // it has or may have clients; false for a program that only sends
}

// A ClientID names a connection of a client in the whole cluster, for as long as it lasts. It can be sent to programs elsewhere as text.
type ClientID struct {
	Node uint64 // the number of the node's process, see [Node]
	Conn uint64 // [Conn.ID] there
}

// String returns the id as text, such as "3f00c0ffee15900d-12".
func (id ClientID) String() string {
	return strconv.FormatUint(id.Node, 16) + "-" + strconv.FormatUint(id.Conn, 10)
}

// MarshalText returns the id as String does.
func (id ClientID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads what MarshalText has written. It fails with [CodeBadName].
func (id *ClientID) UnmarshalText(text []byte) error {
	for i, b := range text {
		if b != '-' {
			continue
		}
		node, err := strconv.ParseUint(string(text[:i]), 16, 64)
		conn, err2 := strconv.ParseUint(string(text[i+1:]), 10, 64)
		if err == nil && err2 == nil {
			*id = ClientID{node, conn}
			return nil
		}
	}
	return NewError(CodeBadName, "that is no id of a client")
}

// A Remote stands for a client at any node of the cluster, as it was when it was found. All methods are safe for concurrent use. It
// is a [Sender], a [Caller] and a [Streamer]. What is sent to a client that has gone is lost without an error, if it was at another node.
//
// [Stream], [Upload], [Exchange] and [OpenByteStream] open a stream to it as to a [Conn]. If the client is at another node, that node opens
// the stream and passes it on. Windows bound what waits at either node: see [Limits].StreamWindow and StreamGrowth, which each node has for
// itself. Delivered of a [StreamError] is then as of some beats ago, unless the client's node has ended the stream. The stream ends with
// [CodeConnLost] if one of the nodes dies or is cut off for four beats, or if messages between the two were lost.
type Remote struct {
	ID        ClientID
	Name      string
	User      string
	Addr      string
	Suspended bool

	// Groups are its groups when it came, or when it went, for the function of [ClusterOptions].Notices. They are empty elsewhere.
	Groups []string

	srv *Server
}

// RelayStats are counters of a node of a cluster since its server was made, and what it holds now. All are zero for a server that is alone.
type RelayStats struct {
	Up    bool // the relay can be reached
	Nodes int  // other nodes that are known

	Sent          uint64 // messages that the relay has taken
	SentBytes     uint64
	Received      uint64 // messages that have come from other nodes
	ReceivedBytes uint64

	Waiting int    // bytes that wait for the relay; at most [ClusterOptions].QueueBytes
	Unsent  uint64 // messages that were dropped because too much waited, or that were too large
	Lost    uint64 // messages of other nodes that have not come, in parts if they went in parts
	Refused uint64 // messages that are malformed, or of another version
}
