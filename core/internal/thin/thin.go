// Package thin keeps peers from writing a log. Of lines of one kind it lets the first ones
// through and then one from time to time, for each source and for all of them together, and
// it counts the others. It knows neither lines nor loggers.
package thin

import (
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
)

const (
	// ofSource is how many lines of one kind a [Source] may write at once, and every is the time
	// after which it may write one more.
	ofSource = 5
	every    = 10 * time.Second

	// ofAll and allEvery are the same for all sources of a [Log] together, for lines that a
	// log shows unless it is told otherwise. There are more of the others, which a program has
	// asked for.
	ofAll         = 50
	allEvery      = time.Second
	ofAllQuiet    = 1000
	allEveryQuiet = 10 * time.Millisecond

	// maxKinds bounds the kinds that a log counts apart, maxSourceKinds those of a source. Further
	// ones are counted as one kind, which has no name.
	maxKinds       = 64
	maxSourceKinds = 8
)

// A Log is what all sources write. It is safe for concurrent use, and ready as it is.
type Log struct {
	mu    lock.Mutex[lock.ThinLog]
	kinds []counter
}

// A Source is one of those about whom lines are written, such as a connection. It is safe for
// concurrent use, and ready as it is. Until a line about it is written it is a pointer.
type Source struct{ p atomic.Pointer[source] }

type source struct {
	mu    lock.Mutex[lock.ThinSource]
	kinds []counter
}

// A counter is a token bucket for the lines of one kind, and the count of those left out.
type counter struct {
	kind  string
	quiet bool
	full  time.Time // when all its tokens are there again
	left  uint64    // lines left out since one was written
}

// A Left is lines that were left out.
type Left struct {
	Kind  string // empty for several
	Quiet bool
	Lines uint64
}

// Ask reports whether a line of a kind about s is to be written now. s is nil for a line that is
// about no source. Kinds are constants of the program and keep being quiet or not. own and all
// are how many lines of the kind were left out since the last that was written: of s, and of
// all sources for having been too many together. Ask counts the line if it is not to be
// written.
func (l *Log) Ask(s *Source, kind string, quiet bool, now time.Time) (write bool, own, all uint64) {
	var of *source
	if s != nil {
		of = s.use()
		of.mu.Lock()
		defer of.mu.Unlock()
	}
	var mine *counter
	if of != nil {
		mine = find(&of.kinds, kind, quiet, maxSourceKinds)
		if !mine.free(ofSource, every, now) {
			mine.left++
			return false, 0, 0
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c := find(&l.kinds, kind, quiet, maxKinds)
	most, step := ofAll, allEvery
	if quiet {
		most, step = ofAllQuiet, allEveryQuiet
	}
	if !c.free(most, step, now) {
		c.left++
		if mine != nil {
			mine.left++
		}
		return false, 0, 0
	}
	c.take(step, now)
	all, c.left = c.left, 0
	if mine != nil {
		mine.take(every, now)
		own, mine.left = mine.left, 0
	}
	return true, own, all
}

// End returns what was left out about s and will not be told of with another line. It forgets s.
func (s *Source) End() []Left {
	of := s.p.Swap(nil)
	if of == nil {
		return nil
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	return lefts(of.kinds)
}

// End returns what was left out of all sources and has not been told of yet. It forgets that.
func (l *Log) End() []Left {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := lefts(l.kinds)
	for i := range l.kinds {
		l.kinds[i].left = 0
	}
	return left
}

func (s *Source) use() *source {
	if of := s.p.Load(); of != nil {
		return of
	}
	s.p.CompareAndSwap(nil, &source{})
	if of := s.p.Load(); of != nil {
		return of
	}
	return &source{} // it has just ended
}

// find returns the counter of a kind, or the one that stands for all that have none.
func find(kinds *[]counter, kind string, quiet bool, most int) *counter {
	for i := range *kinds {
		if c := &(*kinds)[i]; c.kind == kind {
			return c
		}
	}
	if len(*kinds) >= most-1 && kind != "" {
		return find(kinds, "", false, most)
	}
	*kinds = append(*kinds, counter{kind: kind, quiet: quiet})
	return &(*kinds)[len(*kinds)-1]
}

// free reports whether the bucket, which holds most tokens and gets one each step, has one.
func (c *counter) free(most int, step time.Duration, now time.Time) bool {
	return c.full.Sub(now) <= time.Duration(most-1)*step
}

// take takes a token.
func (c *counter) take(step time.Duration, now time.Time) {
	if c.full.Before(now) {
		c.full = now
	}
	c.full = c.full.Add(step)
}

func lefts(kinds []counter) (left []Left) {
	for _, c := range kinds {
		if c.left > 0 {
			left = append(left, Left{c.kind, c.quiet, c.left})
		}
	}
	return left
}
