package core

import (
	"sync/atomic"
	"time"
)

// counters count over all connections of a server or client.
type counters struct {
	dropped atomic.Uint64
	slow    atomic.Uint64
	resumed atomic.Uint64
	givenUp atomic.Uint64
	tooMuch atomic.Uint64
}

// ServerStats are counters of a server since it was made, and how much there is now.
type ServerStats struct {
	Conns     int // clients, those that are suspended included
	Suspended int // clients that have no stream at this moment; they count in Conns too

	Resumed       uint64 // connections that went on over another stream
	GivenUp       uint64 // suspended connections that were ended before their time, to make room
	Dropped       uint64 // frames that were dropped, see [Overflow]
	SlowConsumers uint64 // clients that were disconnected for a full queue
	Overloaded    uint64 // clients that were disconnected since the server held too much in all

	Memory      int // bytes that count for [Limits.MemoryBytes]
	MemoryLimit int // [Limits.MemoryBytes], 0 without a limit
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
	}
}

// ClientStats are counters of a client since it was made, over all its connections.
type ClientStats struct {
	Resumed       uint64 // how often a connection went on over another stream
	Dropped       uint64 // frames to the server that were dropped, see [Overflow]
	SlowConsumers uint64 // connections that this side ended since its queue was full
}

// Stats returns the client's counters. Those of its connection are [Conn.Stats].
func (cl *Client) Stats() ClientStats {
	return ClientStats{
		Resumed:       cl.counters.resumed.Load(),
		Dropped:       cl.counters.dropped.Load(),
		SlowConsumers: cl.counters.slow.Load(),
	}
}

// ConnStats are counters of one connection, over all its streams, and what waits at this moment.
type ConnStats struct {
	Sent     uint64 // frames that were queued and not dropped, calls, answers and changes of groups included
	Received uint64 // frames received
	Dropped  uint64 // frames dropped on the way out, see [Overflow]

	SentBytes     uint64 // bytes written after the hello, without the overhead of the medium
	ReceivedBytes uint64 // bytes read after the hello, without the overhead of the medium
	Waiting       int    // bytes that wait to be written
	Kept          int    // bytes that were written and are not acknowledged

	// RTT is how long the last ping took to be answered, from the beginning of its write to the
	// reading of the answer. A ping is written together with something else, about once in a heartbeat
	// interval, or by itself where the peer has been silent that long. RTT is zero until one is
	// answered, without heartbeats, and for peers that speak the original's protocol.
	RTT time.Duration
}

// Stats returns the connection's counters. Received may lag behind while a handler runs.
func (c *Conn) Stats() ConnStats {
	out := c.out.Stats()
	return ConnStats{
		Sent: out.Queued, Received: c.sess.Handled(), Dropped: out.Missed,
		SentBytes: out.Written, ReceivedBytes: c.progress.bytes.Load(),
		Waiting: out.Waiting, Kept: out.Kept, RTT: out.RTT,
	}
}
