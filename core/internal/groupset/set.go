// Package groupset holds the names of the groups that one client is in.
package groupset

import "github.com/hisock/hisock/core/internal/lock"

// manyNames is how many names are looked through for one, rather than to keep an index. Nearly all
// clients are in fewer groups: for them a set is one small slice.
const manyNames = 16

// A Set is a set of names. What changes it or looks for a name takes as long with ten thousand names
// as with ten; only a copy of all takes as long as there are names. The zero value is empty. All
// methods are safe for concurrent use.
//
// Invariant: names are in list, while that is short, or else in index, and never twice.
type Set struct {
	mu    lock.Mutex[lock.Groups] // guards the fields below
	list  []string
	index map[string]struct{} // nil while the names are in list
}

// Len is how many names there are.
func (s *Set) Len() int {
	s.mu.Lock()
	n := len(s.list) + len(s.index)
	s.mu.Unlock()
	return n
}

// Has reports whether the name is there.
func (s *Set) Has(name string) bool {
	s.mu.Lock()
	_, ok := s.findLocked(name)
	s.mu.Unlock()
	return ok
}

// Add adds a name and reports whether it was not there, unless that makes more than limit names: then
// full is true and nothing has changed. A negative limit is none.
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

// Remove takes a name out and reports whether it was there.
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

// Names returns all names, sorted. The caller owns the slice, which is nil if there are none.
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

// First returns the name that comes first when they are sorted, or the empty one if there is none.
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

// findLocked reports whether a name is there, and where in the list if it is in that.
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

// sortNames sorts in place, in n log n steps whatever the order was: a browser build would pay 9 KB for
// the sorting of package slices.
func sortNames(names []string) {
	for i := len(names)/2 - 1; i >= 0; i-- {
		sink(names, i)
	}
	for end := len(names) - 1; end > 0; end-- {
		names[0], names[end] = names[end], names[0]
		sink(names[:end], 0)
	}
}

// sink moves a name down the heap, of which the greatest is in front, to where it belongs.
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
