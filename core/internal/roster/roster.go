// Package roster holds the members of a server, and finds them: all members, and the members of a name, a user, a group,
// an address or a session. It also holds the seats, which only one member or a few may have: a name where
// names are unique, and the places of a user.
//
// A member holds the seats of its name and its user before it enters, and after it has left until it gives
// them back: so its successor comes only when others know that it has gone.
//
//	Reserve   the member arrives with its seats, or is told who holds them
//	Enter     others find the member
//	Leave     nobody finds the member any more
//	Abandon   the member will not have its name again; Release gives the seat of the name back
//	Vacate    the seat of the member's user is given back
//
// A member that is arriving is no holder yet: it may still be refused, and nobody could end it properly. Another member
// that wants its seat waits until it has entered, or has given the seat back with Cancel, and then tries again.
package roster

import (
	"slices"

	"github.com/hisock/hisock/core/internal/lock"
)

// Rules say what a roster allows.
type Rules struct {
	UniqueNames  bool // no two members have names that [Fold] makes the same
	ConnsPerUser int  // members of one user; no limit if ConnsPerUser <= 0
	MaxGroups    int  // groups of one member
}

// A Roster holds members by their C, the connection that a server sends to. All methods are safe for concurrent use, and
// wait for nothing but the roster's own locks. They return shared snapshots, which nobody may
// change.
//
// Invariant: exactly the members that are in the roster are found under their name, their user, their address and each of
// their groups.
type Roster[C comparable] struct {
	rules Rules

	// Each set has a lock of its own, taken after mu, so that a lookup waits for no member that enters.
	all         set[C]
	subscribers set[C] // members that get notices of others
	named       index[C]
	users       index[C]
	groups      index[C]
	addrs       index[C]

	mu        lock.Mutex[lock.Roster] // guards the fields below, and each change of a member that is in
	closed    bool
	sessions  map[uint64]C // members that can be resumed, by id
	nameSeats seats[C]     // by folded name, if names are unique
	userSeats seats[C]     // by user
	arriving  arrivals[C]  // members that have reserved seats and have not entered
	replaced  tombs        // sessions whose members have been replaced
}

// New returns an empty roster.
func New[C comparable](rules Rules) *Roster[C] {
	return &Roster[C]{rules: rules, sessions: make(map[uint64]C)}
}

// A Refusal says why nothing has changed.
type Refusal uint8

const (
	None Refusal = iota
	Out          // the member is not in the roster, or not any more
	Full         // the member is in as many groups as it may be
	Held         // others have the name
)

// Holders are the members that hold the seats that a member asks for, the earliest first; nil if the seat is free. Each
// holder is in the roster, or has been.
type Holders[C comparable] struct {
	Name []C
	User []C

	// Arriving is not nil if a member that is arriving has such a seat; then there are no holders yet. It is
	// closed when that member has entered or has given the seat back, which takes a moment.
	Arriving <-chan struct{}
}

// Reserve takes the seat of a newcomer's name and a seat of its user, both or neither. The newcomer is arriving until
// [Roster.Enter] or [Roster.Cancel], and must not wait for others meanwhile.
func (r *Roster[C]) Reserve(c C, m *Member) (taken Holders[C]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := m.Name()
	if name != "" && r.rules.UniqueNames {
		taken.Name = r.nameSeats.take(Fold(name), 1, c)
	}
	if m.user != "" && r.rules.ConnsPerUser > 0 {
		taken.User = r.userSeats.take(m.user, r.rules.ConnsPerUser, c)
	}
	switch {
	case taken.Name != nil || taken.User != nil:
		r.giveLocked(c, m)
		return r.judgedLocked(taken)
	case name != "" && r.rules.UniqueNames || m.user != "" && r.rules.ConnsPerUser > 0:
		r.arriving.add(c)
	}
	return Holders[C]{}
}

// judgedLocked returns the holders, or Arriving alone if one of them is arriving.
func (r *Roster[C]) judgedLocked(taken Holders[C]) Holders[C] {
	for _, holders := range [...][]C{taken.Name, taken.User} {
		if arrival := r.arriving.of(holders); arrival != nil {
			return Holders[C]{Arriving: arrival}
		}
	}
	return taken
}

// Cancel gives back what [Roster.Reserve] has taken.
func (r *Roster[C]) Cancel(c C, m *Member) {
	r.mu.Lock()
	r.giveLocked(c, m)
	r.arriving.remove(c)
	r.mu.Unlock()
}

// giveLocked gives the seats back that a newcomer has.
func (r *Roster[C]) giveLocked(c C, m *Member) {
	r.userSeats.give(m.user, c)
	if name := m.Name(); name != "" {
		r.nameSeats.give(Fold(name), c)
	}
}

