package relay

import (
	"slices"

	"github.com/hisock/hisock/core/internal/lock"
)

// Claims has the claims of this node on things that only a bounded number of clients of the cluster may have: names, and places of
// users. A node holds as many places of a thing as its own clients have or are about to take. Which of the node's clients
// have them is for the roster.
//
// One goroutine at a time asks the relay about one thing, between Begin and End.
//
// All methods are safe for concurrent use.
type Claims struct {
	mu     lock.Mutex[lock.RelayClaims] // guards the fields below
	things map[Thing]*thing
	lap    uint64 // grows each time that the node loses its claims
	due    []Thing
}

// A Thing is a name, folded, or a user.
type Thing struct {
	To   Audience // ToNamed or ToUser
	Name string
}

// Key is the key of a place, from 0 on.
func (t Thing) Key(place int) string {
	if t.To == ToUser {
		return KeyOfUser(t.Name, place)
	}
	return KeyOfName(t.Name)
}

// A thing is what the node has of a Thing.
type thing struct {
	places  int           // that there are
	held    []hold        // few
	pending int           // clients that are about to take a place
	busy    bool          // somebody asks the relay
	due     bool          // it is in Claims.due
	changed chan struct{} // closed when busy or pending changes; nil while nobody waits
}

// A hold is a place that the node holds, or may hold.
type hold struct {
	place int
	lap   uint64 // in which it was claimed; 0 if it is in doubt
}

// NewClaims returns no claims.
func NewClaims() *Claims { return &Claims{things: make(map[Thing]*thing), lap: 1} }

// Enter notes a client that is about to take one of the places of a thing. The caller calls Leave when the client has it, or not.
func (c *Claims) Enter(t Thing, places int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.things[t]
	if of == nil {
		of = new(thing)
		c.things[t] = of
	}
	of.places = places
	of.pending++
}

// Leave ends Enter.
func (c *Claims) Leave(t Thing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of := c.things[t]; of != nil {
		of.pending--
		of.signal()
		c.dueLocked(t, of)
	}
}

// Yield is Leave for a client that has found no place, and reports true, unless the node holds a place for it by now, because others have left. seats is the number of places
// that the node's clients have. So of several that find no place at once, no more leave than must.
func (c *Claims) Yield(t Thing, seats int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.things[t]
	if of == nil {
		return true
	}
	held := 0
	for _, h := range of.held {
		if h.lap == c.lap {
			held++
		}
	}
	if held >= min(of.places, seats+of.pending) {
		return false
	}
	of.pending--
	of.signal()
	c.dueLocked(t, of)
	return true
}

// Due notes that it must be looked whether the node holds too many places of a thing.
func (c *Claims) Due(t Thing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of := c.things[t]; of != nil {
		c.dueLocked(t, of)
	}
}

func (c *Claims) dueLocked(t Thing, of *thing) {
	if !of.due {
		of.due = true
		c.due = append(c.due, t)
	}
}

// TakeDue takes the things that Due and Leave have noted.
func (c *Claims) TakeDue() (due []Thing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	due, c.due = c.due, nil
	for _, t := range due {
		if of := c.things[t]; of != nil {
			of.due = false
		}
	}
	return due
}

// IsDue reports whether TakeDue would return something.
func (c *Claims) IsDue() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.due) > 0
}

// A Turn is the right to ask the relay about one thing. Nobody else does so until End.
type Turn struct {
	Places  int   // that there are
	Needed  int   // places that the node needs now; set by the caller: see Count
	Pending int   // clients that are about to take a place
	Held    []int // places that it holds, in order
	Doubt   []int // places that it may hold
	Lap     uint64
}

// Count sets Needed. seats is the number of places that the node's clients have, looked up after Begin: a client that takes its seat
// meanwhile may count twice, but never not at all.
func (u *Turn) Count(seats int) { u.Needed = min(u.Places, seats+u.Pending) }

// Begin begins a turn. If another goroutine has it, wait is closed when that may have changed. If the thing is not known, ok is false and wait is nil.
func (c *Claims) Begin(t Thing) (turn Turn, ok bool, wait <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.things[t]
	if of == nil {
		return turn, false, nil
	}
	if of.busy {
		return turn, false, of.waitLocked()
	}
	turn = Turn{Places: of.places, Pending: of.pending, Lap: c.lap}
	for i, h := range of.held {
		if h.lap != c.lap { // it is lost, unless it was claimed after that, and before the node was told
			of.held[i].lap = 0
			turn.Doubt = append(turn.Doubt, h.place)
		} else {
			turn.Held = append(turn.Held, h.place)
		}
	}
	slices.Sort(turn.Held)
	slices.Sort(turn.Doubt)
	of.busy = true
	return turn, true, nil
}

// Wait returns a channel that is closed when the state of a thing may have changed, or nil if it is not there.
func (c *Claims) Wait(t Thing) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if of := c.things[t]; of != nil {
		return of.waitLocked()
	}
	return nil
}

func (of *thing) waitLocked() <-chan struct{} {
	if of.changed == nil {
		of.changed = make(chan struct{})
	}
	return of.changed
}

func (of *thing) signal() {
	if of.changed != nil {
		close(of.changed)
		of.changed = nil
	}
}

// Held notes, within a turn, that the node has claimed a place in the turn's lap.
func (c *Claims) Held(t Thing, place int, lap uint64) { c.set(t, place, lap) }

// Doubt notes, within a turn, that the node may hold a place.
func (c *Claims) Doubt(t Thing, place int) { c.set(t, place, 0) }

func (c *Claims) set(t Thing, place int, lap uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.things[t]
	of.forget(place)
	of.held = append(of.held, hold{place, lap})
}

func (of *thing) forget(place int) {
	of.held = slices.DeleteFunc(of.held, func(h hold) bool { return h.place == place })
}

// Released notes, within a turn, that the node does not hold a place.
func (c *Claims) Released(t Thing, place int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.things[t].forget(place)
}

// End ends a turn, in which the node has needed that many places. again says that there is more to do. A thing of which the node has and needs
// nothing is forgotten.
func (c *Claims) End(t Thing, needed int, again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := c.things[t]
	of.busy = false
	of.signal()
	if again {
		c.dueLocked(t, of)
	}
	if needed == 0 && of.pending == 0 && len(of.held) == 0 && !of.due {
		delete(c.things, t)
	}
}

// Lost notes that all claims that were made so far have ended. All things are due.
func (c *Claims) Lost() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lap++
	for t, of := range c.things {
		c.dueLocked(t, of)
	}
}
