package turn

import (
	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/wire"
)

// MaxRaw bounds the raw messages that are kept for GetRaw, in bytes; each counts JobCost more than its payload.
const MaxRaw = 256 << 10

// A rawBox holds raw messages that nobody has received yet, or the channels of receivers, and never both. Turn.mu
// guards it. Raw messages for a handler are in the inbox, from which a receiver takes them before their turn.
type rawBox struct {
	kept    [][]byte
	keptMem budget.Meter  // counts kept
	size    int           // of kept, in bytes, with JobCost for each
	waiters []chan []byte // of receivers; each has room for one
	room    chan struct{} // closed by the next GetRaw; nil if nobody waits for that

	// take is takeRawLocked once GetRaw has been called. A page never calls it, so takeRawLocked is not in its build.
	take func(*Turn) (payload []byte, ok bool)
}

// PutRaw gives a copy of a raw message to the receiver that has waited longest. If nobody waits and keep is set,
// it keeps the copy. If keep is set and it reports false, there is no room: there may be some once room is
// closed, and if room is nil, GetRaw has never been called.
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

// KeepRaw keeps a raw message of a detached session that goes on here, on a connection that nobody reads yet. It keeps
// payload.
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

// GetRaw takes the first raw message. If there is none it returns a channel on which the next one will come; LeaveRaw
// takes the channel back.
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

// LeaveRaw takes a channel of GetRaw back. If a message has been put into the channel already, it returns the message.
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

// takeRawLocked takes the first raw message in the inbox, before its turn.
func (t *Turn) takeRawLocked() (payload []byte, ok bool) {
	t.rawFrom = max(t.rawFrom, t.popped)
	for i := t.head + int(t.rawFrom-t.popped); i < len(t.jobs); i++ {
		t.rawFrom++
		switch j := &t.jobs[i]; j.Kind {
		case wire.KindRaw:
			j.Canceled = true
			return j.Body, true
		case wire.KindGroupRaw: // a group passed job remains, which moves the position
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