// An Entry says how a member is found, beside its name, user and address.
type Entry struct {
	Session uint64 // the id of the session; zero if the member cannot be resumed
	Notices bool   // the member is a subscriber
	Groups  bool   // others find the member in its groups at once, and otherwise after [Roster.EnterGroup]
}

// Enter lets others find a member. It reports false if the roster is closed, or the member has left before it came: then
// the caller must call [Roster.Cancel].
func (r *Roster[C]) Enter(c C, m *Member, e Entry) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || m.left {
		return false
	}
	m.mu.Lock()
	m.in = true
	name, addr := m.name, m.addr
	m.mu.Unlock()
	if e.Groups {
		for _, g := range m.Groups() {
			r.groups.add(g, c)
		}
	}
	if e.Notices {
		r.subscribers.add(c)
	}
	if name != "" {
		r.named.add(name, c)
	}
	if m.user != "" {
		r.users.add(m.user, c)
	}
	r.addrs.add(addr, c)
	if m.session = e.Session; e.Session != 0 {
		r.sessions[e.Session] = c
	}
	r.all.add(c)
	r.arriving.remove(c)
	return true
}

// EnterGroup lets others find a member in a group that it was in when it entered. It reports false if others
// find it there already, or if it is not in the roster or the group any more.
func (r *Roster[C]) EnterGroup(c C, m *Member, group string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.groups.get(group); !m.in || !m.InGroup(group) || s != nil && s.has(c) {
		return false
	}
	r.groups.add(group, c)
	return true
}

// Uncount takes a member that has lost its slot, and is about to leave, out of the members that [Roster.All] returns.
func (r *Roster[C]) Uncount(c C) { r.all.remove(c) }

// Leave makes a member be found no more, and returns the groups in which others found it. The member
// keeps its seats. Its name, groups and address do not change any more.
func (r *Roster[C]) Leave(c C, m *Member) (groups []string) {
	if !r.leave(c, m) {
		return nil
	}
	groups = m.Groups() // without mu, since there may be many, and nobody changes them any more
	return slices.DeleteFunc(groups, func(g string) bool { return !r.groups.remove(g, c) })
}

func (r *Roster[C]) leave(c C, m *Member) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !m.in {
		m.left = true
		return false
	}
	m.mu.Lock()
	m.in, m.left = false, true
	name, addr := m.name, m.addr
	m.mu.Unlock()
	r.all.remove(c)
	r.subscribers.remove(c)
	r.addrs.remove(addr, c)
	if name != "" {
		r.named.remove(name, c)
	}
	if m.user != "" {
		r.users.remove(m.user, c)
	}
	delete(r.sessions, m.session)
	return true
}

// Join adds a group to a member, and reports whether the member was not in the group.
func (r *Roster[C]) Join(c C, m *Member, group string) (changed bool, no Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !m.in {
		return false, Out
	}
	added, full := m.groups.Add(group, r.rules.MaxGroups)
	switch {
	case full:
		return false, Full
	case added:
		r.groups.add(group, c)
	}
	return added, None
}

// Part takes a group from a member. It reports whether the member was in the group, and whether others found it there.
func (r *Roster[C]) Part(c C, m *Member, group string) (changed, found bool, no Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !m.in {
		return false, false, Out
	}
	if !m.groups.Remove(group) {
		return false, false, None
	}
	return true, r.groups.remove(group, c), None
}

// Rename gives a member another name, and returns the name before. Where names are unique, nobody else may have the old
// name before [Roster.Release]. If others have the new name, taken has them, and nothing
// has changed.
func (r *Roster[C]) Rename(c C, m *Member, name string) (old string, taken Holders[C], no Refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old = m.Name()
	switch {
	case !m.in:
		return old, taken, Out
	case name == old:
		return old, taken, None
	}
	if r.rules.UniqueNames {
		is, was := Fold(name), Fold(old)
		if name != "" {
			if taken.Name = r.nameSeats.take(is, 1, c); taken.Name != nil {
				return old, r.judgedLocked(taken), Held
			}
		}
		if i := slices.Index(m.freed, is); i >= 0 { // the member takes a name again that it has given up
			m.freed = slices.Delete(m.freed, i, i+1)
		}
		if old != "" && was != is {
			m.freed = append(m.freed, was)
		}
	}
	m.mu.Lock()
	m.name = name
	m.mu.Unlock()
	if old != "" {
		r.named.remove(old, c)
	}
	if name != "" {
		r.named.add(name, c)
	}
	return old, taken, None
}

