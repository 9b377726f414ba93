// Package turn decides who reads a connection, and holds what waits for a handler.
//
// Reading a connection and running its handlers is one goroutine's work as long as handlers are quick,
// since handing each frame to another goroutine would cost more than most handlers do. When one is slow,
// the reading is taken away from its goroutine, and a new one reads:
//
//	Reading   the goroutine reads or parses; nobody may take over
//	Handling  it runs a handler      \  the sweeper, or the handler itself when it is
//	Flushing  it writes its batch    /  about to wait, may take the reading away
//	Handed    another goroutine reads; the first, when its handler returns, runs the jobs that
//	          wait by then and ends, and handlers are the reader's again
//
// A Turn makes sure that exactly one goroutine reads, that jobs run in order, and that a call which was given up does
// not run. It has one lock, which nobody outside sees and under which nothing is called. A goroutine
// that holds it takes no other lock.
package turn

import (
	"sync"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// A Token identifies a turn: a sequence number, which changes with each turn, above the bits of its state. So
// a long turn can be told from many short ones.
type Token uint64

const (
	Reading Token = iota // zero, so that clearing the state sets it
	Handling
	Flushing
	Handed

	mask = 3
	step = 4
)

// State is one of the four states.
func (tok Token) State() Token { return tok & mask }

// Next is the turn that [Turn.Next] begins after tok.
func (tok Token) Next() Token { return tok + step }

// taken returns the token after turn tok has been taken over. The number grows, since the slow goroutine may have
// published its place for the turn after tok.
func (tok Token) taken() Token { return tok&^mask + step | Handed }

// A Turn is for one connection. Init comes before everything else.
type Turn struct {
	word atomic.Uint64 // the Token of this moment

	places places // the reader's positions; see position_native.go

	drop atomic.Bool // no job runs any more; set with mu held

	mu      lock.Mutex[lock.Turn] // guards the fields below
	changed sync.Cond             // there may be room, or copying is over
	wakes   int                   // calls of Wake
	copying bool                  // the bytes that were read are being copied for the next reader
	writing bool                  // the reading was taken from a goroutine that writes, and has not popped since
	over    bool                  // the connection has ended: nobody waits for room
	manual  bool                  // handlers are never the reader's; it does not change
	held    bool                  // with manual dispatch: the program's loop may not pop jobs yet
	barred  bool                  // the job that was popped last is a barrier

	inbox
	rawBox
}

// Init sets the number of bytes that may wait, and the budget that counts them. With manual dispatch
// the reading is handed over for good, and jobs are held back until Free.
func (t *Turn) Init(limit int, of *budget.Budget, manual bool) {
	t.limit, t.budget = limit, of
	t.changed.L = &t.mu
	if manual {
		t.manual, t.held = true, true
		t.word.Store(uint64(Handed))
	}
}

// Now returns the Token of this moment.
func (t *Turn) Now() Token { return Token(t.word.Load()) }

// Handed reports whether another goroutine than the reader runs handlers.
func (t *Turn) Handed() bool { return t.word.Load()&mask == uint64(Handed) }

// Begin begins a turn of the reader, which runs handlers itself. The state is Handling or Flushing.
func (t *Turn) Begin(state Token) Token {
	tok := Token(t.word.Load()&^mask) + step + state
	t.word.Store(uint64(tok))
	return tok
}

// End ends a turn. It reports false if the reading was taken over: then the caller reads no more, and must
// Pop until no job waits. It must call AwaitCopy before it lets go of the bytes that it has read.
func (t *Turn) End(tok Token) bool {
	return t.word.CompareAndSwap(uint64(tok), uint64(tok&^mask))
}

// TakeOver takes the reading away from the goroutine that is in the given turn, and reports false if that turn is over.
// If it reports true, the caller must copy the bytes that the goroutine has read and not parsed, call Copied, and start
// the next reader. The goroutine waits for Copied in AwaitCopy.
func (t *Turn) TakeOver(tok Token) bool {
	state := tok.State()
	if state == Reading || state == Handed {
		return false
	}
	t.mu.Lock()
	taken := t.word.CompareAndSwap(uint64(tok), uint64(tok.taken()))
	if taken {
		t.copying, t.writing = true, state == Flushing
	}
	t.mu.Unlock()
	return taken
}

// Copied ends the copying that TakeOver has begun.
func (t *Turn) Copied() {
	t.mu.Lock()
	t.copying = false
	t.mu.Unlock()
	t.changed.Broadcast()
}

// AwaitCopy waits until nobody copies the bytes that the caller has read.
func (t *Turn) AwaitCopy() {
	t.mu.Lock()
	for t.copying {
		t.changed.Wait()
	}
	t.mu.Unlock()
}

// Quiet reports whether no handler has the turn and no job waits for it. With manual dispatch the
// program's loop has the turn only while it runs a job.
func (t *Turn) Quiet() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.drop.Load() && t.head < len(t.jobs) {
		return false
	}
	switch t.Now().State() {
	case Handling:
		return false
	case Handed:
		return t.writing || t.manual
	}
	return true
}

// Free lets the program's loop pop the jobs that manual dispatch has held back, and returns their number. For each later
// job Push returns Stored, and its caller must make the program's loop pop it.
func (t *Turn) Free() (waiting int) {
	t.mu.Lock()
	t.held = false
	waiting = len(t.jobs) - t.head
	t.mu.Unlock()
	return waiting
}

// Close keeps a reader from waiting for room. If drop is set, no job runs any more, and none is stored.
func (t *Turn) Close(drop bool) {
	t.mu.Lock()
	t.over = true
	if drop {
		t.drop.Store(true)
		t.emptyLocked() // a handler may not return for long
	}
	t.mu.Unlock()
	t.changed.Broadcast()
}

// Drops reports whether no job runs any more, since this side has ended the connection.
func (t *Turn) Drops() bool { return t.drop.Load() }

// Park appends to dst the frames that wait, for a detached session. No job runs, and no raw message is received, any
// more. last is the id of the call that was popped last, or 0 if the job that was popped last is none.
func (t *Turn) Park(dst []byte) (frames []byte, last uint64) {
	t.mu.Lock()
	t.drop.Store(true)
	for _, payload := range t.kept {
		dst = wire.AppendRaw(dst, payload)
	}
	t.kept, t.size = nil, 0
	for _, j := range t.jobs[t.head:] {
		if !j.Canceled && j.Barrier == nil {
			dst = wire.AppendFrame(dst, j.Kind, j.Body)
		}
	}
	last = t.poppedID
	t.mu.Unlock()
	return dst, last
}
