//go:build !js

package core

import (
	"slices"
	"sync"
	"time"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/legacy"
	"github.com/hisock/hisock/core/internal/outbox"
)

// What a command carries has one form in 2.x and another in 3.0a, and either ends a client of the other
// release. So what is sent to a client of which it is not known yet is held back until its first command:
//
//	ownFrame      holds what carries something, and whatever comes behind it (holdBack)
//	settle        finds out, and sends what was held (sendHeld)

// A withheld is what is held back for a client.
type withheld struct {
	f   Frame
	as  form
	key string
}

// A hold is what is held back for one client, and what that counts for.
type hold struct {
	*legacy.Box[withheld]

	mu  sync.Mutex // guards the field below
	mem budget.Meter
}

func newHold(limit int) *hold { return &hold{Box: legacy.NewBox[withheld](limit)} }

// count counts what is held for the bound on memory.
func (h *hold) count(of *budget.Budget) {
	h.mu.Lock()
	h.mem.Set(of, h.Size())
	h.mu.Unlock()
}

// held is how many bytes are held back.
func (p *classicPeer) held() int {
	if p == nil || p.hold == nil {
		return 0
	}
	return p.hold.Size()
}

// holdCost is what one message that is held back weighs beside its bytes.
const holdCost = 128

// sendClassic sends f to a peer of the original.
func (c *Conn) sendClassic(f Frame, set *sending) error {
	frame, err := c.ownFrame(f, set)
	switch {
	case frame == nil:
		return err
	case set.waits():
		return c.sendAll(outbox.NewBlock(frame), OverflowDisconnect, set)
	}
	return c.sendByPolicy(f.Command, c.eng.overflow.newBlock(f.Command, set, frame))
}

// ownFrame returns f as a peer of the original reads it, or nil if it is held back or cannot be sent.
func (c *Conn) ownFrame(f Frame, set *sending) ([]byte, error) {
	if held, err := c.holdBack(f, set); held {
		return nil, err
	}
	var as form
	if set != nil {
		as = set.as
	}
	return c.classic.frame(f, as)
}

// holdBack holds a message back if it cannot be said yet, and reports whether it did: it is sent later, or
// fails as the policy for it says of one for which there is no room. Waiting for room could be waiting for
// ever, so that nobody does.
func (c *Conn) holdBack(f Frame, set *sending) (held bool, err error) {
	h := c.classic.hold
	if h == nil || h.IsOpen() {
		return false, nil
	}
	var as form
	var key string
	if set != nil {
		as, key = set.as, set.key
	}
	if err := c.classic.check(f); err != nil {
		return true, err
	}
	if c.isEnded() {
		return true, c.closedError()
	}
	size, empty := len(f.Command)+len(f.Payload)+len(key)+holdCost, f.Payload == nil && as == 0
	keep := func() withheld {
		f.Payload = slices.Clone(f.Payload)
		return withheld{f, as, key}
	}
	o := c.eng.overflow.of(f.Command)
	var got legacy.Outcome
	if o == OverflowDropOldest || o == OverflowLatest {
		var dropped int
		got, dropped = h.PutDropping(size, empty, keep)
		c.eng.counters.dropped.Add(uint64(dropped))
	} else {
		got = h.Put(size, empty, keep)
	}
	h.count(c.eng.budget)
	switch {
	case got == legacy.Pass:
		return false, nil
	case got == legacy.Held:
		return true, nil
	case o == OverflowDisconnect && !set.waits():
		err := NewError(CodeSlowConsumer, "too much is held back for a client of which it is not known whether it speaks 2.x or 3.0a")
		c.eng.counters.slow.Add(1)
		c.endWith(err)
		return true, err
	}
	c.eng.counters.dropped.Add(1)
	return true, errDropped
}

// heldLong is how long something may be held back before the program is told of it.
const heldLong = 5 * time.Second

// sweep tells the program, once, that something has been held back for long: a client that only listens says
// nothing that tells what it speaks.
func (p *classicPeer) sweep(c *Conn, now time.Duration) {
	switch {
	case p.warned || p.held() == 0:
		p.heldAt = 0
	case p.heldAt == 0:
		p.heldAt = now
	case now-p.heldAt >= heldLong:
		p.warned = true
		c.eng.faultOf(c, "what is sent to a client is held back", errHeldLong)
	}
}

var errHeldLong = NewError(CodeUnsupported, "whether a client speaks 2.x or 3.0a is not known before its first command: "+
	"see ClassicOptions.Unknown")

// sendHeld sends what was held back, now that it can be said.
func (c *Conn) sendHeld() {
	h := c.classic.hold
	if h == nil {
		return
	}
	for values := h.Take(); values != nil; values = h.Take() {
		for _, v := range values {
			frame, err := c.classic.frame(v.f, v.as)
			if k := c.eng.overflow.newBlock(v.f.Command, &sending{key: v.key}, frame); err == nil && c.eng.overflow.of(v.f.Command).drops() {
				err = c.sendByPolicy(v.f.Command, k)
			} else if err == nil { // and nobody waits for room: this is the reader
				err = c.sendAll(k, OverflowDisconnect, nil)
			}
			if err != nil && err != errDropped && !c.isEnded() {
				c.eng.faultOf(c, "a client cannot be sent what was held back for it", err, "command", v.f.Command)
			}
		}
	}
	h.count(c.eng.budget)
}

// unsaid returns what was held back and never sent, and lets go of it.
func (p *classicPeer) unsaid(of *budget.Budget) (frames []Undelivered) {
	if p == nil || p.hold == nil {
		return nil
	}
	for values := p.hold.Take(); values != nil; values = p.hold.Take() {
		for _, v := range values {
			frames = append(frames, Undelivered{Frame: v.f})
		}
	}
	p.hold.count(of)
	return frames
}