// Abandon gives up the name of a member that has left: nobody else may have it before [Roster.Release].
func (r *Roster[C]) Abandon(m *Member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name := m.Name(); name != "" && r.rules.UniqueNames {
		m.freed = append(m.freed, Fold(name))
	}
}

// Freed returns the names, folded, that a member has given up and whose seats it still holds.
func (r *Roster[C]) Freed(m *Member) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(m.freed)
}

// Release gives back the seats of names that Freed has returned, except names that the member has taken again. Others
// have been told of the change.
func (r *Roster[C]) Release(c C, m *Member, freed []string) {
	if len(freed) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range freed {
		if i := slices.Index(m.freed, name); i >= 0 {
			m.freed = slices.Delete(m.freed, i, i+1)
			r.nameSeats.give(name, c)
		}
	}
}

// Vacate gives the seat of a member's user back.
func (r *Roster[C]) Vacate(c C, m *Member) {
	r.mu.Lock()
	r.userSeats.give(m.user, c)
	r.mu.Unlock()
}

// Move notes that a member has another address, unless it has left.
func (r *Roster[C]) Move(c C, m *Member, addr string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !m.in {
		return
	}
	m.mu.Lock()
	old := m.addr
	m.addr = addr
	m.mu.Unlock()
	r.addrs.remove(old, c)
	r.addrs.add(addr, c)
}

// Close makes Enter report false from now on.
func (r *Roster[C]) Close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
}

// Session returns the member that has the session of that id, or the zero value.
func (r *Roster[C]) Session(id uint64) C {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessions[id]
}

// Bury notes that the member of a session has been replaced.
func (r *Roster[C]) Bury(session uint64, token []byte) {
	r.mu.Lock()
	r.replaced.bury(session, token)
	r.mu.Unlock()
}

// Buried returns the token of a session whose member has been replaced, or nil.
func (r *Roster[C]) Buried(session uint64) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.replaced.tokens[session]
}

// All returns all members.
func (r *Roster[C]) All() []C { return r.all.snapshot() }

// Len returns the number of members.
func (r *Roster[C]) Len() int { return r.all.len() }

// Subscribers returns the members that get notices of others.
func (r *Roster[C]) Subscribers() []C { return r.subscribers.snapshot() }

// Named returns the members that have exactly that name.
func (r *Roster[C]) Named(name string) []C { return r.named.snapshot(name) }

// Of returns the members of a user.
func (r *Roster[C]) Of(user string) []C { return r.users.snapshot(user) }

// In returns the members of a group.
func (r *Roster[C]) In(group string) []C { return r.groups.snapshot(group) }

// LenOf returns the number of members of a user.
func (r *Roster[C]) LenOf(user string) int { return r.users.len(user) }

// LenIn returns the number of members of a group.
func (r *Roster[C]) LenIn(group string) int { return r.groups.len(group) }

// At returns the members that come from an address.
func (r *Roster[C]) At(addr string) []C { return r.addrs.snapshot(addr) }

// Names returns the names of the members, sorted, each once.
func (r *Roster[C]) Names() []string { return r.named.names() }

// Users returns the users of the members, sorted, each once.
func (r *Roster[C]) Users() []string { return r.users.names() }

// Groups returns the groups that have a member, sorted, each once.
func (r *Roster[C]) Groups() []string { return r.groups.names() }

// Addrs returns the addresses of the members, sorted, each once.
func (r *Roster[C]) Addrs() []string { return r.addrs.names() }

// Seats returns the number of names and of users that have holders.
func (r *Roster[C]) Seats() (names, users int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.nameSeats.held), len(r.userSeats.held)
}

// HoldersOfName returns the members that hold the seat of a name, folded, and HoldersOfUser the members that hold seats of a user, the earliest
// first. Members that are arriving are left out.
func (r *Roster[C]) HoldersOfName(name string) []C { return r.holders(&r.nameSeats, name) }

// HoldersOfUser is described at HoldersOfName.
func (r *Roster[C]) HoldersOfUser(user string) []C { return r.holders(&r.userSeats, user) }

func (r *Roster[C]) holders(of *seats[C], key string) (holders []C) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range of.held[key] {
		if _, arriving := r.arriving.over[c]; !arriving {
			holders = append(holders, c)
		}
	}
	return holders
}

// SeatsOfName returns how many members hold the seat of a name, folded, and SeatsOfUser how many hold seats of a user. Members that
// are arriving count.
func (r *Roster[C]) SeatsOfName(name string) int { return r.seats(&r.nameSeats, name) }

// SeatsOfUser is described at SeatsOfName.
func (r *Roster[C]) SeatsOfUser(user string) int { return r.seats(&r.userSeats, user) }

func (r *Roster[C]) seats(of *seats[C], key string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(of.held[key])
}
