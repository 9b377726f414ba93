// Package robin hands out the items of many keys, one item of each key in turn, so that
// a key with many items does not keep the others waiting. The items of one key are handed out in their order.
package robin

import "github.com/hisock/hisock/core/internal/lock"

// A Queue holds items by key. Its methods are safe for concurrent use.
// The zero Queue is empty.
type Queue[K comparable, T any] struct {
	mu   lock.Mutex[lock.Robin] // guards the fields below
	of   map[K]*share[K, T]
	line list[*share[K, T]] // the keys that have items, in the order of their turns
	n    int                // items of all keys
}

// A share holds the items of one key.
type share[K comparable, T any] struct {
	key   K
	items list[T]
}

// Add puts v after all items of key.
func (q *Queue[K, T]) Add(key K, v T) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.of[key]
	if s == nil {
		if q.of == nil {
			q.of = make(map[K]*share[K, T])
		}
		s = &share[K, T]{key: key}
		q.of[key] = s
		q.line.push(s)
	}
	s.items.push(v)
	q.n++
}

// Next takes the first item of the key whose turn it is. The key's next turn comes after all other keys. Next
// reports false if there is no item.
func (q *Queue[K, T]) Next() (v T, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.n == 0 {
		return v, false
	}
	q.n--
	s := q.line.pop()
	v = s.items.pop()
	if s.items.len() > 0 {
		q.line.push(s)
	} else {
		delete(q.of, s.key)
	}
	return v, true
}

// Len returns the number of items.
func (q *Queue[K, T]) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.n
}

// A list is a queue: items are pushed at its end and popped from its front.
type list[T any] struct {
	all  []T
	head int
}

func (l *list[T]) len() int { return len(l.all) - l.head }

func (l *list[T]) push(v T) { l.all = append(l.all, v) }

func (l *list[T]) pop() T {
	v := l.all[l.head]
	clear(l.all[l.head : l.head+1])
	l.head++
	switch {
	case l.head == len(l.all):
		l.all, l.head = nil, 0
	case l.head > 32 && l.head > len(l.all)/2: // it may never become empty
		n := copy(l.all, l.all[l.head:])
		clear(l.all[n:])
		l.all, l.head = l.all[:n], 0
	}
	return v
}
