// Package seats says who holds what only so many may hold: a name, or the places of a user.
package seats

import (
	"slices"
	"sync"
)

// A Table has seats at each of any number of keys. Its zero value is empty. All methods are safe
// for concurrent use, and its lock is taken last.
type Table[H comparable] struct {
	mu   sync.Mutex
	held map[string][]H // in the order in which they came
}

// Take gives h a seat at key, where there are so many, unless all are taken: then it returns who
// has them, who came first in front. One who has a seat there keeps it.
func (t *Table[H]) Take(key string, seats int, h H) (holders []H) {
	t.mu.Lock()
	defer t.mu.Unlock()
	held := t.held[key]
	if slices.Contains(held, h) {
		return nil
	}
	if len(held) >= seats {
		return slices.Clone(held)
	}
	if t.held == nil {
		t.held = make(map[string][]H)
	}
	t.held[key] = append(held, h)
	return nil
}

// Give gives the seat of h at key back, if it has one.
func (t *Table[H]) Give(key string, h H) {
	t.mu.Lock()
	defer t.mu.Unlock()
	held := t.held[key]
	i := slices.Index(held, h)
	switch {
	case i < 0:
	case len(held) == 1:
		delete(t.held, key)
	default:
		t.held[key] = slices.Delete(held, i, i+1)
	}
}

// Len is at how many keys somebody has a seat.
func (t *Table[H]) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.held)
}
