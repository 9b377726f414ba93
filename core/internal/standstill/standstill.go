// Package standstill finds calls that wait for each other. Each end of a connection knows which of its
// handlers wait for the other end, and which calls of the other end wait for these handlers. What one
// end knows does not tell a deadlock from an answer that takes long: so an end claims what it knows,
// in a frame, and the other end judges by what it knows itself.
package standstill

import (
	"sync"

	"github.com/hisock/hisock/core/wire"
)

// A Wait is a handler that waits for the answer to a call.
type Wait struct {
	Call   uint64 // this end's call
	Serves uint64 // the other end's call that the handler answers; 0 if it answers none
	Beside any    // says which handler it is if that runs beside others; nil if it has the turn
}

// A Table holds the waits of a connection. Its zero value is empty. All methods are safe for concurrent
// use.
type Table struct {
	mu    sync.Mutex
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

// Len is how many waits there are.
func (t *Table) Len() int {
	t.mu.Lock()
	n := len(t.waits)
	t.mu.Unlock()
	return n
}

// Waits returns those whose calls open says are not answered. No lock is held while open runs.
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

// A Turn says who has the turn of a connection: those behind wait for it.
type Turn uint8

const (
	Unknown Turn = iota // nobody, or it cannot be said
	Held                // a handler, or a hook of the program
	Queues              // who waits until one of those returns that run beside
)

// A State is how the handlers of a connection stand.
type State struct {
	Waits  []Wait
	Turn   Turn
	Beside int      // handlers that run beside
	Kept   []uint64 // calls of the other end that wait for the turn
}

// Claim returns what the other end is to be told, or nil if the calls that wait here have more to wait for
// than the other end.
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

// Judge returns the call of this end that is to fail, by what the other end claims.
func (s *State) Judge(c *wire.Standstill) (call uint64, ok bool) {
	if len(s.Waits) == 0 || len(c.For) == 0 || len(c.Kept) == 0 {
		return 0, false
	}
	kept := make(map[uint64]struct{}, len(c.Kept))
	for _, k := range c.Kept {
		kept[k] = struct{}{}
	}
	isKept := func(call uint64) bool { _, ok := kept[call]; return ok }
	here := s.sorted()
	for _, id := range c.For[:c.Turn] {
		calls, every := here.before(id)
		n := 0
		for _, call := range calls {
			if isKept(call) {
				n++
			}
		}
		if n > 0 && (!every || n == len(calls)) {
			return latest(calls, isKept)
		}
	}
	if !c.All {
		return 0, false
	}
	for _, id := range c.For {
		if calls, _ := here.before(id); len(calls) == 0 {
			return 0, false
		}
	}
	return latest(append(s.calls(false), s.calls(true)...), isKept)
}

// An order is a State that is looked up by the calls of the other end.
type order struct {
	serving map[uint64][]uint64 // the calls that the handler of each waits for
	kept    map[uint64]struct{}
	behind  []uint64 // what those in kept wait for
	every   bool     // it is enough that one of behind is answered
}

func (s *State) sorted() *order {
	o := &order{serving: make(map[uint64][]uint64), kept: make(map[uint64]struct{}, len(s.Kept))}
	for _, w := range s.Waits {
		if w.Serves != 0 {
			o.serving[w.Serves] = append(o.serving[w.Serves], w.Call)
		}
	}
	for _, id := range s.Kept {
		o.kept[id] = struct{}{}
	}
	switch {
	case s.Turn == Held:
		o.behind = s.calls(false)
	case s.Turn == Queues && s.allWait():
		o.behind, o.every = s.calls(true), true
	}
	return o
}

// before returns the calls of this end that must be answered before a call of the other end is, none if that
// cannot be said. If every is true it is enough that one of them is answered.
func (o *order) before(id uint64) (calls []uint64, every bool) {
	if calls = o.serving[id]; len(calls) > 0 {
		return calls, false
	}
	if _, ok := o.kept[id]; ok {
		return o.behind, o.every
	}
	return nil, false
}

// allWait reports whether all handlers that run beside wait. One may wait for several calls.
func (s *State) allWait() bool {
	waiting := make(map[any]struct{})
	for _, w := range s.Waits {
		if w.Beside != nil {
			waiting[w.Beside] = struct{}{}
		}
	}
	return len(waiting) == s.Beside
}

// calls returns the calls of those who wait beside, or of who has the turn.
func (s *State) calls(beside bool) (calls []uint64) {
	for _, w := range s.Waits {
		if (w.Beside != nil) == beside {
			calls = append(calls, w.Call)
		}
	}
	return calls
}

func latest(calls []uint64, isKept func(uint64) bool) (call uint64, ok bool) {
	for _, c := range calls {
		if isKept(c) && c >= call {
			call, ok = c, true
		}
	}
	return call, ok
}
