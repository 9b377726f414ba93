//go:build !js

package core

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/fair"
)

// A reader whose peer sends all the time never waits for input, and Go's scheduler does not look for
// input of others while it has readers to run. So a reader passes a gate, at which others go first,
// whenever it has had fairTime, where more connections are busy than there are processors.
// To pass costs some 3 µs, and one passes at a time: with more than 50 processors each reader has longer,
// so that none waits for the gate alone.
const (
	fairTime        = 500 * time.Microsecond
	fairTimeForEach = 10 * time.Microsecond // processor
)

// The time that a reader has had is estimated, for a clock would cost as much as a small batch does:
// for each read, each frame and each byte in nanoseconds.
const (
	readTime     = 2000
	frameTime    = 64
	bytesPerNano = 4
)

// In a large batch the clock is asked, since handlers take time too: after fairFrames frames, or maxCommands
// bytes of commands that follow each other.
const (
	fairFrames  = 256
	maxCommands = 8 << 10
)

// A share is the time that a reader has had. It is owned by the reading role.
type share struct {
	had    time.Duration // estimated, since the reader last passed the gate
	waiter fair.Waiter
}

// A fairness is shared by the readers of one Server or Client.
type fairness struct {
	gate    fair.Gate
	crowded atomic.Bool  // more connections are busy than there are processors
	time    atomic.Int64 // of a reader before it passes, in nanoseconds

	procs int // guarded by the sweeper's mu
}

// count notes how many connections are busy. The sweeper's mu is held.
func (f *fairness) count(busy int) {
	if f.procs == 0 || busy == 0 { // it may change at any time, and then does so soon here
		f.procs = runtime.GOMAXPROCS(0)
		f.time.Store(int64(max(fairTime, time.Duration(f.procs)*fairTimeForEach)))
	}
	if crowded := busy > f.procs; crowded != f.crowded.Load() {
		f.crowded.Store(crowded)
	}
}

func (f *fairness) close() { f.gate.Close() }

// A clock is when the clock was asked last in a batch, zero if it was not yet.
type clock = time.Time

// letOthers lets others go first if a batch lasts, and writes before that. It reports
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

// hadBatch notes how much time a batch has taken, and lets others go first when it is time for that.
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
