// Package standstill finds calls that wait for each other. Each end of a connection knows which of its
// handlers wait for the other end, and which calls of the other end wait for these handlers. From this alone an
// end cannot tell a deadlock from an answer that takes long. So it sends what it knows in a frame, a claim,
// and the other end judges the claim by what it knows itself.
package standstill

import (
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// A Wait is a handler that waits for the answer to a call.
type Wait struct {
	Call   uint64 // this end's call
	Serves uint64 // the other end's call that the handler answers; 0 if it answers none
	Beside any    // identifies a handler that runs beside the turn; nil for the handler that has the turn
}

// A Table holds the waits of a connection. Its zero value is empty. All methods are safe for concurrent
// use.
type Table struct {
	mu    lock.Mutex[lock.Standstill]
	waits []Wait
}

// Begin adds a wait, before its call is sent.
func (t *Table) Begin(w Wait) {
	t.mu.Lock()
	t.waits = append(t.waits, w)
	t.mu.Unlock()
}

// End removes the wait for a call.
func (t *Table) End(call uint64) {
	t.mu.Lock()
	for i := range t.waits {
		if t.waits[i].Call == call {
			last := len(t.waits) - 1
			t.waits[i] = t.waits[last]
			t.waits = t.waits[:last]
			break
		}
	}
	t.mu.Unlock()
}

// Len returns the number of waits.
func (t *Table) Len() int {
	t.mu.Lock()
	n := len(t.waits)
	t.mu.Unlock()
	return n
}

// Waits returns the waits for calls for which open reports true, since they are not answered yet. No lock is held while
// open runs.
func (t *Table) Waits(open func(call uint64) bool) (waits []Wait) {
	t.mu.Lock()
	waits = append(waits, t.waits...)
	t.mu.Unlock()
	kept := waits[:0]
	for _, w := range waits {
		if open(w.Call) {
			kept = append(kept, w)
		}
	}
	return kept
}

// A Turn says who has the turn of a connection, for which other frames wait.
type Turn uint8

const (
	Unknown Turn = iota // nobody, or it is not known who
	Held                // a handler, or a hook of the program
	Queues              // a goroutine that waits until a handler returns that runs beside the turn
)

// A State says which handlers of a connection wait for what.
type State struct {
	Waits  []Wait
	Turn   Turn
	Beside int      // handlers that run beside the turn
	Kept   []uint64 // calls of the other end that wait for the turn
}

// Claim returns the claim for the other end, or nil if the calls that wait here do not wait for the other end alone.
func (s *State) Claim() *wire.Standstill {
	turn, beside := s.calls(false), s.calls(true)
	all := s.allWait()
	switch {
	case len(s.Kept) == 0:
	case s.Turn == Held && len(turn) > 0:
		c := &wire.Standstill{Turn: len(turn), For: turn, Kept: s.Kept, All: all}
		if all {
			c.For = append(c.For, beside...)
		}
		return c
	case s.Turn == Queues && all && s.Beside > 0:
		return &wire.Standstill{For: beside, Kept: s.Kept, All: true}
	}
	return nil
}

// Judge judges a claim of the other end, and returns the call of this end that must fail. It reports false if none must.
func (s *State) Judge(c *wire.Standstill) (call uint64, ok bool) {
	if len(s.Waits) == 0 || len(c.For) == 0 || len(c.Kept) == 0 {
		return 0, false
	}
	stuck := 0
	for i, id := range c.For {
		calls, every := s.before(id)
		if len(calls) > 0 {
			stuck++
		}
		if i >= c.Turn {
			continue
		}
		if call, n := latest(calls, c.Kept); n > 0 && (!every || n == len(calls)) {
			return call, true
		}
	}
	if !c.All || stuck < len(c.For) {
		return 0, false
	}
	call, n := latest(append(s.calls(false), s.calls(true)...), c.Kept)
	return call, n > 0
}

// before returns the calls of this end that must be answered before the call id of the other end is answered, or none if
// that is not known. If every is true, the answer to any one of them is enough.
func (s *State) before(id uint64) (calls []uint64, every bool) {
	for _, w := range s.Waits {
		if w.Serves == id && id != 0 {
			calls = append(calls, w.Call)
		}
	}
	if len(calls) > 0 || !has(s.Kept, id) {
		return calls, false
	}
	switch {
	case s.Turn == Held:
		return s.calls(false), false
	case s.Turn == Queues && s.allWait():
		return s.calls(true), true
	}
	return nil, false
}

// allWait reports whether all handlers that run beside the turn wait. A handler may wait for several calls.
func (s *State) allWait() bool {
	n := 0
	for i, w := range s.Waits {
		first := w.Beside != nil
		for _, other := range s.Waits[:i] {
			first = first && other.Beside != w.Beside
		}
		if first {
			n++
		}
	}
	return n == s.Beside
}

// calls returns the calls for which handlers wait that run beside the turn, or, without beside, the handler that has it.
func (s *State) calls(beside bool) (calls []uint64) {
	for _, w := range s.Waits {
		if (w.Beside != nil) == beside {
			calls = append(calls, w.Call)
		}
	}
	return calls
}

// latest returns the latest of the calls that are in kept, and how many of them are.
func latest(calls, kept []uint64) (call uint64, n int) {
	for _, c := range calls {
		if has(kept, c) {
			call, n = max(call, c), n+1
		}
	}
	return call, n
}

func has(ids []uint64, id uint64) bool {
	for _, other := range ids {
		if other == id {
			return true
		}
	}
	return false
}
