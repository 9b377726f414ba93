//go:build !js

package core

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/fair"
)

// A reader whose peer sends all the time never waits for input, and Go's scheduler does not look for
// input of others while it has readers to run. So, while more connections are busy than there are processors, a reader
// passes a gate, at which others go first, whenever it has run for fairTime.
// To pass costs some 3 µs, and one reader passes at a time: with more than 50 processors each reader runs longer,
// so that the gate itself is no bottleneck.
const (
	fairTime        = 500 * time.Microsecond
	fairTimeForEach = 10 * time.Microsecond // processor
)

// The time for which a reader has run is estimated, since reading a clock would cost as much as a small batch:
// readTime for each read and frameTime for each frame, in nanoseconds, and a nanosecond for each bytesPerNano bytes.
const (
	readTime     = 2000
	frameTime    = 64
	bytesPerNano = 4
)

// In a large batch the clock is read, since handlers take time too: after each fairFrames frames, and in commands that
// follow each other after each maxCommands bytes.
const (
	fairFrames  = 256
	maxCommands = 8 << 10
)

// A share is the time for which a reader has run. The goroutine that reads owns it.
type share struct {
	had    time.Duration // estimated, since the reader last passed the gate
	waiter fair.Waiter
}

// A fairness is shared by the readers of one Server or Client.
type fairness struct {
	gate    fair.Gate
	crowded atomic.Bool  // more connections are busy than there are processors
	time    atomic.Int64 // how long a reader runs before it passes, in nanoseconds

	procs int // guarded by the sweeper's mu
}

// count notes how many connections are busy. The sweeper's mu is held.
func (f *fairness) count(busy int) {
	if f.procs == 0 || busy == 0 { // GOMAXPROCS may change at any time: it is read again whenever nobody is busy
		f.procs = runtime.GOMAXPROCS(0)
		f.time.Store(int64(max(fairTime, time.Duration(f.procs)*fairTimeForEach)))
	}
	if crowded := busy > f.procs; crowded != f.crowded.Load() {
		f.crowded.Store(crowded)
	}
}

func (f *fairness) close() { f.gate.Close() }

// A clock is when the clock was last read in a batch, zero if it was not.
type clock = time.Time

// letOthers lets others go first if a batch takes long, and flushes before that. It reports
// whether the reading is still the caller's.
func (c *Conn) letOthers(rd *reader, since *clock) bool {
	now := time.Now()
	if since.IsZero() {
		*since = now
		return true
	}
	f := &c.eng.sweep.fair
	if !f.crowded.Load() || int64(now.Sub(*since)) < f.time.Load() {
		return true
	}
	if !c.finishBatch(rd) {
		return false
	}
	f.gate.Pass(&c.share.waiter)
	c.share.had, *since = 0, time.Now()
	c.beginBatch(rd.w - rd.r)
	return true
}

// hadBatch adds the estimated time of a batch, and lets others go first if the reader has run for long enough.
func (c *Conn) hadBatch(frames uint64, bytes int) {
	s := &c.share
	s.had += time.Duration(readTime + frames*frameTime + uint64(bytes/bytesPerNano))
	if s.had < fairTime {
		return
	}
	f := &c.eng.sweep.fair
	switch {
	case !f.crowded.Load():
		s.had = 0
	case int64(s.had) >= f.time.Load():
		s.had = 0
		f.gate.Pass(&s.waiter)
	}
}
