// Package notices holds the changes of other clients that one client is still to be told.
package notices

import (
	"container/list"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// A View is one client as another is shown it. Nobody changes it: many changes may share it.
type View struct {
	wire.Presence

	// EmptyName and EmptyGroup say that the client, a client of the original, has told an empty name or group. To other
	// clients of the original that is not the same as none.
	EmptyName, EmptyGroup bool
}

// A Change is what a receiver is to be told of one client: Before is what the receiver knows, and After what it will
// know then. Nil means that the client is not there.
type Change struct {
	Subject       uint64 // no two clients have the same
	Before, After *View
}

// nothing reports whether there is nothing to tell.
func (c *Change) nothing() bool {
	if c.Before == nil || c.After == nil {
		return c.Before == c.After
	}
	return c.Before.Name == c.After.Name
}

// A Box holds, for one receiver, the changes that wait, and says whose task telling them is. At most one change
// waits for each subject: of a client that came and went nothing is left, and of
// several names only the first and the last. So a receiver that reads slowly costs memory for each
// subject, not for each change, and learns the state in which each subject ends up.
//
//	idle  nothing waits; the caller of Put tells its change
//	busy  a goroutine tells; a change that is put in waits for that goroutine (Next, Back)
//	full  there was no room for the first change; it waits until Start
//
// Changes are told in the order in which the first change of each subject was put in, except that no client is told to
// have a name before the client that had it is told to have lost it. All methods are safe for concurrent use.
type Box struct {
	limit int

	mu      lock.Mutex[lock.Notices] // guards the fields below
	state   state
	again   bool // Start was called while busy
	closed  bool
	waiting list.List                // of Change, the oldest in front
	at      map[uint64]*list.Element // the elements of waiting by subject
	holds   map[string]uint64        // the subjects of the changes that wait, by the name in Before
	size    int                      // of the changes that wait, in bytes
}

type state uint8

const (
	idle state = iota
	busy
	full
)

// New returns an empty box whose changes take about limit bytes at most.
func New(limit int) *Box { return &Box{limit: limit} }

// Put adds a change. If mine is true the caller must tell it, and then the changes that [Box.Next] returns. If the
// changes that wait exceed the limit, the oldest are dropped: missed is their number.
func (b *Box) Put(c Change) (mine bool, missed int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed || c.nothing():
		return false, 0
	case b.state == idle:
		b.state = busy
		return true, 0
	}
	b.addLocked(c)
	for b.size > b.limit {
		b.removeLocked(b.waiting.Front())
		missed++
	}
	return false, missed
}

// Next returns the next change to tell. Only the goroutine that tells may call it. If ok is false nothing waits any more,
// and the caller tells no longer.
func (b *Box) Next() (c Change, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.nextLocked()
}

// Back takes back a change for which there was no room. It reports true if there may be room by now:
// then [Box.Next] returns the change again. Otherwise the caller tells no longer.
func (b *Box) Back(c Change) (again bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backLocked(c)
	if b.again && !b.closed {
		b.again = false
		return true
	}
	b.state = full
	return false
}

// Start notes that there is room again. If ok is true the caller must tell c, and then the changes that
// [Box.Next] returns.
func (b *Box) Start() (c Change, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state == busy {
		b.again = true
		return Change{}, false
	}
	b.state = busy
	return b.nextLocked()
}

// Close drops the changes that wait, and all later ones.
func (b *Box) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.waiting.Init()
	b.at, b.holds, b.size = nil, nil, 0
}

// Size returns about how many bytes the changes that wait take.
func (b *Box) Size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.size
}

func (b *Box) nextLocked() (Change, bool) {
	front := b.waiting.Front()
	if front == nil {
		b.state, b.again = idle, false
		b.at, b.holds = nil, nil
		return Change{}, false
	}
	c := front.Value.(Change)
	if c.After != nil && c.After.Name != "" {
		if holder, ok := b.holds[c.After.Name]; ok && holder != c.Subject {
			// The client that had the name goes first. If it has another name now, it comes again.
			e := b.at[holder]
			h := e.Value.(Change)
			b.removeLocked(e)
			if h.After != nil {
				b.insertLocked(Change{Subject: holder, After: h.After}, false)
			}
			return Change{Subject: holder, Before: h.Before}, true
		}
	}
	b.removeLocked(front)
	return c, true
}

// addLocked adds a change that is newer than all changes that wait.
func (b *Box) addLocked(c Change) {
	e := b.at[c.Subject]
	if e == nil {
		b.insertLocked(c, false)
		return
	}
	old := e.Value.(Change)
	b.setLocked(e, Change{Subject: c.Subject, Before: old.Before, After: c.After})
}

// backLocked adds a change that is older than all changes that wait.
func (b *Box) backLocked(c Change) {
	if b.closed {
		return
	}
	e := b.at[c.Subject]
	if e == nil {
		b.insertLocked(c, true)
		return
	}
	later := e.Value.(Change)
	b.waiting.MoveToFront(e)
	b.setLocked(e, Change{Subject: c.Subject, Before: c.Before, After: later.After})
}

// setLocked replaces a change that waits, or removes it if nothing is left to tell.
func (b *Box) setLocked(e *list.Element, c Change) {
	b.forgetLocked(e.Value.(Change))
	if c.nothing() {
		b.waiting.Remove(e)
		delete(b.at, c.Subject)
		return
	}
	e.Value = c
	b.noteLocked(c)
}

func (b *Box) insertLocked(c Change, front bool) {
	if b.at == nil {
		b.at, b.holds = make(map[uint64]*list.Element), make(map[string]uint64)
	}
	if front {
		b.at[c.Subject] = b.waiting.PushFront(c)
	} else {
		b.at[c.Subject] = b.waiting.PushBack(c)
	}
	b.noteLocked(c)
}

func (b *Box) removeLocked(e *list.Element) {
	c := b.waiting.Remove(e).(Change)
	delete(b.at, c.Subject)
	b.forgetLocked(c)
}

// noteLocked counts a change that waits from now on, in size and holds; forgetLocked takes that back.
func (b *Box) noteLocked(c Change) {
	b.size += c.cost()
	if c.Before != nil {
		b.holds[c.Before.Name] = c.Subject
	}
}

func (b *Box) forgetLocked(c Change) {
	b.size -= c.cost()
	if c.Before != nil && b.holds[c.Before.Name] == c.Subject {
		delete(b.holds, c.Before.Name)
	}
}

// cost returns about how many bytes a change takes, with its places in the list and the maps.
func (c *Change) cost() int { return 240 + c.Before.cost() + c.After.cost() }

func (v *View) cost() int {
	if v == nil {
		return 0
	}
	n := 80 + len(v.Name) + len(v.Addr)
	for _, g := range v.Groups {
		n += 16 + len(g)
	}
	return n
}
