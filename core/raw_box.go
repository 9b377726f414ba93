package core

import (
	"sync"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/turn"
)

// maxRaw bounds the raw messages that wait for a RecvRaw, in bytes; each weighs
// jobCost more than it holds.
const maxRaw = 256 << 10

// A rawBox holds raw messages that nobody has received yet.
type rawBox struct {
	budget *budget.Budget

	mu      sync.Mutex
	kept    [][]byte
	bytes   int
	mem     budget.Meter
	waiters []chan []byte // each has room for one
	wanted  bool          // somebody has received

	// takeRaw is that of the inbox once somebody has received: a page never does, so that its build goes without.
	takeRaw func(*turn.Turn) ([]byte, bool)
	room    chan struct{} // closed when something is taken; nil if nobody waits
}

// receive takes a message that was kept, or one that waits in the inbox for the message
// handler, or leaves a channel on which the next will come.
func (b *rawBox) receive(in *turn.Turn) (ch chan []byte, payload []byte, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wanted, b.takeRaw = true, (*turn.Turn).TakeRaw
	if b.room != nil {
		close(b.room)
		b.room = nil
	}
	if len(b.kept) > 0 {
		payload, b.kept[0] = b.kept[0], nil
		b.kept = b.kept[1:]
		b.bytes -= len(payload) + jobCost
		b.mem.Set(b.budget, b.bytes)
		return nil, payload, true
	}
	if payload, ok = in.TakeRaw(); ok {
		return nil, payload, true
	}
	ch = make(chan []byte, 1)
	b.waiters = append(b.waiters, ch)
	return ch, nil, false
}

// leave takes back a channel, and what was put into it at the last moment.
func (b *rawBox) leave(ch chan []byte) ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, w := range b.waiters {
		if w == ch {
			b.waiters = append(b.waiters[:i], b.waiters[i+1:]...)
			return nil, false
		}
	}
	return <-ch, true
}

// deliver hands a copy of payload to the first who waits. It reports whether one did.
func (b *rawBox) deliver(payload []byte) bool {
	b.mu.Lock()
	ok := b.handLocked(payload)
	b.mu.Unlock()
	return ok
}

func (b *rawBox) handLocked(payload []byte) bool {
	if len(b.waiters) == 0 {
		return false
	}
	b.waiters[0] <- append(make([]byte, 0, len(payload)), payload...)
	b.waiters = b.waiters[1:]
	return true
}

// match hands the first raw message of the inbox to one who has begun to wait while it was
// put there.
func (b *rawBox) match(in *turn.Turn) {
	b.mu.Lock()
	if len(b.waiters) > 0 {
		if payload, ok := b.takeRaw(in); ok {
			b.waiters[0] <- payload
			b.waiters = b.waiters[1:]
		}
	}
	b.mu.Unlock()
}

// keep holds a copy of payload until somebody asks. If there is no room it returns a channel
// that is closed when there may be, or nil if nobody has ever received.
func (b *rawBox) keep(payload []byte) (room <-chan struct{}, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.handLocked(payload) { // to one who waits since deliver looked
		return nil, true
	}
	if len(b.kept) > 0 && b.bytes+len(payload)+jobCost > maxRaw {
		if !b.wanted {
			return nil, false
		}
		if b.room == nil {
			b.room = make(chan struct{})
		}
		return b.room, false
	}
	b.kept = append(b.kept, append(make([]byte, 0, len(payload)), payload...))
	b.bytes += len(payload) + jobCost
	b.mem.Set(b.budget, b.bytes)
	return nil, true
}
