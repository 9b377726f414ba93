package core

import (
	"slices"
	"sync"
	"sync/atomic"
)

// members is a set of connections that is read far more often than it is changed: those who
// send take a snapshot and hold no lock while they queue.
type members struct {
	snap atomic.Pointer[[]*Conn] // nil when out of date

	mu   sync.Mutex // guards the fields below
	list []*Conn
	at   map[*Conn]int // index in list; nil while the list is short enough to be searched
}

// manyMembers is how long a list may be that is searched.
const manyMembers = 16

// indexLocked returns where in the list c is, or -1.
func (m *members) indexLocked(c *Conn) int {
	if m.at == nil {
		return slices.Index(m.list, c)
	}
	if i, ok := m.at[c]; ok {
		return i
	}
	return -1
}

func (m *members) add(c *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.indexLocked(c) >= 0 {
		return
	}
	m.list = append(m.list, c)
	switch {
	case m.at != nil:
		m.at[c] = len(m.list) - 1
	case len(m.list) > manyMembers:
		m.at = make(map[*Conn]int)
		for i, c := range m.list {
			m.at[c] = i
		}
	}
	m.snap.Store(nil)
}

func (m *members) remove(c *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.indexLocked(c)
	if i < 0 {
		return
	}
	last := len(m.list) - 1
	moved := m.list[last]
	m.list[i] = moved
	m.list[last] = nil
	m.list = m.list[:last]
	if m.at != nil {
		m.at[moved] = i
		delete(m.at, c)
	}
	m.snap.Store(nil)
}

// snapshot returns the members at this moment. It is shared: nobody may change it.
func (m *members) snapshot() []*Conn {
	if p := m.snap.Load(); p != nil {
		return *p
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.snap.Load(); p != nil {
		return *p
	}
	list := append([]*Conn(nil), m.list...)
	m.snap.Store(&list)
	return list
}

func (m *members) has(c *Conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.indexLocked(c) >= 0
}

func (m *members) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.list)
}

// An index holds sets of connections by name. A set that becomes empty is forgotten.
type index struct {
	mu   sync.RWMutex
	sets map[string]*members
}

// get returns the set of that name, or nil.
func (x *index) get(name string) *members {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.sets[name]
}

func (x *index) add(name string, c *Conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.sets[name]
	if m == nil {
		if x.sets == nil {
			x.sets = make(map[string]*members)
		}
		m = &members{}
		x.sets[name] = m
	}
	m.add(c)
}

func (x *index) remove(name string, c *Conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	m := x.sets[name]
	if m == nil {
		return
	}
	m.remove(c)
	if m.len() == 0 {
		delete(x.sets, name)
	}
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

// names returns the names of all sets, in no order.
func (x *index) names() []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	names := make([]string, 0, len(x.sets))
	for name := range x.sets {
		names = append(names, name)
	}
	return names
}
