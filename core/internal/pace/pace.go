// Package pace says when a client tries again to connect.
//
// A wait is random between zero and a limit, so that clients which lost their server at one moment
// do not come at one moment. The limit begins with Min. It doubles with each attempt that fails and
// with each connection that did not last, up to Max:
//
//	attempt fails                      the limit doubles
//	connection that did not last       the attempts before it are forgotten, and the limit that each time away begins with doubles
//	connection that lasted             everything is forgotten
//
// A connection lasted if it was up at least as long as the limit would be after it. So a server
// that welcomes and cuts is dialled no more often than one that refuses.
//
// While the session of the last connection can be resumed the limit is at most 2 s, or Min, or a
// fifteenth of the time away, and the last of these waits ends before the session does.
package pace

import (
	"time"

	"github.com/hisock/hisock/core/internal/lock"
)

// Bounds of a wait, of an attempt, and of the time that is left for the last attempt, while a
// session can be resumed.
const (
	soon      = 2 * time.Second
	share     = 15 // of the time away
	leastTry  = 5 * time.Second
	mostTry   = 15 * time.Second
	lastTry   = time.Second
	mostBrief = 4 // doublings of soon for connections that did not last
)

// Options bound the waits: Min and Max are greater than zero. For bounds the time away. Zero is
// without end. Try bounds an attempt. Zero is 15 s.
type Options struct {
	Min, Max, For, Try time.Duration
}

// A Pace paces the attempts of one client from one Connect to its end. Its methods may be called
// by any goroutine. Time is what its callers say.
type Pace struct {
	opts Options

	mu     lock.Mutex[lock.Pace] // guards the fields below
	failed int                   // attempts since the last connection
	brief  int                   // connections in a row that did not last
	since  time.Time             // of the first attempt after the last connection that lasted; zero if there was none
	broke  time.Time             // of the last break
	last   time.Time             // of the last attempt to resume; zero if there is none to come
	took   time.Duration         // of the last attempt that succeeded
	random uint64
}

// New returns a pace whose waits depend on seed.
func New(o Options, seed uint64) *Pace { return &Pace{opts: o, random: seed | 1} }

// Mix makes the waits depend on seed too, which others do not have.
func (p *Pace) Mix(seed []byte) {
	p.mu.Lock()
	for _, b := range seed {
		p.random = p.random*31 + uint64(b)
	}
	p.random |= 1
	p.mu.Unlock()
}

// Up notes that an attempt which took so long has succeeded.
func (p *Pace) Up(took time.Duration) {
	p.mu.Lock()
	p.took = took
	p.mu.Unlock()
}

// Down notes that a connection which was up for so long has broken off at that time, and for how
// long it can be resumed. Zero is not at all, or unknown.
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

// Hurry forgets the attempts that have failed: there is a network again.
func (p *Pace) Hurry() {
	p.mu.Lock()
	p.failed = 0
	p.mu.Unlock()
}

// Next returns how long to wait before the next attempt, at least as long as the server has asked
// for. It reports false if the client has tried for long enough.
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

// Attempt returns how long the next attempt may take. One to resume leaves time for another, unless the
// last that succeeded took long as well.
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

// limitLocked is the greatest wait that is next.
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

// belowLocked returns a time between zero and max, by a xorshift generator (Marsaglia, 2003):
// enough to spread clients, and a browser build would pay 1 KB for package math/rand.
func (p *Pace) belowLocked(max time.Duration) time.Duration {
	p.random ^= p.random << 13
	p.random ^= p.random >> 7
	p.random ^= p.random << 17
	return time.Duration(p.random % uint64(max+1))
}
