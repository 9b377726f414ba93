//go:build !js

package turn

import "context"

// A place has the position of the reader at the beginning of a turn, and the call that is handled in the turn. It is
// for the goroutine that takes the turn over.
type place struct {
	turn     Token  // the turn of the two fields below
	read     int    // index in the reader's buffer, in bytes
	received uint64 // number of counted frames

	callTurn Token  // the turn of the two fields below
	call     uint64 // id of the call
	ctx      context.Context
}

// places has the places of the last two turns. While commands or calls run back to back, the reader publishes its
// position here before each turn, in one of two places by the turn's parity. A goroutine that takes turn n over reads
// place n%2. The reader, which does not know that yet, may write the other place at the same time.
type places [2]place

func (t *Turn) placeOf(tok Token) *place { return &t.places[tok/step%2] }

// Next ends a turn and begins the next turn with one atomic operation. read and received are the reader's position at the
// beginning of the next turn. Like End, Next reports false if the reading was taken over.
func (t *Turn) Next(tok Token, read int, received uint64) (Token, bool) {
	next := tok + step
	p := t.placeOf(next)
	p.turn, p.read, p.received = next, read, received // field by field: copying a place as a whole is slower
	return next, t.word.CompareAndSwap(uint64(tok), uint64(next))
}

// NextCall is Next for a turn in which the call with that id is handled. ctx is the context of the call.
func (t *Turn) NextCall(tok Token, read int, received, id uint64, ctx context.Context) (Token, bool) {
	next := tok + step
	p := t.placeOf(next)
	p.turn, p.read, p.received = next, read, received
	p.callTurn, p.call, p.ctx = next, id, ctx
	return next, t.word.CompareAndSwap(uint64(tok), uint64(next))
}

// Lasts reports whether a turn that NextCall has begun is not over. For a turn that was taken over it reports true at
// least until the turn's goroutine calls Pop. So the goroutine that has taken the turn over must make sure, before it
// calls Copied, that nobody calls Lasts for the turn any more.
func (t *Turn) Lasts(tok Token) bool {
	now := t.Now()
	return now == tok || now == tok.taken()
}

// EndCalls is End for turns that NextCall has begun. It forgets the contexts if the turn ends.
func (t *Turn) EndCalls(tok Token) bool {
	if !t.End(tok) {
		return false
	}
	t.places[0].ctx, t.places[1].ctx = nil, nil
	return true
}

// Position returns the position of the reader at the beginning of a turn that was taken over. If Begin has begun the
// turn, ok is false: then the reader has noted its position itself. The caller has taken the turn over and has not
// called Copied yet.
func (t *Turn) Position(tok Token) (read int, received uint64, ok bool) {
	p := t.placeOf(tok)
	return p.read, p.received, p.turn == tok
}

// Call returns the call that is handled in a turn that was taken over, if there is one. As with Position, the caller
// has not called Copied yet.
func (t *Turn) Call(tok Token) (id uint64, ctx context.Context, ok bool) {
	p := t.placeOf(tok)
	return p.call, p.ctx, p.callTurn == tok
}
