package legacy

import (
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/lock"
)

// hold is what is held back for a client of which it is not known yet what it speaks. What a command carries
// has one form in 2.x and another in 3.0a, and either ends a client of the other release.
type hold struct {
	box    *Box[Outgoing] // nil for a peer of which it is known
	budget *budget.Budget

	mu  lock.Mutex[lock.LegacyHold] // guards the field below
	mem budget.Meter

	// Owned by who asks for HeldLong.
	since  time.Duration // when something was first seen to be held; zero while nothing is
	warned bool          // that has been reported
}

func (h *hold) begin(limit int, b *budget.Budget) { h.box, h.budget = NewBox[Outgoing](limit), b }

// count counts what is held for the bound on memory.
func (h *hold) count() {
	h.mu.Lock()
	h.mem.Set(h.budget, h.box.Size())
	h.mu.Unlock()
}

// holdCost is what one message that is held back weighs beside its bytes.
const holdCost = 128

// Holds reports whether what the peer is sent may have to be held back.
func (p *Peer) Holds() bool { return !p.hold.box.IsOpen() }

// Hold holds a message back if it cannot be said yet. It drops the oldest ones for it if it may, and returns how
// many it has dropped. It keeps a copy of the payload.
func (p *Peer) Hold(o Outgoing, drop bool) (got Outcome, dropped int) {
	h := &p.hold
	size := len(o.Command) + len(o.Payload) + len(o.Key) + holdCost
	free := o.Payload == nil && o.As == 0
	keep := func() Outgoing {
		o.Payload = slices.Clone(o.Payload)
		return o
	}
	if drop {
		got, dropped = h.box.PutDropping(size, free, keep)
	} else {
		got = h.box.Put(size, free, keep)
	}
	h.count()
	return got, dropped
}

// Held is how many bytes are held back.
func (p *Peer) Held() int { return p.hold.box.Size() }

// TakeHeld returns what is held back and forgets it. Once it returns nil nothing is held back any more. One
// goroutine at a time calls it.
func (p *Peer) TakeHeld() []Outgoing {
	if p.hold.box == nil {
		return nil
	}
	defer p.hold.count()
	return p.hold.box.Take()
}

// heldLong is how long something may be held back before the program is told of it.
const heldLong = 5 * time.Second

// HeldLong reports, once, that something has been held back for long: a client that only listens says
// nothing that tells what it speaks. The sweeper calls it.
func (p *Peer) HeldLong(now time.Duration) bool {
	h := &p.hold
	switch {
	case h.warned || p.Held() == 0:
		h.since = 0
	case h.since == 0:
		h.since = now
	case now-h.since >= heldLong:
		h.warned = true
		return true
	}
	return false
}
