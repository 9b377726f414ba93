// Package history holds how far each client has followed the groups that a server keeps messages of.
package history

import (
	"slices"
	"sync"
)

// MaxMarks is how many groups that a client has left are remembered one by one.
const MaxMarks = 256

// Marks say, for one client, how far it had followed the histories of the groups that it has left,
// so that a client which comes back is given only what was sent meanwhile, and nothing twice.
// Messages have numbers that grow over all histories of a server; zero is before the first. The
// zero value is a client that has left none. All methods are safe for concurrent use.
//
// Invariant: [Marks.Join] never returns less than what [Marks.Leave] was last given for that history.
type Marks struct {
	mu    sync.Mutex // guards the fields below
	left  []mark     // the longest ago in front; MaxMarks at most
	floor uint64     // the greatest number of the marks that were let go of
}

type mark struct {
	history uint64
	number  uint64 // of the last message before the client left
}

// Leave notes that the client has left the group of that history, in which number is that of the
// last message. Of more than [MaxMarks] groups, the group that was left longest ago is remembered
// only by its number: of all groups without a mark the client is then given what came later.
func (m *Marks) Leave(history, number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forgetLocked(history)
	if len(m.left) == MaxMarks {
		m.floor = max(m.floor, m.left[0].number)
		m.left = slices.Delete(m.left, 0, 1)
	}
	m.left = append(m.left, mark{history, number})
}

// Join notes that the client is in the group of that history, and returns the number of the last
// message that it need not be given.
func (m *Marks) Join(history uint64) (number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if number, ok := m.forgetLocked(history); ok {
		return number
	}
	return m.floor
}

func (m *Marks) forgetLocked(history uint64) (number uint64, ok bool) {
	i := slices.IndexFunc(m.left, func(k mark) bool { return k.history == history })
	if i < 0 {
		return 0, false
	}
	number = m.left[i].number
	m.left = slices.Delete(m.left, i, i+1)
	return number, true
}
