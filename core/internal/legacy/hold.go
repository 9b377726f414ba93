package legacy

import (
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/lock"
)

// hold has the messages that are held back for a client whose dialect is not known yet. The content of a command has one
// form in 2.x and another form in 3.0a, and each form makes a client of the other release fail.
type hold struct {
	box    *Box[Outgoing] // nil for a peer whose dialect was known from the beginning
	budget *budget.Budget

	mu  lock.Mutex[lock.LegacyHold] // guards the field below
	mem budget.Meter                // counts the box

	// Owned by the sweeper, which calls HeldLong.
	since  time.Duration // when HeldLong first saw a message in the box; zero while the box is empty
	warned bool          // HeldLong has reported true
}

func (h *hold) begin(limit int, b *budget.Budget) { h.box, h.budget = NewBox[Outgoing](limit), b }

// count counts the size of the box for the bound on memory.
func (h *hold) count() {
	h.mu.Lock()
	h.mem.Set(h.budget, h.box.Size())
	h.mu.Unlock()
}

// holdCost is how much a message that is held back counts beside its own bytes, in bytes.
const holdCost = 128

// Holds reports whether messages for the peer may have to be held back.
func (p *Peer) Holds() bool { return !p.hold.box.IsOpen() }

// Hold holds a message back if its form is not known yet. With drop, it makes room by dropping the oldest messages, and
// returns their number. It keeps a copy of the payload.
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

// Held returns the number of bytes that are held back.
func (p *Peer) Held() int { return p.hold.box.Size() }

// TakeHeld returns the messages that are held back and forgets them. After it has returned nil, no message is held back any
// more. Only one goroutine at a time may call it.
func (p *Peer) TakeHeld() []Outgoing {
	if p.hold.box == nil {
		return nil
	}
	defer p.hold.count()
	return p.hold.box.Take()
}

// heldLong is the time for which messages may be held back before the program is told.
const heldLong = 5 * time.Second

// HeldLong reports, once, that messages have been held back for long. A client that only listens never sends the command
// that would tell its dialect. The sweeper calls HeldLong.
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
