// Package thin keeps peers from flooding a log. It lets the first lines of a kind through, and later one line from time
// to time. It does so for each source, and for all sources together, and counts the lines that are left out. It does
// not know the texts of lines, or the logger.
package thin

import (
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
)

const (
	// A [Source] may write ofSource lines of one kind at once, and one more line after each time of every.
	ofSource = 5
	every    = 10 * time.Second

	// All sources of a [Log] together may write ofAll lines of one kind at once, and one more line after each time of
	// allEvery. The bounds for quiet lines are higher: a log shows quiet lines only if the program asks for them.
	ofAll         = 50
	allEvery      = time.Second
	ofAllQuiet    = 1000
	allEveryQuiet = 10 * time.Millisecond

	// maxKinds bounds the kinds that a log counts separately, and maxSourceKinds the kinds that a source counts
	// separately. Further kinds are counted together, as a kind without a name.
	maxKinds       = 64
	maxSourceKinds = 8
)

// A Log counts the lines of all sources. It is safe for concurrent use. Its zero value is ready for use.
type Log struct {
	mu    lock.Mutex[lock.ThinLog]
	kinds []counter
}

// A Source counts the lines about one thing, such as a connection. It is safe for concurrent use. Its zero value is
// ready for use. It is only a nil pointer until a line about it is written.
type Source struct{ p atomic.Pointer[source] }

type source struct {
	mu    lock.Mutex[lock.ThinSource]
	kinds []counter
}

// A counter has a token bucket for the lines of one kind, and the number of lines left out.
type counter struct {
	kind  string
	quiet bool
	full  time.Time // when the bucket has all its tokens again
	left  uint64    // number of lines left out since a line was written
}

// A Left is the number of lines of a kind that were left out.
type Left struct {
	Kind  string // empty for the kinds that are counted together
	Quiet bool
	Lines uint64
}

// Ask reports whether the caller must write a line of a kind about s now. If not, Ask counts the line as left out. s is
// nil for a line that is about no source. Each kind is a constant of the program, and always has the same quiet.
//
// own is the number of lines of the kind about s that were left out since the last such line was written. all is the
// number of lines of the kind that were left out because all sources together wrote too many.
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

// End returns the lines about s that were left out and that no later line will count. It forgets s.
func (s *Source) End() []Left {
	of := s.p.Swap(nil)
	if of == nil {
		return nil
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	return lefts(of.kinds)
}

// End returns the lines that were left out because all sources wrote too many, and that no line has counted yet. It
// forgets them.
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
	return &source{} // End was called meanwhile
}

// find returns the counter of a kind, or the counter without a name if there are too many kinds.
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

// free reports whether the bucket has a token. The bucket has room for most tokens, and gets one token each step.
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
