package core

import (
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// A callTable holds the calls to the peer that are not answered yet.
type callTable struct {
	mu     lock.Mutex[lock.Calls] // guards the fields below
	lastID uint64                 // of the call that was made last
	open   map[uint64]*call       // by id
	ended  *Error                 // why no more answers will come; nil as long as some may
}

// A call waits for its answer. Whoever takes it out of the table has it to itself, fills in reply or err,
// and signals ready.
type call struct {
	ready  chan struct{} // has room for one
	reply  []byte        // the caller's
	err    *Error        // not an error, so that a call takes 48 bytes
	change bool          // it asks for a change of the client's name or groups
}

// add notes a call that is made with a frame of that kind, and returns it with its id, or why there will be no
// answer.
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

// end fails all calls under way, and all calls to come.
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

// park is end for a session that goes on elsewhere. It returns the ids of the calls that are to be given up, and the
// last id that was given. Asks for a change are not given up.
func (t *callTable) park(why *Error) (ids []uint64, last uint64) {
	t.mu.Lock()
	for id, w := range t.open {
		if !w.change {
			ids = append(ids, id)
		}
	}
	last = t.lastID
	t.mu.Unlock()
	t.end(why)
	return ids, last
}

// restore goes on with the ids of a session, on a connection that nobody knows yet.
func (t *callTable) restore(lastID uint64) { t.lastID = lastID }

// hold makes calls to come fail, or with nil not fail, on a connection that nobody knows yet.
func (t *callTable) hold(why *Error) {
	t.mu.Lock()
	t.ended = why
	t.mu.Unlock()
}
