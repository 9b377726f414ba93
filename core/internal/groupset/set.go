// Package groupset holds the names of the groups of one client.
package groupset

import "github.com/hisock/hisock/core/internal/lock"

// manyNames is the largest number of names in a set without an index. Nearly all clients are in fewer groups: for them
// a set is one small slice that is searched.
const manyNames = 16

// A Set is a set of names. A change or a search takes as long with ten thousand names as with ten; only Names and First
// look at all names. The zero value is an empty set. All methods are safe for concurrent use.
//
// Invariant: all names are in list while there are few, and otherwise all are in index. No name is there twice.
type Set struct {
	mu    lock.Mutex[lock.Groups] // guards the fields below
	list  []string
	index map[string]struct{} // nil while the names are in list
}

// Len returns the number of names.
func (s *Set) Len() int {
	s.mu.Lock()
	n := len(s.list) + len(s.index)
	s.mu.Unlock()
	return n
}

// Has reports whether the set has the name.
func (s *Set) Has(name string) bool {
	s.mu.Lock()
	_, ok := s.findLocked(name)
	s.mu.Unlock()
	return ok
}

// Add adds a name, and reports whether the set did not have it. If there would be more than limit names, Add changes
// nothing and full is true. A negative limit is no limit.
func (s *Set) Add(name string, limit int) (added, full bool) {
	s.mu.Lock()
	added, full = s.addLocked(name, limit)
	s.mu.Unlock()
	return added, full
}

func (s *Set) addLocked(name string, limit int) (added, full bool) {
	if _, ok := s.findLocked(name); ok {
		return false, false
	}
	if limit >= 0 && len(s.list)+len(s.index) >= limit {
		return false, true
	}
	if s.index == nil && len(s.list) < manyNames {
		s.list = append(s.list, name)
		return true, false
	}
	if s.index == nil {
		s.index = make(map[string]struct{}, 2*manyNames)
		for _, n := range s.list {
			s.index[n] = struct{}{}
		}
		s.list = nil
	}
	s.index[name] = struct{}{}
	return true, false
}

// Remove removes a name, and reports whether the set had it.
func (s *Set) Remove(name string) bool {
	s.mu.Lock()
	ok := s.removeLocked(name)
	s.mu.Unlock()
	return ok
}

func (s *Set) removeLocked(name string) bool {
	i, ok := s.findLocked(name)
	switch {
	case !ok:
		return false
	case s.index == nil:
		last := len(s.list) - 1
		s.list[i] = s.list[last]
		s.list[last] = ""
		s.list = s.list[:last]
		return true
	}
	delete(s.index, name)
	if len(s.index) == 0 {
		s.index = nil
	}
	return true
}

// Names returns all names, sorted. The caller owns the slice. It is nil if the set is empty.
func (s *Set) Names() []string {
	s.mu.Lock()
	n := len(s.list) + len(s.index)
	if n == 0 {
		s.mu.Unlock()
		return nil
	}
	names := append(make([]string, 0, n), s.list...)
	for name := range s.index {
		names = append(names, name)
	}
	s.mu.Unlock()
	sortNames(names)
	return names
}

// First returns the first of the sorted names, or an empty name if the set is empty.
func (s *Set) First() (first string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, name := range s.list {
		if i == 0 || name < first {
			first = name
		}
	}
	for name := range s.index {
		if first == "" || name < first {
			first = name
		}
	}
	return first
}

// findLocked reports whether the set has the name. at is its index in list, if the names are in list.
func (s *Set) findLocked(name string) (at int, ok bool) {
	if s.index != nil {
		_, ok = s.index[name]
		return 0, ok
	}
	for i, n := range s.list {
		if n == name {
			return i, true
		}
	}
	return 0, false
}

// sortNames sorts names in place, with a heap, in n log n steps for any input. Package slices would add 9 KB to a browser
// build.
func sortNames(names []string) {
	for i := len(names)/2 - 1; i >= 0; i-- {
		sink(names, i)
	}
	for end := len(names) - 1; end > 0; end-- {
		names[0], names[end] = names[end], names[0]
		sink(names[:end], 0)
	}
}

// sink moves the name at i down to its place in the heap. The greatest name of the heap is the first.
func sink(heap []string, i int) {
	for {
		child := 2*i + 1
		if child >= len(heap) {
			return
		}
		if child+1 < len(heap) && heap[child+1] > heap[child] {
			child++
		}
		if heap[i] >= heap[child] {
			return
		}
		heap[i], heap[child] = heap[child], heap[i]
		i = child
	}
}
