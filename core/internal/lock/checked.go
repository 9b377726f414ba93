//go:build lockorder

package lock

import (
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// A Mutex is a [sync.Mutex] with a place in the order of locking. Its zero value is unlocked. It must
// not be copied. In this build it panics if a goroutine waits for it out of order, or unlocks what
// another goroutine has locked.
type Mutex[P Place] struct{ mu sync.Mutex }

// Lock locks m.
func (m *Mutex[P]) Lock() {
	id := goroutine()
	var p P
	check(id, p)
	m.mu.Lock()
	enter(id, m, p)
}

// TryLock locks m unless it is locked. It checks no order, since it does not wait.
func (m *Mutex[P]) TryLock() bool {
	ok := m.mu.TryLock()
	if ok {
		var p P
		enter(goroutine(), m, p)
	}
	return ok
}

// Unlock unlocks m.
func (m *Mutex[P]) Unlock() {
	leave(goroutine(), m)
	m.mu.Unlock()
}

// An RWMutex is a [sync.RWMutex] with a place in the order of locking. It checks as [Mutex] does.
type RWMutex[P Place] struct{ mu sync.RWMutex }

// Lock locks m for writing.
func (m *RWMutex[P]) Lock() {
	id := goroutine()
	var p P
	check(id, p)
	m.mu.Lock()
	enter(id, m, p)
}

// Unlock unlocks m.
func (m *RWMutex[P]) Unlock() {
	leave(goroutine(), m)
	m.mu.Unlock()
}

// RLock locks m for reading.
func (m *RWMutex[P]) RLock() {
	id := goroutine()
	var p P
	check(id, p)
	m.mu.RLock()
	enter(id, m, p)
}

// RUnlock undoes one RLock.
func (m *RWMutex[P]) RUnlock() {
	leave(goroutine(), m)
	m.mu.RUnlock()
}

// A held is a lock that a goroutine holds.
type held struct {
	lock  any
	place Place
}

// A shard has lists for some of the goroutines. A list has the locks that one goroutine holds, in the order in which it
// took them. Lists are never removed, since later goroutines use the same ids. There are many shards, since the race
// detector takes the use of one shard by two goroutines for synchronization between them.
type shard struct {
	mu sync.Mutex          // guards the field below; no lock is taken while it is held
	of map[uintptr]*[]held // by the goroutine's id
}

var shards [1024]shard

// begin locks and returns the shard of a goroutine, and returns the goroutine's list.
func begin(id uintptr) (*shard, *[]held) {
	s := &shards[id>>7%uintptr(len(shards))]
	s.mu.Lock()
	list := s.of[id]
	if list == nil {
		if s.of == nil {
			s.of = map[uintptr]*[]held{}
		}
		list = new([]held)
		s.of[id] = list
	}
	return s, list
}

// numbers maps a place to its index in order.
var numbers = func() map[Place]int {
	m := map[Place]int{}
	for i, p := range order {
		m[p] = i
	}
	return m
}()

// check panics if the goroutine holds a lock whose place is not before p.
func check(id uintptr, p Place) {
	s, list := begin(id)
	defer s.mu.Unlock()
	for _, h := range *list {
		if numbers[h.place] >= numbers[p] {
			panic(fmt.Sprintf("lock: %s is taken while %s is held", name(p), name(h.place)))
		}
	}
}

// MustHoldNone panics if the goroutine holds a lock. It is called where code of the program has run, which may take any
// lock.
func MustHoldNone() {
	s, list := begin(goroutine())
	defer s.mu.Unlock()
	if len(*list) > 0 {
		panic("lock: code of the program runs while " + name((*list)[0].place) + " is held")
	}
}

func enter(id uintptr, lock any, p Place) {
	s, list := begin(id)
	defer s.mu.Unlock()
	*list = append(*list, held{lock, p})
}

func leave(id uintptr, lock any) {
	s, list := begin(id)
	defer s.mu.Unlock()
	for i := len(*list) - 1; i >= 0; i-- {
		if (*list)[i].lock == lock {
			*list = slices.Delete(*list, i, i+1)
			return
		}
	}
	panic(fmt.Sprintf("lock: %T is unlocked by a goroutine that has not locked it", lock))
}

func name(p Place) string { return reflect.TypeOf(p).Name() }
