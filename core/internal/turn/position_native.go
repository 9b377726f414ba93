//go:build !js

package turn

import "context"

// A place is how far the reader had come when a turn began, and the call that it handles in it, for
// whoever takes that turn over.
type place struct {
	turn     Token  // which has the fields below
	read     int    // bytes of the reader's buffer
	received uint64 // counted frames

	callTurn Token // which handles the call below
	call     uint64
	ctx      context.Context
}

// places are the places of the last two turns. While commands or calls run back to back, the reader keeps its
// position to itself and publishes it here before each turn, in one of two places by the turn's parity: a
// goroutine that takes turn n over looks at place n%2 while the reader, which does not know yet, may write
// the other.
type places [2]place

func (t *Turn) placeOf(tok Token) *place { return &t.places[tok/step%2] }

// Next ends a turn and begins the next with one atomic operation, for a reader which has come to that
// position. It reports false if the reading was taken over, as End does.
func (t *Turn) Next(tok Token, read int, received uint64) (Token, bool) {
	next := tok + step
	p := t.placeOf(next)
	p.turn, p.read, p.received = next, read, received // one by one: a copy of the whole would wait for its parts
	return next, t.word.CompareAndSwap(uint64(tok), uint64(next))
}

// NextCall is Next for a turn in which the call with that id is handled. ctx is its context.
func (t *Turn) NextCall(tok Token, read int, received, id uint64, ctx context.Context) (Token, bool) {
	next := tok + step
	p := t.placeOf(next)
	p.turn, p.read, p.received = next, read, received
	p.callTurn, p.call, p.ctx = next, id, ctx
	return next, t.word.CompareAndSwap(uint64(tok), uint64(next))
}

// Lasts reports whether a turn that NextCall has begun is under way. So it says of a turn that was taken over until its
// goroutine has Popped, at least: who has taken it over sees to it before Copied that nobody asks any more.
func (t *Turn) Lasts(tok Token) bool {
	now := t.Now()
	return now == tok || now == tok.taken()
}

// EndCalls is End after NextCall. It lets go of the contexts.
func (t *Turn) EndCalls(tok Token) bool {
	if !t.End(tok) {
		return false
	}
	t.places[0].ctx, t.places[1].ctx = nil, nil
	return true
}

// Position returns how far the reader had come when a turn began that was taken over, if Next or NextCall
// has begun it: else the reader has noted that itself. The caller has taken the turn over and not called
// Copied yet.
func (t *Turn) Position(tok Token) (read int, received uint64, ok bool) {
	p := t.placeOf(tok)
	return p.read, p.received, p.turn == tok
}

// Call returns the call that is handled in a turn which was taken over, if there is one. The caller is that
// of Position.
func (t *Turn) Call(tok Token) (id uint64, ctx context.Context, ok bool) {
	p := t.placeOf(tok)
	return p.call, p.ctx, p.callTurn == tok
}
