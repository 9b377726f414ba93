package turn

import (
	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/wire"
)

// MaxRaw bounds the raw messages that are kept for GetRaw, in bytes; each weighs JobCost more than it holds.
const MaxRaw = 256 << 10

// A rawBox holds raw messages that nobody has received yet, or the channels of receivers, and never both. Turn.mu
// guards it. Raw messages for a handler are in the inbox. A receiver takes them from there out of their turn.
type rawBox struct {
	kept    [][]byte
	keptMem budget.Meter  // of kept
	size    int           // of kept, in bytes
	waiters []chan []byte // of receivers; each has room for one
	room    chan struct{} // closed when something is taken; nil if nobody waits for that

	// take is takeRawLocked once somebody has received: a page never does, and its build goes without that.
	take func(*Turn) (payload []byte, ok bool)
}

// PutRaw hands a copy of a raw message to whoever has waited longest for one. If nobody waits and keep is set,
// it keeps the copy. If it returns false and a channel, there is no room, but there may be once the channel is
// closed; without a channel, nobody has ever received.
func (t *Turn) PutRaw(payload []byte, keep bool) (room <-chan struct{}, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case len(t.waiters) > 0:
		t.handLocked(append(make([]byte, 0, len(payload)), payload...))
		return nil, true
	case !keep:
		return nil, false
	case len(t.kept) == 0 || t.size+len(payload)+JobCost <= MaxRaw:
		t.keepLocked(append(make([]byte, 0, len(payload)), payload...))
		return nil, true
	case t.take == nil:
		return nil, false
	}
	if t.room == nil {
		t.room = make(chan struct{})
	}
	return t.room, false
}

// handLocked gives a raw message to the first receiver.
func (t *Turn) handLocked(payload []byte) {
	t.waiters[0] <- payload
	t.waiters = t.waiters[1:]
}

// KeepRaw keeps a raw message of a session that goes on here, on a connection that nobody reads yet. The caller
// does not use payload any more.
func (t *Turn) KeepRaw(payload []byte) {
	t.mu.Lock()
	t.keepLocked(payload)
	t.mu.Unlock()
}

func (t *Turn) keepLocked(payload []byte) {
	t.kept = append(t.kept, payload)
	t.weighLocked(len(payload) + JobCost)
}

func (t *Turn) weighLocked(n int) {
	t.size += n
	t.keptMem.Set(t.budget, t.size)
}

// GetRaw takes the first raw message, if there is one. Else the next will come on the channel, unless LeaveRaw
// takes that back.
func (t *Turn) GetRaw() (payload []byte, next chan []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.take = (*Turn).takeRawLocked
	if t.room != nil {
		close(t.room)
		t.room = nil
	}
	if len(t.kept) > 0 {
		payload, t.kept[0] = t.kept[0], nil
		t.kept = t.kept[1:]
		t.weighLocked(-len(payload) - JobCost)
		return payload, nil
	}
	if payload, ok := t.takeRawLocked(); ok {
		return payload, nil
	}
	next = make(chan []byte, 1)
	t.waiters = append(t.waiters, next)
	return nil, next
}

// LeaveRaw takes a channel of GetRaw back, and the message that was put into it at the last moment.
func (t *Turn) LeaveRaw(next chan []byte) (payload []byte, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, w := range t.waiters {
		if w == next {
			t.waiters = append(t.waiters[:i], t.waiters[i+1:]...)
			return nil, false
		}
	}
	return <-next, true
}

// takeRawLocked takes the first raw message that waits for a handler out of its turn.
func (t *Turn) takeRawLocked() (payload []byte, ok bool) {
	t.rawFrom = max(t.rawFrom, t.popped)
	for i := t.head + int(t.rawFrom-t.popped); i < len(t.jobs); i++ {
		t.rawFrom++
		switch j := &t.jobs[i]; j.Kind {
		case wire.KindRaw:
			j.Canceled = true
			return j.Body, true
		case wire.KindGroupRaw: // what remains says that it has passed
			_, _, payload, _ := wire.ParseGroup(j.Kind, j.Body)
			rest := len(j.Body) - len(payload)
			j.Kind, j.Body = wire.KindGroupPassed, j.Body[:rest:rest]
			t.bytes -= len(payload)
			t.mem.Set(t.budget, t.bytes)
			return payload, true
		}
	}
	return nil, false
}
