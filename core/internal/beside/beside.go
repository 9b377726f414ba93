// Package beside counts the handlers of a connection that run beside its turn, each on a goroutine of its own,
// and the bytes that were copied for them.
package beside

import (
	"sync"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/lock"
)

// Handlers counts the handlers of one connection. A nil Handlers lets none run.
type Handlers struct {
	most   int // handlers that may run at a time; it does not change
	limit  int // of bytes; it does not change
	budget *budget.Budget

	mu      lock.Mutex[lock.Beside] // guards the fields below
	room    sync.Cond
	running int
	bytes   int
	mem     budget.Meter
	queued  uint64 // see Queue
}

// Command is the id under which a command is queued.
const Command = ^uint64(0)

// New returns a Handlers that lets most handlers run at a time, and limit bytes be copied for them. The bytes are
// counted in the budget.
func New(most, limit int, of *budget.Budget) *Handlers {
	h := &Handlers{most: most, limit: limit, budget: of}
	h.room.L = &h.mu
	return h
}

// May reports whether handlers may run beside the turn at all. If it reports false, only State and Bytes may be called.
func (h *Handlers) May() bool { return h != nil && h.most > 0 }

// Begin counts a handler for which n bytes are copied, if there is room for it. If nothing else is copied, there is room
// for any n. If Begin reports true the caller must call End when the handler has returned.
func (h *Handlers) Begin(n int) bool {
	h.mu.Lock()
	ok := h.beginLocked(n)
	h.mu.Unlock()
	return ok
}

func (h *Handlers) beginLocked(n int) bool {
	if h.running >= h.most || h.bytes > 0 && h.bytes+n > h.limit {
		return false
	}
	h.running++
	h.addLocked(n)
	return true
}

func (h *Handlers) addLocked(n int) {
	h.bytes += n
	h.mem.Set(h.budget, h.bytes)
}

// Queue notes that the goroutine that has the turn is about to Await room, for the call with that id or for a Command.
func (h *Handlers) Queue(id uint64) {
	h.mu.Lock()
	h.queued = id
	h.mu.Unlock()
}

// Await is Begin, except that it waits for room. Only the goroutine that has the turn calls it.
func (h *Handlers) Await(n int) {
	h.mu.Lock()
	for !h.beginLocked(n) {
		h.room.Wait()
	}
	h.queued = 0
	h.mu.Unlock()
}

// End notes that a handler has returned for which n bytes were copied.
func (h *Handlers) End(n int) {
	h.mu.Lock()
	h.running--
	h.addLocked(-n)
	h.mu.Unlock()
	h.room.Broadcast()
}

// State returns how many handlers run, and the id that is queued, or 0.
func (h *Handlers) State() (running int, queued uint64) {
	if h == nil {
		return 0, 0
	}
	h.mu.Lock()
	running, queued = h.running, h.queued
	h.mu.Unlock()
	return running, queued
}

// Bytes returns how many bytes were copied for the handlers that run.
func (h *Handlers) Bytes() int {
	if h == nil {
		return 0
	}
	h.mu.Lock()
	n := h.bytes
	h.mu.Unlock()
	return n
}
