//go:build !js

package core

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/wire"
)

// dripBytes is how much of a large frame must come each second, beyond FrameTimeout.
const dripBytes = 16 << 10

// A guard watches what one client sends, and how fast. A client has none.
type guard struct {
	idle      time.Duration
	frameTime time.Duration

	// Owned by the reading role.
	frames, bytes bucket
	filled        time.Time // both, last
	stalled       bool      // since then reading has waited for handlers
	read          uint64    // bytes

	// partial is the frame that has begun and not all come while the reader waits, 0 for none:
	// where it began, and its size if that is known, in 32 bits each.
	partial atomic.Uint64
	used    atomic.Bool // since the sweeper looked, a command, call or raw message has come

	// Owned by the sweeper. Times are its own; zero is not noted yet.
	usedAt  time.Duration
	reads   uint64
	frame   uint64
	frameAt time.Duration
}

func newGuard(o *ServerOptions) *guard {
	if o.Limits.FrameRate == 0 && o.Limits.ByteRate == 0 && o.Timeouts.Idle == 0 && o.Timeouts.Frame == 0 {
		return nil
	}
	g := &guard{
		idle: o.Timeouts.Idle, frameTime: o.Timeouts.Frame,
		frames: newBucket(o.Limits.FrameRate), bytes: newBucket(o.Limits.ByteRate),
	}
	if g.rated() {
		g.filled = time.Now()
	}
	return g
}

func (g *guard) rated() bool { return g.frames.perSecond > 0 || g.bytes.perSecond > 0 }

// counts reports whether each frame is to be shown to got.
func (g *guard) counts() bool { return g != nil && (g.frames.perSecond > 0 || g.idle > 0) }

// got notes a frame. It reports false if it has ended the connection.
func (g *guard) got(c *Conn, kind wire.Kind) bool {
	switch kind {
	case wire.KindCommand, wire.KindRequest, wire.KindRaw, kindLegacy:
		if g.idle > 0 && !g.used.Load() {
			g.used.Store(true)
		}
	}
	if wait, ok := g.frames.spend(1); !ok {
		tooFast(c, wait, "more than "+strconv.Itoa(int(g.frames.perSecond))+" frames a second")
		return false
	}
	return true
}

// awaits notes that the reader is about to wait, perhaps for the rest of a frame.
func (g *guard) awaits(rd *reader) {
	var partial uint64
	if n := rd.w - rd.r; n > 0 {
		partial = (g.read-uint64(n))<<32 | uint64(uint32(rd.need)+1)
	}
	if g.partial.Load() != partial {
		g.partial.Store(partial)
	}
}

// received notes that n bytes have been read.
func (g *guard) received(c *Conn, n int) {
	g.read += uint64(n)
	if !g.rated() {
		return
	}
	now := time.Now()
	d := now.Sub(g.filled)
	g.frames.fill(d, g.stalled)
	g.bytes.fill(d, g.stalled)
	g.filled, g.stalled = now, false
	if wait, ok := g.bytes.spend(n); !ok {
		tooFast(c, wait, "more than "+strconv.Itoa(int(g.bytes.perSecond))+" B a second")
	}
}

// stall notes that reading had to wait for handlers: what has piled up meanwhile comes at once,
// which is no fault of the client.
func (g *guard) stall() {
	if g != nil {
		g.stalled = true
	}
}

func tooFast(c *Conn, wait time.Duration, what string) {
	c.endWith(&Error{Code: CodeRateLimit, Message: what, RetryAfter: max(wait, time.Second)})
}

// sweep ends the connection if its client has asked for nothing, or has not finished a
// frame, for too long.
func (g *guard) sweep(c *Conn, now time.Duration) {
	if g.idle > 0 {
		if g.usedAt == 0 || g.used.Swap(false) || !c.isQuiet() {
			g.usedAt = now
		}
		if idle := now - g.usedAt; idle >= g.idle {
			c.endWith(NewError(CodeIdle, "nothing asked for "+seconds(idle)))
			return
		}
	}
	if g.frameTime == 0 {
		return
	}
	waiting, partial := c.progress.readerBlocked.Load(), g.partial.Load()
	if reads := c.progress.reads.Load(); !waiting && reads != g.reads {
		g.reads = reads
		return // the reader has just woken: what came may be the rest of the frame
	}
	if frame := partial >> 32; !waiting || partial == 0 || frame != g.frame || g.frameAt == 0 {
		g.frame, g.frameAt = frame, now
		return
	}
	size := time.Duration(uint32(partial) - 1)
	if took := now - g.frameAt; took >= g.frameTime+size*time.Second/dripBytes {
		c.endWith(NewError(CodeDeadlineExceeded, "a frame that began "+seconds(took)+" ago has not come"))
	}
}
