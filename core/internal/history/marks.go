// Package history says how far a client has followed the groups of which a server keeps messages: [Marks]
// at the server, for the groups that a client has left, and a [Book] at the client, for all.
//
// The messages of a group have numbers, from 1 on, within an epoch; zero is before the first. An epoch is
// never zero.
package history

import (
	"slices"
	"sync"
)

// MaxMarks is how many groups that a client has left are remembered one by one.
const MaxMarks = 256

// Marks say, for one client, how far it had followed the groups that it has left, so that a client which
// comes back is given only what was sent meanwhile, and nothing twice. Beside its number in the group, each
// message has a serial number, which grows over all groups of a server. The zero value is a client that
// has left none. All methods are safe for concurrent use.
//
// Invariant: [Marks.Join] never returns less than what [Marks.Leave] was last given for that group.
type Marks struct {
	mu    sync.Mutex // guards the fields below
	left  []Mark     // the longest ago in front; MaxMarks at most
	floor uint64     // the greatest serial number of the marks that were let go of
}

// A Mark is how far a client had followed a group when it left.
type Mark struct {
	Group  string
	Epoch  uint64
	Number uint64 // of the last message before the client left
	Serial uint64 // of that message
}

// Leave notes that the client has left the group of a mark. Of more than [MaxMarks] groups, the group that
// was left longest ago is remembered only by its serial number: of all groups without a mark the client is
// then given what came later.
func (m *Marks) Leave(at Mark) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetLocked(at.Group)
	if len(m.left) == MaxMarks {
		m.floor = max(m.floor, m.left[0].Serial)
		m.left = slices.Delete(m.left, 0, 1)
	}
	m.left = append(m.left, at)
}

// Join notes that the client is in the group, and returns its mark, which has no epoch if there is none.
// Then floor is the serial number of the last message that it need not be given.
func (m *Marks) Join(group string) (at Mark, floor uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.forgetLocked(group); ok {
		return at, 0
	}
	return Mark{}, m.floor
}

func (m *Marks) forgetLocked(group string) (at Mark, ok bool) {
	i := slices.IndexFunc(m.left, func(k Mark) bool { return k.Group == group })
	if i < 0 {
		return Mark{}, false
	}
	at = m.left[i]
	m.left = slices.Delete(m.left, i, i+1)
	return at, true
}
