// Package pace decides when a client tries again to connect.
//
// A wait is random between zero and a limit, so that clients which lost their server at the same moment
// do not come back at the same moment. The limit begins with Min. It doubles with each attempt that fails and
// with each connection that did not last, up to Max:
//
//	attempt fails                      the limit doubles
//	connection that did not last       the failed attempts before it are forgotten, and the first limit doubles
//	connection that lasted             everything is forgotten
//
// A connection has lasted if it was up at least as long as the limit after it. So a server
// that welcomes clients and cuts them off is dialled no more often than a server that refuses them.
//
// While the session of the last connection can be resumed the limit is at most 2 s, or Min, or a
// fifteenth of the time away, whichever is most, and the last of these waits ends before the session does.
package pace

import (
	"time"

	"github.com/hisock/hisock/core/internal/lock"
)

// While a session can be resumed:
const (
	soon      = 2 * time.Second  // the limit of a wait is at most soon, Min or the time away / share
	share     = 15               // see soon
	leastTry  = 5 * time.Second  // an attempt may take at least leastTry
	mostTry   = 15 * time.Second // an attempt may take at most mostTry, at any time, unless Options.Try is set
	lastTry   = time.Second      // the time that is left of the session for the last attempt
	mostBrief = 4                // soon doubles at most mostBrief times, for connections that did not last
)

// Options bound the waits, 0 < Min and 0 < Max. For bounds the time away; zero means no bound. Try bounds an attempt;
// zero means 15 s.
type Options struct {
	Min, Max, For, Try time.Duration
}

// A Pace paces the attempts of one client from a Connect to the client's end. Its methods may be called
// by any goroutine. It reads no clock: its callers say what time it is.
type Pace struct {
	opts Options

	mu     lock.Mutex[lock.Pace] // guards the fields below
	failed int                   // attempts since the last connection
	brief  int                   // connections in a row that did not last
	since  time.Time             // when the first attempt after the last connection that lasted was; zero if none was
	broke  time.Time             // when the last connection broke off
	last   time.Time             // when the last attempt to resume is due; zero if none is to come
	took   time.Duration         // how long the last successful attempt took
	random uint64                // the state of the generator; never zero
}

// New returns a pace whose waits depend on seed.
func New(o Options, seed uint64) *Pace { return &Pace{opts: o, random: seed | 1} }

// Mix makes the waits depend on seed too, which no other client has.
func (p *Pace) Mix(seed []byte) {
	p.mu.Lock()
	for _, b := range seed {
		p.random = p.random*31 + uint64(b)
	}
	p.random |= 1
	p.mu.Unlock()
}

// Up notes that an attempt has succeeded, and how long it took.
func (p *Pace) Up(took time.Duration) {
	p.mu.Lock()
	p.took = took
	p.mu.Unlock()
}

// Down notes that a connection has broken off at the time at, after it was up for the time up. resumable is how long it
// can be resumed; zero means not at all, or unknown.
func (p *Pace) Down(at time.Time, up, resumable time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.failed = 0
	if up >= p.limitLocked() {
		p.brief, p.since = 0, time.Time{}
	} else {
		p.brief++
	}
	p.broke, p.last = at, time.Time{}
	if resumable > 0 {
		p.last = at.Add(resumable - min(resumable/4, lastTry))
	}
}

// Over notes that there is no session to resume any more.
func (p *Pace) Over() {
	p.mu.Lock()
	p.last = time.Time{}
	p.mu.Unlock()
}

// Hurry forgets the attempts that have failed, since there is a network again.
func (p *Pace) Hurry() {
	p.mu.Lock()
	p.failed = 0
	p.mu.Unlock()
}

// Next returns how long to wait before the next attempt, at least least, for which the server has asked.
// It reports false if Options.For has passed.
func (p *Pace) Next(now time.Time, least time.Duration) (wait time.Duration, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.since.IsZero() {
		p.since = now
	}
	limit := p.limitLocked()
	left := p.last.Sub(now)
	if left > 0 {
		limit = min(limit, max(soon, p.opts.Min, now.Sub(p.broke)/share)<<min(p.brief, mostBrief))
	}
	wait = max(p.belowLocked(limit), least)
	if left > 0 && wait > left && least <= left {
		wait = max(left/2+p.belowLocked(left/2), least)
		p.last = time.Time{}
	}
	p.failed++
	if p.opts.For > 0 && now.Add(wait).Sub(p.since) > p.opts.For {
		return 0, false
	}
	return wait, true
}

// Attempt returns how long the next attempt may take. An attempt to resume leaves time for another one, unless the
// last successful attempt took long as well.
func (p *Pace) Attempt(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	most := p.opts.Try
	if most == 0 {
		most = mostTry
	}
	if now.Before(p.last) {
		return min(max(leastTry, 3*p.took), most)
	}
	return most
}

// limitLocked returns the limit of the next wait.
func (p *Pace) limitLocked() time.Duration {
	limit := p.opts.Min
	for range p.failed + p.brief {
		if limit >= p.opts.Max {
			break
		}
		limit = min(2*limit, p.opts.Max)
	}
	return limit
}

// belowLocked returns a random time between zero and max, by a xorshift generator (Marsaglia, 2003). That is
// enough to spread clients, and package math/rand would add 1 KB to a browser build.
func (p *Pace) belowLocked(max time.Duration) time.Duration {
	p.random ^= p.random << 13
	p.random ^= p.random >> 7
	p.random ^= p.random << 17
	return time.Duration(p.random % uint64(max+1))
}
