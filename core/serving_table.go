package core

import (
	"context"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/lock"
)

// A servingTable holds the calls of the peer that are being handled, so that it can
// give them up.
type servingTable struct {
	open atomic.Int32 // number of calls

	mu    lock.Mutex[lock.Serving] // guards the fields below
	calls []served
	at    map[uint64]int // index in calls by id, once they are more than manyServed; nil else
}

// manyServed is the number of calls that are looked through for one. Of more there is an index.
const manyServed = 32

// A served is a call that is being handled.
type served struct {
	id       uint64
	cancel   context.CancelFunc // ends the context of its handler
	canceled bool               // its caller has given it up
	beside   bool               // its handler runs beside the turn
}

// add notes a call. It reports false if one with that id is being handled.
func (t *servingTable) add(id uint64, cancel context.CancelFunc, beside bool) bool {
	t.mu.Lock()
	ok := t.findLocked(id) < 0
	if ok {
		t.calls = append(t.calls, served{id: id, cancel: cancel, beside: beside})
		t.open.Add(1)
	}
	switch {
	case !hasCrowd || !ok: // a page has few
	case t.at != nil:
		t.at[id] = len(t.calls) - 1
	case len(t.calls) > manyServed:
		t.at = make(map[uint64]int, len(t.calls))
		for i := range t.calls {
			t.at[t.calls[i].id] = i
		}
	}
	t.mu.Unlock()
	return ok
}

// findLocked returns the index of a call, or -1.
func (t *servingTable) findLocked(id uint64) int {
	if hasCrowd && t.at != nil {
		if i, ok := t.at[id]; ok {
			return i
		}
		return -1
	}
	for i := range t.calls {
		if t.calls[i].id == id {
			return i
		}
	}
	return -1
}

// remove ends a call and its context, and reports whether its caller had given it up.
func (t *servingTable) remove(id uint64) (canceled bool) {
	s, ok := t.take(id)
	if !ok {
		return true
	}
	s.cancel()
	return s.canceled
}

// take removes a call.
func (t *servingTable) take(id uint64) (s served, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.findLocked(id)
	if i < 0 {
		return s, false
	}
	last := len(t.calls) - 1
	s = t.calls[i]
	t.calls[i] = t.calls[last]
	t.calls[last] = served{}
	t.calls = t.calls[:last]
	t.open.Add(-1)
	if hasCrowd && t.at != nil {
		if delete(t.at, id); i < last {
			t.at[t.calls[i].id] = i
		}
		if last == 0 {
			t.at = nil
		}
	}
	return s, true
}

// cancel ends the context of a call, if it is being handled.
func (t *servingTable) cancel(id uint64) {
	var end context.CancelFunc
	t.mu.Lock()
	if i := t.findLocked(id); i >= 0 {
		t.calls[i].canceled = true
		end = t.calls[i].cancel
	}
	t.mu.Unlock()
	if end != nil {
		end()
	}
}

// isCanceled reports whether the caller has given the call up.
func (t *servingTable) isCanceled(id uint64) bool {
	t.mu.Lock()
	i := t.findLocked(id)
	canceled := i < 0 || t.calls[i].canceled
	t.mu.Unlock()
	return canceled
}

// inTurn returns the id of the call whose handler has the turn, or 0.
func (t *servingTable) inTurn() (id uint64) {
	t.mu.Lock()
	for i := range t.calls {
		if !t.calls[i].beside {
			id = t.calls[i].id
		}
	}
	t.mu.Unlock()
	return id
}

// len is how many calls are being handled.
func (t *servingTable) len() int { return int(t.open.Load()) }

// ids returns the ids of the calls that are being handled and have not been given up.
func (t *servingTable) ids() (ids []uint64) {
	t.mu.Lock()
	for i := range t.calls {
		if !t.calls[i].canceled {
			ids = append(ids, t.calls[i].id)
		}
	}
	t.mu.Unlock()
	return ids
}
