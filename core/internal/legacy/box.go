package legacy

import (
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/lock"
)

// An Outcome says what has become of what was put into a box.
type Outcome uint8

const (
	Pass Outcome = iota // nothing is held back: the caller sends it
	Held                // it is held back, behind what came before
	Full                // there is no room for it
)

// A Box holds values back until it is opened, which it stays:
//
//	closed   what is put in is held
//	opening  Take is called until there is nothing left; what is put in meanwhile is held behind it
//	open     what is put in passes
//
// So what one goroutine puts in is sent in that order, and nobody overtakes. All methods are safe for
// concurrent use; one goroutine at a time calls Take.
type Box[T any] struct {
	limit int
	open  atomic.Bool // set with mu held

	mu      lock.Mutex[lock.HeldBack] // guards the fields below
	items   []item[T]
	size    int
	opening bool // what was taken out may not have been sent
}

type item[T any] struct {
	value T
	size  int
}

// NewBox returns a closed box for values of so many bytes together.
func NewBox[T any](limit int) *Box[T] { return &Box[T]{limit: limit} }

// IsOpen reports whether nothing is held back any more. A nil box is open.
func (b *Box[T]) IsOpen() bool { return b == nil || b.open.Load() }

// Put puts in a value of that size. One that is free may be sent before anything is known: it passes if
// nothing waits before it. make returns the value, and is called, under the lock, if it is to be held.
func (b *Box[T]) Put(size int, free bool, make func() T) Outcome {
	o, _ := b.put(size, free, false, make)
	return o
}

// PutDropping is Put that drops the oldest values if there is no room, and returns how many that were.
func (b *Box[T]) PutDropping(size int, free bool, make func() T) (o Outcome, dropped int) {
	return b.put(size, free, true, make)
}

func (b *Box[T]) put(size int, free, drop bool, make func() T) (o Outcome, dropped int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open.Load() || free && len(b.items) == 0 && !b.opening {
		return Pass, 0
	}
	for drop && len(b.items) > 0 && b.size+size > b.limit {
		b.size -= b.items[0].size
		b.items[0] = item[T]{}
		b.items = b.items[1:]
		dropped++
	}
	if len(b.items) > 0 && b.size+size > b.limit {
		return Full, dropped
	}
	b.items = append(b.items, item[T]{make(), size})
	b.size += size
	return Held, dropped
}

// Take takes out what is held. When there is nothing it opens the box and returns nil.
func (b *Box[T]) Take() (values []T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.items {
		values = append(values, b.items[i].value)
	}
	b.items, b.size, b.opening = nil, 0, true
	if values == nil {
		b.open.Store(true)
	}
	return values
}

// Size is how many bytes are held.
func (b *Box[T]) Size() int {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}
