//go:build !js

package budget

import (
	"math"
	"sync/atomic"
)

// A Budget is how much there may be in all. Its methods are safe for concurrent use, and a nil
// Budget has no limit.
type Budget struct {
	limit int64
	held  atomic.Int64
	twice atomic.Int64 // of held, what was found to be counted more than once
	gone  atomic.Int64 // all that was ever counted less
	over  chan struct{}
}

// New returns a budget of so many bytes, or nil for no limit if that is not above zero.
func New(limit int) *Budget {
	if limit <= 0 {
		return nil
	}
	return &Budget{limit: int64(limit), over: make(chan struct{}, 1)}
}

// Limit returns how much there may be, or 0 without a limit.
func (b *Budget) Limit() int {
	if b == nil {
		return 0
	}
	return int(b.limit)
}

// high is from how much on the bound counts as reached: there is more on its way. low is down to
// how much is given up then.
func (b *Budget) high() int64 { return b.limit - b.limit/8 }
func (b *Budget) low() int64  { return b.limit - b.limit/4 }

// Held returns how much there is, rounded up for each holder.
func (b *Budget) Held() int {
	if b == nil {
		return 0
	}
	return int(min(b.heldNow(), math.MaxInt)) // what many share counts for each, which may be more than an int holds
}

func (b *Budget) heldNow() int64 { return max(b.held.Load()-b.twice.Load(), 0) }

// IsOver reports whether there is too much.
func (b *Budget) IsOver() bool { return b != nil && b.heldNow() > b.high() }

// Over returns a channel on which something comes when there has become too much. It is nil without
// a limit.
func (b *Budget) Over() <-chan struct{} {
	if b == nil {
		return nil
	}
	return b.over
}

// A Look is what is counted when somebody begins to look at what holders have: see Weighed.
type Look struct{ counted, gone int64 }

// Look begins a look.
func (b *Budget) Look() (l Look) {
	if b != nil {
		l.gone = b.gone.Load() // first, so that nothing that goes meanwhile is in neither
		l.counted = b.held.Load()
	}
	return l
}

// Weighed notes that somebody who began to look at l found only held, so that the rest was counted
// more than once, except what has gone meanwhile. It returns how much of held has to go: nothing
// unless there is too much.
func (b *Budget) Weighed(l Look, held int) (excess int) {
	if b == nil {
		return 0
	}
	b.twice.Store(max(l.counted-(b.gone.Load()-l.gone)-int64(held), 0))
	if int64(held) <= b.high() {
		return 0
	}
	return held - int(b.low())
}

// Add counts n bytes more.
func (b *Budget) Add(n int) {
	if b == nil {
		return
	}
	b.held.Add(int64(n))
	if b.IsOver() {
		select {
		case b.over <- struct{}{}:
		default:
		}
	}
}

// Sub counts n bytes less. As long as something may be counted more than once it is not known
// whether that makes less: what is counted twice becomes less first.
func (b *Budget) Sub(n int) {
	if b == nil {
		return
	}
	for left := int64(n); left > 0; {
		twice := b.twice.Load()
		if twice <= 0 {
			break
		}
		if take := min(twice, left); b.twice.CompareAndSwap(twice, twice-take) {
			break
		}
	}
	b.gone.Add(int64(n))
	b.held.Add(int64(-n))
}
