package roster

import (
	"github.com/hisock/hisock/core/internal/groupset"
	"github.com/hisock/hisock/core/internal/lock"
)

// A Member is what a client is called, where it comes from, and the groups that it is in. All methods are
// safe for concurrent use. The zero value has no name and is in no group.
//
// At a server a member enters a [Roster], which finds it by all of this. From then on only the roster
// changes it. A client is in no roster: what it is told of itself is set here.
type Member struct {
	user   string // who the client is; set before the member is known
	groups groupset.Set

	// Guarded by Roster.mu.
	session uint64   // its id in Roster.sessions; zero if it is not there
	freed   []string // names, folded, that the member had and keeps from others
	left    bool     // it does not enter any more

	mu   lock.Mutex[lock.Member] // guards the fields below; taken after Roster.mu
	in   bool                    // in a roster; written with Roster.mu held too
	name string
	addr string
}

// Name is the client's name, empty if it has none.
func (m *Member) Name() string {
	m.mu.Lock()
	name := m.name
	m.mu.Unlock()
	return name
}

// Addr is the client's address as the server sees it.
func (m *Member) Addr() string {
	m.mu.Lock()
	addr := m.addr
	m.mu.Unlock()
	return addr
}

// User is who the client is, at a server; empty for nobody in particular.
func (m *Member) User() string { return m.user }

// Groups returns the groups that the client is in, sorted. The caller owns the slice.
func (m *Member) Groups() []string { return m.groups.Names() }

// InGroup reports whether the client is in the group.
func (m *Member) InGroup(group string) bool { return m.groups.Has(group) }

// FirstGroup is the first of the groups when they are sorted, or empty.
func (m *Member) FirstGroup() string { return m.groups.First() }

// SetUser says who the client is, before anybody knows the member.
func (m *Member) SetUser(user string) { m.user = user }

// SetName sets the name of a member that is in no roster, and returns the one before.
func (m *Member) SetName(name string) (old string) {
	m.mu.Lock()
	m.mustBeOutLocked()
	old, m.name = m.name, name
	m.mu.Unlock()
	return old
}

// SetAddr sets the address of a member that is in no roster.
func (m *Member) SetAddr(addr string) {
	m.mu.Lock()
	m.mustBeOutLocked()
	m.addr = addr
	m.mu.Unlock()
}

// AddGroup adds a group to a member that is in no roster, and reports whether it was not there, unless that
// makes more than limit groups: then full is true and nothing has changed. A negative limit is none.
func (m *Member) AddGroup(group string, limit int) (added, full bool) {
	m.mu.Lock()
	m.mustBeOutLocked()
	added, full = m.groups.Add(group, limit)
	m.mu.Unlock()
	return added, full
}

// RemoveGroup takes a group from a member that is in no roster, and reports whether it was there.
func (m *Member) RemoveGroup(group string) bool {
	m.mu.Lock()
	m.mustBeOutLocked()
	removed := m.groups.Remove(group)
	m.mu.Unlock()
	return removed
}

// mustBeOutLocked keeps a member and the indexes of its roster from disagreeing.
func (m *Member) mustBeOutLocked() {
	if m.in {
		m.mu.Unlock()
		panic("roster: only the roster changes a member that is in it")
	}
}
