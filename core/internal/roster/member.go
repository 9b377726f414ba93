package roster

import (
	"github.com/hisock/hisock/core/internal/groupset"
	"github.com/hisock/hisock/core/internal/lock"
)

// A Member has a client's name, user, address and groups. All methods are safe for concurrent use, except SetUser. The
// zero value has no name and is in no group.
//
// At a server a member enters a [Roster], which finds it by its name, user, address and groups. From then on only the
// roster changes it. At a client there is no roster, and the methods below set the name and groups of which the server
// tells it.
type Member struct {
	user   string // the client's user; set before the member is shared
	groups groupset.Set

	// Guarded by Roster.mu.
	session uint64   // the member's id in Roster.sessions; zero if it has none
	freed   []string // former names of the member, folded, that no other member may take
	left    bool     // the member has left, and must not enter

	mu   lock.Mutex[lock.Member] // guards the fields below; taken after Roster.mu
	in   bool                    // the member is in a roster; written with Roster.mu held too
	name string
	addr string
}

// Name returns the client's name. It is empty if the client has none.
func (m *Member) Name() string {
	m.mu.Lock()
	name := m.name
	m.mu.Unlock()
	return name
}

// Addr returns the client's address as the server sees it.
func (m *Member) Addr() string {
	m.mu.Lock()
	addr := m.addr
	m.mu.Unlock()
	return addr
}

// User returns the client's user at a server. It is empty if the client has none.
func (m *Member) User() string { return m.user }

// Groups returns the groups that the client is in, sorted. The caller owns the slice.
func (m *Member) Groups() []string { return m.groups.Names() }

// InGroup reports whether the client is in the group.
func (m *Member) InGroup(group string) bool { return m.groups.Has(group) }

// FirstGroup returns the first of the sorted groups, or an empty text if the client is in no group.
func (m *Member) FirstGroup() string { return m.groups.First() }

// SetUser sets the client's user. It must be called before the member is shared.
func (m *Member) SetUser(user string) { m.user = user }

// SetName sets the name of a member that is in no roster, and returns the former name.
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

// AddGroup adds a group to a member that is in no roster, and reports whether the member was not in the group. If there
// would be more than limit groups, AddGroup changes nothing and full is true. A negative limit is no limit.
func (m *Member) AddGroup(group string, limit int) (added, full bool) {
	m.mu.Lock()
	m.mustBeOutLocked()
	added, full = m.groups.Add(group, limit)
	m.mu.Unlock()
	return added, full
}

// RemoveGroup removes a group from a member that is in no roster, and reports whether the member was in the group.
func (m *Member) RemoveGroup(group string) bool {
	m.mu.Lock()
	m.mustBeOutLocked()
	removed := m.groups.Remove(group)
	m.mu.Unlock()
	return removed
}

// mustBeOutLocked panics if the member is in a roster, whose indexes would no longer agree with the member.
func (m *Member) mustBeOutLocked() {
	if m.in {
		m.mu.Unlock()
		panic("roster: only the roster changes a member that is in it")
	}
}
