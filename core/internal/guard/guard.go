// Package guard watches one client of a server: how fast it sends, whether it sends anything that counts as activity,
// and whether a frame that it has begun becomes complete.
//
// A guard has no lock. The reader counts, the sweeper looks, and fields that both touch are atomic.
package guard

import (
	"strconv"
	"sync/atomic"
	"time"
)

// drip is the least rate at which a large frame must come, in bytes a second, after Limits.Frame has passed.
const drip = 16 << 10

// Limits bound a client. Zero means no limit.
type Limits struct {
	Frames int           // frames a second
	Bytes  int           // bytes a second
	Idle   time.Duration // the time without a command, call or raw message
	Frame  time.Duration // the time from the first byte of a frame to its last, and a second more for each drip bytes
}

// A Guard watches one client.
type Guard struct {
	limits Limits

	// Owned by the reader.
	rated     *rates // nil if no rate is limited
	bytesRead uint64

	partial atomic.Uint64 // the frame that is under way while the reader waits; see pack
	asked   atomic.Bool   // the client has sent a command, call or raw message since the sweeper looked last

	// Owned by the sweeper. Times are on its clock; zero means not noted yet.
	askedAt      time.Duration // when the client was last not idle
	reads        uint64        // Look.Reads at the last look
	partialBegin uint64        // where the frame that was under way at the last look begins
	partialSince time.Duration // when the sweeper saw that frame first
}

// A rates says how fast one client sends. The reader owns it.
type rates struct {
	frames   bucket
	bytes    bucket
	filledAt time.Time // when both buckets were filled last
	stalled  bool      // reading has waited for handlers since filledAt
}

// New returns a guard, or nil if there is nothing to watch.
func New(l Limits) *Guard {
	if l == (Limits{}) {
		return nil
	}
	if l.Frames == 0 && l.Bytes == 0 {
		return &Guard{limits: l}
	}
	g := &struct {
		Guard
		rates
	}{Guard{limits: l}, rates{newBucket(l.Frames, l.Frames), newBucket(l.Bytes, l.Bytes), time.Now(), false}}
	g.rated = &g.rates
	return &g.Guard
}

// Counts reports whether each frame is to be shown to [Guard.Frame]. A nil guard counts none.
func (g *Guard) Counts() bool { return g != nil && (g.limits.Frames > 0 || g.limits.Idle > 0) }

// An Excess is more than a client may send.
type Excess struct {
	Limit string        // "10 frames", of each second
	Wait  time.Duration // until as much may be sent
}

// Frame counts a frame, in which the client asks for something or does not. It returns nil unless that is
// one too many.
func (g *Guard) Frame(asks bool) *Excess {
	if asks && g.limits.Idle > 0 && !g.asked.Load() {
		g.asked.Store(true)
	}
	if g.limits.Frames == 0 {
		return nil
	}
	if wait, ok := g.rated.frames.spend(1); !ok {
		return &Excess{strconv.Itoa(g.limits.Frames) + " frames", wait}
	}
	return nil
}

// Wait notes that the reader is about to wait for input. begin is the number of bytes that it has of an unfinished frame,
// 0 if there is none. size is the size of that frame, 0 while it is not known.
func (g *Guard) Wait(begin, size int) {
	partial := uint64(0)
	if begin > 0 {
		partial = pack(g.bytesRead-uint64(begin), size)
	}
	if g.partial.Load() != partial {
		g.partial.Store(partial)
	}
}

// pack returns one number that holds the offset at which a frame begins in the stream, modulo 1<<32, and its size. It is
// never zero.
func pack(at uint64, size int) uint64 { return at<<32 | uint64(uint32(size)+1) }

func unpack(partial uint64) (at uint64, size int) { return partial >> 32, int(uint32(partial) - 1) }

// Read notes that n bytes have been read. It returns nil unless they exceed the limit.
func (g *Guard) Read(n int) *Excess {
	g.bytesRead += uint64(n)
	r := g.rated
	if r == nil {
		return nil
	}
	now := time.Now()
	d := now.Sub(r.filledAt)
	r.frames.fill(d, r.stalled)
	r.bytes.fill(d, r.stalled)
	r.filledAt, r.stalled = now, false
	if wait, ok := r.bytes.spend(n); !ok {
		return &Excess{strconv.Itoa(g.limits.Bytes) + " B", wait}
	}
	return nil
}

// Stall notes that reading had to wait for handlers. Frames that have piled up meanwhile come at once, and do not exceed
// a limit.
func (g *Guard) Stall() {
	if g.rated != nil {
		g.rated.stalled = true
	}
}

// A Look is what the sweeper sees of the connection.
type Look struct {
	Now     time.Duration
	Quiet   bool   // no handler runs, and none waits for its turn
	Waiting bool   // the reader waits for the client
	Reads   uint64 // reads that have returned
}

// Sweep checks whether the client has been idle for too long, and whether a frame has been under way
// for too long. It returns the time for which the first is so as idle, or else for the second as late, and 0 otherwise.
func (g *Guard) Sweep(l Look) (idle, late time.Duration) {
	if g.limits.Idle > 0 {
		if g.askedAt == 0 || g.asked.Swap(false) || !l.Quiet {
			g.askedAt = l.Now
		}
		if idle = l.Now - g.askedAt; idle >= g.limits.Idle {
			return idle, 0
		}
	}
	if g.limits.Frame == 0 {
		return 0, 0
	}
	partial := g.partial.Load()
	if !l.Waiting && l.Reads != g.reads {
		g.reads = l.Reads
		return 0, 0 // the reader has just woken: what came may be the rest of the frame
	}
	at, size := unpack(partial)
	if !l.Waiting || partial == 0 || at != g.partialBegin || g.partialSince == 0 {
		g.partialBegin, g.partialSince = at, l.Now
		return 0, 0
	}
	if late = l.Now - g.partialSince; late >= g.limits.Frame+time.Duration(size)*time.Second/drip {
		return 0, late
	}
	return 0, 0
}
