package core

import (
	"sync"

	"github.com/hisock/hisock/core/wire"
)

// A callTable holds the calls to the peer that are not answered yet.
type callTable struct {
	mu     sync.Mutex
	lastID uint64
	open   map[uint64]*call
	ended  *Error // set when no more answers will come
}

// A call waits for its answer: whoever takes it out of the table fills it in and
// signals ready, which has room for one.
type call struct {
	ready  chan struct{}
	reply  []byte
	err    *Error // not an error, so that a call takes 48 bytes
	change bool   // it asks for a change of the client's name or groups
}

func (t *callTable) add(k wire.Kind) (*call, uint64, *Error) {
	t.mu.Lock()
	if ended := t.ended; ended != nil {
		t.mu.Unlock()
		return nil, 0, ended
	}
	if t.open == nil {
		t.open = make(map[uint64]*call)
	}
	t.lastID++
	id, w := t.lastID, &call{ready: make(chan struct{}, 1), change: k != wire.KindRequest}
	t.open[id] = w
	t.mu.Unlock()
	return w, id, nil
}

// take removes a call. Whoever gets it is the one to end it.
func (t *callTable) take(id uint64) *call {
	t.mu.Lock()
	w := t.open[id]
	delete(t.open, id)
	t.mu.Unlock()
	return w
}

// isOpen reports whether a call is not answered yet.
func (t *callTable) isOpen(id uint64) bool {
	t.mu.Lock()
	open := t.open[id] != nil
	t.mu.Unlock()
	return open
}

// len is how many calls are not answered yet.
func (t *callTable) len() int {
	t.mu.Lock()
	n := len(t.open)
	t.mu.Unlock()
	return n
}

// end fails all calls under way, and those to come.
func (t *callTable) end(why *Error) {
	t.mu.Lock()
	open := t.open
	t.open, t.ended = nil, why
	t.mu.Unlock()
	for _, w := range open {
		w.err = why
		w.ready <- struct{}{}
	}
}
