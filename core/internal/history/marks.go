// Package history keeps the last messages to groups, in a [Store] at a server, and says how far a client
// has followed these groups: [Marks] at the server, for the groups that a client has left, and a [Book] at the
// client, for all groups.
//
// The messages of a group have numbers, from 1 on, within an epoch; zero means before the first. An epoch is
// never zero.
package history

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// MaxMarks bounds the groups that a client has left and that are remembered one by one.
const MaxMarks = 256

// Marks say, for one client, how far it had followed the groups that it has left, so that a client which
// comes back is given only messages that were sent meanwhile, and none twice. Beside its number in the group, each
// message has a serial number, which grows over all groups of a server. The zero value is for a client that
// has left no group, and takes one pointer. All methods are safe for concurrent use.
//
// Invariant: join never returns a mark, or a floor, before the mark that [Marks.Leave] was last given for that group.
type Marks struct {
	of atomic.Pointer[marks]
}

type marks struct {
	mu    lock.Mutex[lock.Marks] // guards the fields below
	left  []Mark                 // the earliest first; MaxMarks at most
	floor uint64                 // the greatest serial number of the marks that were forgotten
	told  []wire.Position        // the positions in the client's hello, sorted by group; Epoch is 0 once used
}

// A Mark is how far a client had followed a group when it left.
type Mark struct {
	Group  string
	Epoch  uint64
	Number uint64 // of the last message before the client left
	Serial uint64 // of that message
}

// own returns the inner marks, and makes them if there are none.
func (m *Marks) own() *marks {
	if of := m.of.Load(); of != nil {
		return of
	}
	m.of.CompareAndSwap(nil, new(marks))
	return m.of.Load()
}

// Told notes the positions that a client has told in its hello. It keeps the slice.
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

// Leave notes that the client has left the group of a mark. If there are more than [MaxMarks] marks, the earliest
// is forgotten, and only its serial number remembered: of each group without a mark the client is
// then given only messages with greater serial numbers.
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

// join notes that the client is in the group, and returns the group's mark. If there is none, the mark has no epoch, and
// the client need not be given messages with serial numbers up to floor. join also returns, once, the position that the
// client has told.
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

// said returns the position in a group that the client has told in its hello, unless join has returned it already.
func (m *Marks) said(group string) wire.Position {
	of := m.of.Load()
	if of == nil {
		return wire.Position{}
	}
	of.mu.Lock()
	defer of.mu.Unlock()
	i, ok := slices.BinarySearchFunc(of.told, group, func(p wire.Position, g string) int { return cmp.Compare(p.Group, g) })
	if !ok {
		return wire.Position{}
	}
	return of.told[i]
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
