package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/beside"
	"github.com/hisock/hisock/core/internal/moment"
	"github.com/hisock/hisock/core/internal/standstill"
	"github.com/hisock/hisock/core/wire"
)

// How calls that wait for each other are found (package standstill says what an end may conclude):
//
//	ask              notes that a handler waits for the answer to its call
//	sweeper          looks at a connection where a call of the peer waits for such a handler, in the next
//	                 tick and then from time to time, and sends the peer a claim
//	gotStandstill    the peer judges the claim: its own call that waits here fails if nothing else can
//	                 end the wait
//
// Only the handler's own context, or the context of its connection, tells that a handler makes the call.

// maxKept is the greatest number of calls that a claim names. If more wait, it names the latest.
const maxKept = wire.MaxStandstill

// judgeTime is the least time between two claims that are judged. Other claims are ignored: a peer that sends many claims
// makes this end search its inbox no more often than that. A true claim is sent again.
const judgeTime = time.Millisecond

// A besideContext is the context of a concurrent handler that runs beside its connection's turn. When that handler waits,
// the reading need not be handed over.
type besideContext struct {
	context.Context
	conn   *Conn
	serves uint64 // the id of the call that the handler answers, 0 for none
}

// besideOf returns the context of a handler that runs beside its connection's turn. serves is the id of the call that it
// answers, 0 for none.
func (c *Conn) besideOf(ctx context.Context, serves uint64) context.Context {
	if !hasStandstill {
		return ctx
	}
	return &besideContext{ctx, c, serves}
}

func (b *besideContext) Value(key any) any {
	if key == (connKey{}) {
		return b
	}
	return b.Context.Value(key)
}

// waitOf returns how a handler waits for the answer to a call of c. It reports false unless ctx is the context of a
// handler that keeps frames of c waiting meanwhile.
func (c *Conn) waitOf(ctx context.Context, call uint64) (w standstill.Wait, ok bool) {
	w.Call = call
	switch of := ctx.Value(connKey{}).(type) {
	case *besideContext:
		if of.conn != c {
			return w, false
		}
		w.Serves, w.Beside = of.serves, of
	case *Conn:
		switch {
		case of == c:
			yield(c) // puts the call that the handler answers into the table
			w.Serves = c.serving.inTurn()
		case c.eng.manual == nil || of.eng != c.eng: // with manual dispatch any handler keeps all waiting
			return w, false
		}
	default:
		return w, false
	}
	return w, true
}

// standing returns which handlers of the connection wait for what at this moment.
func (c *Conn) standing() *standstill.State {
	s := &standstill.State{Waits: c.waits.Waits(c.calls.isOpen)}
	s.Beside, _ = c.beside.State()
	var barred bool
	s.Kept, barred = c.turn.Standing(maxKept)
	switch _, queued := c.beside.State(); {
	case queued != 0:
		s.Turn = standstill.Queues
		if queued != beside.Command {
			s.Kept = append(s.Kept, queued)
		}
	case !c.turn.Handed():
	case c.eng.manual != nil || barred == c.events.Busy():
		s.Turn = standstill.Held
	} // else an event runs beside a handler, and it cannot be said which of them waits
	return s
}

// checkStandstill sends the peer a claim if its calls wait for handlers that wait for the peer. The sweeper calls it, with
// no lock held.
func (c *Conn) checkStandstill() {
	if !hasStandstill || c.waits.Len() == 0 || c.isEnded() {
		return
	}
	if claim := c.standing().Claim(); claim != nil && len(claim.For) <= wire.MaxStandstill && len(claim.Kept) <= wire.MaxStandstill {
		if frame := wire.AppendStandstill(nil, claim); c.fits(len(frame)) == nil {
			c.sendOwn(frame) //nolint:errcheck // then it is over anyway
		}
	}
}

// gotStandstill judges a claim of the peer, and fails a call of this end that can never be answered.
func (c *Conn) gotStandstill(body []byte) error {
	if !hasStandstill {
		return nil
	}
	claim, err := wire.ParseStandstill(body)
	if err != nil || c.waits.Len() == 0 || c.judged != 0 && c.judged.Since() < judgeTime {
		return err
	}
	c.judged = moment.Now()
	id, ok := c.standing().Judge(claim)
	if !ok {
		return nil
	}
	w := c.calls.take(id)
	if w == nil {
		return nil // it has been given up at this moment
	}
	w.err = errDeadlock
	w.ready <- struct{}{}
	c.sendOwn(wire.AppendCancel(nil, id)) //nolint:errcheck // then it is over anyway
	return nil
}

var errDeadlock = &Error{Code: CodeDeadlock, Message: "the call waits for a handler that waits for this end: make the handlers concurrent"}
