package roster

import (
	"slices"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/lock"
)

// A set is a set of members. It is read far more often than it is changed: a sender takes a snapshot, and holds no lock
// while it queues. All methods are safe for concurrent use. The zero value is empty.
type set[C comparable] struct {
	snap atomic.Pointer[[]C] // nil when out of date

	mu   lock.Mutex[lock.Set] // guards the fields below
	list []C
	at   map[C]int // index in list; nil while the list is short enough to be searched
}

// manyMembers is the length of the longest list that is searched.
const manyMembers = 16

// indexLocked returns the index of c in list, or -1.
func (s *set[C]) indexLocked(c C) int {
	if s.at == nil {
		return slices.Index(s.list, c)
	}
	if i, ok := s.at[c]; ok {
		return i
	}
	return -1
}

func (s *set[C]) add(c C) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.indexLocked(c) >= 0 {
		return
	}
	s.list = append(s.list, c)
	switch {
	case s.at != nil:
		s.at[c] = len(s.list) - 1
	case len(s.list) > manyMembers:
		s.at = make(map[C]int)
		for i, c := range s.list {
			s.at[c] = i
		}
	}
	s.snap.Store(nil)
}

// remove reports whether c was in the set.
func (s *set[C]) remove(c C) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.indexLocked(c)
	if i < 0 {
		return false
	}
	last := len(s.list) - 1
	moved := s.list[last]
	s.list[i] = moved
	var none C
	s.list[last] = none
	s.list = s.list[:last]
	if s.at != nil {
		s.at[moved] = i
		delete(s.at, c)
	}
	s.snap.Store(nil)
	return true
}

// snapshot returns the current members. The slice is shared: nobody may change it.
func (s *set[C]) snapshot() []C {
	if p := s.snap.Load(); p != nil {
		return *p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.snap.Load(); p != nil {
		return *p
	}
	list := append([]C(nil), s.list...)
	s.snap.Store(&list)
	return list
}

func (s *set[C]) has(c C) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.indexLocked(c) >= 0
}

func (s *set[C]) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list)
}

// An index holds sets by name. A set that becomes empty is forgotten. All methods are safe for concurrent
// use. The zero value is empty.
type index[C comparable] struct {
	mu   lock.RWMutex[lock.Index] // guards the field below
	sets map[string]*set[C]
}

// snapshot returns the current members of the set with that name. The slice is shared: nobody may change it.
func (x *index[C]) snapshot(name string) []C {
	if s := x.get(name); s != nil {
		return s.snapshot()
	}
	return nil
}

// len returns the number of members in the set with that name.
func (x *index[C]) len(name string) int {
	if s := x.get(name); s != nil {
		return s.len()
	}
	return 0
}

// get returns the set with that name, or nil.
func (x *index[C]) get(name string) *set[C] {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.sets[name]
}

func (x *index[C]) add(name string, c C) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.sets[name]
	if m == nil {
		if x.sets == nil {
			x.sets = make(map[string]*set[C])
		}
		m = &set[C]{}
		x.sets[name] = m
	}
	m.add(c)
}

// remove reports whether c was in the set with that name.
func (x *index[C]) remove(name string, c C) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.sets[name]
	if m == nil || !m.remove(c) {
		return false
	}
	if m.len() == 0 {
		delete(x.sets, name)
	}
	return true
}

// names returns the names of all sets, sorted.
func (x *index[C]) names() []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	names := make([]string, 0, len(x.sets))
	for name := range x.sets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
