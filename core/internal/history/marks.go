// Package history keeps, in a [Store] at a server, what was sent to groups last, and says how far a client
// has followed these groups: [Marks] at the server, for the groups that a client has left, and a [Book] at the
// client, for all.
//
// The messages of a group have numbers, from 1 on, within an epoch; zero is before the first. An epoch is
// never zero.
package history

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// MaxMarks is how many groups that a client has left are remembered one by one.
const MaxMarks = 256

// Marks say, for one client, how far it had followed the groups that it has left, so that a client which
// comes back is given only what was sent meanwhile, and nothing twice. Beside its number in the group, each
// message has a serial number, which grows over all groups of a server. The zero value is a client that
// has left none, and as long as that is so the marks are one pointer. All methods are safe for concurrent use.
//
// Invariant: join never returns less than what [Marks.Leave] was last given for that group.
type Marks struct {
	of atomic.Pointer[marks]
}

type marks struct {
	mu    lock.Mutex[lock.Marks] // guards the fields below
	left  []Mark                 // the one of longest ago in front; MaxMarks at most
	floor uint64                 // the greatest serial number of the marks that were let go of
	told  []wire.Position        // by the client in its hello, sorted by group; without an epoch once used
}

// A Mark is how far a client had followed a group when it left.
type Mark struct {
	Group  string
	Epoch  uint64
	Number uint64 // of the last message before the client left
	Serial uint64 // of that message
}

// own returns what the marks are made of, which it makes if there is none.
func (m *Marks) own() *marks {
	if of := m.of.Load(); of != nil {
		return of
	}
	m.of.CompareAndSwap(nil, new(marks))
	return m.of.Load()
}

// Told notes what a client has said in its hello of its positions. It keeps the slice.
func (m *Marks) Told(positions []wire.Position) {
	if len(positions) == 0 {
		return
	}
	slices.SortStableFunc(positions, func(a, b wire.Position) int { return cmp.Compare(a.Group, b.Group) })
	of := m.own()
	of.mu.Lock()
	of.told = positions
	of.mu.Unlock()
}

// Leave notes that the client has left the group of a mark. Of more than [MaxMarks] groups, the group that
// was left longest ago is remembered only by its serial number: of all groups without a mark the client is
// then given what came later.
func (m *Marks) Leave(at Mark) {
	of := m.own()
	of.mu.Lock()
	defer of.mu.Unlock()
	of.forgetLocked(at.Group)
	if len(of.left) == MaxMarks {
		of.floor = max(of.floor, of.left[0].Serial)
		of.left = slices.Delete(of.left, 0, 1)
	}
	of.left = append(of.left, at)
}

// join notes that the client is in the group, and returns its mark, which has no epoch if there is none:
// then floor is the serial number of the last message that it need not be given. It returns the position
// that the client has told, too, once.
func (m *Marks) join(group string) (at Mark, told wire.Position, floor uint64) {
	of := m.of.Load()
	if of == nil {
		return Mark{}, wire.Position{}, 0
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	i, ok := slices.BinarySearchFunc(of.told, group, func(p wire.Position, g string) int { return cmp.Compare(p.Group, g) })
	if ok {
		told, of.told[i].Epoch = of.told[i], 0
	}
	if at, ok = of.forgetLocked(group); ok {
		return at, told, 0
	}
	return Mark{}, told, of.floor
}

func (of *marks) forgetLocked(group string) (at Mark, ok bool) {
	i := slices.IndexFunc(of.left, func(k Mark) bool { return k.Group == group })
	if i < 0 {
		return Mark{}, false
	}
	at = of.left[i]
	of.left = slices.Delete(of.left, i, i+1)
	return at, true
}
