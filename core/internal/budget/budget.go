//go:build !js

package budget

import (
	"math"
	"sync/atomic"
)

// A Budget bounds the bytes that all holders have together. Its methods are safe for concurrent use. A nil Budget has no
// limit.
type Budget struct {
	limit int64         // bytes
	held  atomic.Int64  // bytes that are counted
	twice atomic.Int64  // bytes of held that were found to be counted more than once
	gone  atomic.Int64  // sum of all bytes that Sub was ever given
	over  chan struct{} // see Over
}

// New returns a budget of limit bytes. If limit is not above zero, it returns nil, which has no limit.
func New(limit int) *Budget {
	if limit <= 0 {
		return nil
	}
	return &Budget{limit: int64(limit), over: make(chan struct{}, 1)}
}

// Limit returns the limit in bytes, or 0 if there is none.
func (b *Budget) Limit() int {
	if b == nil {
		return 0
	}
	return int(b.limit)
}

// If more than high bytes are held, the bound counts as reached, since more bytes may be on their way. Then holders
// must give up bytes until low bytes are left.
func (b *Budget) high() int64 { return b.limit - b.limit/8 }
func (b *Budget) low() int64  { return b.limit - b.limit/4 }

// Held returns the number of bytes that are held, rounded up for each holder.
func (b *Budget) Held() int {
	if b == nil {
		return 0
	}
	return int(min(b.heldNow(), math.MaxInt)) // shared bytes count for each holder: the sum may not fit into an int
}

func (b *Budget) heldNow() int64 { return max(b.held.Load()-b.twice.Load(), 0) }

// IsOver reports whether the bound is reached.
func (b *Budget) IsOver() bool { return b != nil && b.heldNow() > b.high() }

// Over returns a channel that gets a value when Add reaches the bound. It is nil if there is no limit.
func (b *Budget) Over() <-chan struct{} {
	if b == nil {
		return nil
	}
	return b.over
}

// A Look has the counts at the moment when the caller begins to weigh what holders have: see Weighed.
type Look struct{ counted, gone int64 }

// Look begins a look.
func (b *Budget) Look() (l Look) {
	if b != nil {
		l.gone = b.gone.Load() // first: bytes that go between the two loads must not look as if they were counted twice
		l.counted = b.held.Load()
	}
	return l
}

// Weighed notes that the caller has weighed all holders since l, and has found held bytes. The other bytes that were
// counted have gone meanwhile, or were counted more than once. Weighed returns the number of bytes that must go: 0
// unless the bound is reached.
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

// Add counts n more bytes.
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

// Sub counts n fewer bytes. It is not known whether these bytes were counted more than once. So Sub first reduces the
// number of bytes that were.
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
