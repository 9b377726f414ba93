package core

import (
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/stream"
)

// counters count over all connections of a server or client. ServerStats says what each of them counts.
type counters struct {
	dropped atomic.Uint64 // Dropped
	slow    atomic.Uint64 // SlowConsumers
	resumed atomic.Uint64 // Resumed
	givenUp atomic.Uint64 // GivenUp
	tooMuch atomic.Uint64 // Overloaded
	streams stream.Ledger // Streams
}

// StreamStats are counters of the streams that a program opens and handles, and the state of the open ones. Bytes are
// bytes of payloads, without frames. A [ByteStream] has no items. The counters cost nothing until they are read.
// Reading them takes a moment for each connection that has had streams.
type StreamStats struct {
	Open int // streams that have not ended, or whose handler has not returned

	Sent          uint64 // items that were sent, and written or waiting
	SentBytes     uint64 // bytes likewise
	Received      uint64 // items that have come and were not dropped
	ReceivedBytes uint64 // bytes likewise

	Waiting int // bytes of frames that wait to be written: for the path, or for the link
	Held    int // bytes that have come, and that the program is taking or has not taken; at most [Limits].StreamWindow for each stream, MaxItem more for each that has a part of an item, and StreamGrowth more for all
}

// ServerStats are counters of a server since it was made, and what it holds now.
type ServerStats struct {
	Conns     int // clients, suspended ones included
	Suspended int // clients that have no stream at this moment; they count in Conns too

	Resumed       uint64 // how often a connection went on over another stream
	GivenUp       uint64 // suspended connections that were ended before their time, to make room
	Dropped       uint64 // frames that were dropped, see [Overflow]
	SlowConsumers uint64 // clients that were disconnected for a full queue
	Overloaded    uint64 // clients that were disconnected because all clients together held too much

	Memory      int // bytes that count for [Limits.MemoryBytes]
	MemoryLimit int // [Limits.MemoryBytes], 0 without a limit

	Streams StreamStats // of all clients since the server was made
	Relay   RelayStats  // of the server as a node of a cluster
	History HistoryStats
}

// Stats returns the server's counters.
func (s *Server) Stats() ServerStats {
	return ServerStats{
		Conns: s.Len(), Suspended: s.gate.Counts().Waiting,
		Resumed:       s.eng.counters.resumed.Load(),
		GivenUp:       s.eng.counters.givenUp.Load(),
		Overloaded:    s.eng.counters.tooMuch.Load(),
		Memory:        s.budget.Held(),
		MemoryLimit:   s.budget.Limit(),
		Dropped:       s.eng.counters.dropped.Load(),
		SlowConsumers: s.eng.counters.slow.Load(),
		Streams:       StreamStats(s.eng.counters.streams.Stats()),
		Relay:         s.cluster.stats(),
		History:       s.shared.stats(),
	}
}

// ClientStats are counters of a client since it was made, over all its connections.
type ClientStats struct {
	Resumed       uint64 // how often a connection went on over another stream
	Dropped       uint64 // frames to the server that were dropped, see [Overflow]
	SlowConsumers uint64 // connections that this side ended because its queue was full

	Streams StreamStats // of all connections since the client was made
}

// Stats returns the client's counters. [Conn.Stats] has the counters of one connection.
func (cl *Client) Stats() ClientStats {
	return ClientStats{
		Resumed:       cl.counters.resumed.Load(),
		Dropped:       cl.counters.dropped.Load(),
		SlowConsumers: cl.counters.slow.Load(),
		Streams:       StreamStats(cl.counters.streams.Stats()),
	}
}

// ConnStats are counters of one connection, over all its streams, and what waits in its queue now.
type ConnStats struct {
	Sent     uint64 // frames that were queued and not dropped, calls, answers and changes of groups included
	Received uint64 // frames received
	Dropped  uint64 // frames dropped on the way out, see [Overflow]

	SentBytes     uint64 // bytes written after the hello, without the overhead of the medium
	ReceivedBytes uint64 // bytes read after the hello, without the overhead of the medium
	Waiting       int    // bytes that wait to be written
	Kept          int    // bytes that were written and are not acknowledged

	// RTT is the time from the beginning of the write of the last ping until its answer was
	// read. A ping is written together with other frames, about once in a heartbeat
	// interval, or by itself if the peer has been silent for that long. RTT is zero until a ping has been
	// answered, without heartbeats, and for peers that speak the original's protocol.
	RTT time.Duration

	Streams StreamStats
}

// Stats returns the connection's counters. Received may lag behind while a handler runs.
func (c *Conn) Stats() ConnStats {
	out := c.out.Stats()
	var streams stream.Stats
	if t := c.streams.Load(); t != nil {
		streams = t.Stats()
	}
	return ConnStats{
		Sent: out.Queued, Received: c.sess.Handled(), Dropped: out.Missed,
		SentBytes: out.Written, ReceivedBytes: c.progress.bytes.Load(),
		Waiting: out.Waiting, Kept: out.Kept, RTT: out.RTT,
		Streams: StreamStats(streams),
	}
}
