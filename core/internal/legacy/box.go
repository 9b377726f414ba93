package legacy

import (
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/lock"
)

// An Outcome is the result of putting a value into a box.
type Outcome uint8

const (
	Pass Outcome = iota // the box does not hold the value: the caller sends it
	Held                // the box holds the value, after earlier values
	Full                // the box has no room for the value
)

// A Box holds values back until it is opened. It is never closed again:
//
//	closed   the box holds new values
//	opening  Take is called until the box is empty; the box holds new values meanwhile
//	open     new values pass
//
// So the values of one goroutine are sent in the order in which it puts them in. All methods are safe for concurrent
// use, but only one goroutine at a time may call Take.
type Box[T any] struct {
	limit int         // bytes
	open  atomic.Bool // set with mu held

	mu      lock.Mutex[lock.HeldBack] // guards the fields below
	items   []item[T]
	size    int  // bytes of items
	opening bool // values that were taken out may not have been sent yet
}

type item[T any] struct {
	value T
	size  int
}

// NewBox returns a closed box for values of limit bytes in all.
func NewBox[T any](limit int) *Box[T] { return &Box[T]{limit: limit} }

// IsOpen reports whether the box is open. A nil box is open.
func (b *Box[T]) IsOpen() bool { return b == nil || b.open.Load() }

// Put puts in a value of size bytes. A free value may be sent before the box is opened: it passes if the box is empty and
// not opening. make returns the value. It is called under the lock, and only if the box holds the value.
func (b *Box[T]) Put(size int, free bool, make func() T) Outcome {
	o, _ := b.put(size, free, false, make)
	return o
}

// PutDropping is Put, but drops the oldest values if there is no room. It returns the number of values that it has dropped.
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

// Take takes out all values. If the box is empty, Take opens it and returns nil.
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

// Size returns the number of bytes that the box holds.
func (b *Box[T]) Size() int {
	if b == nil {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}
