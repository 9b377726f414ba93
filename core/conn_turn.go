package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/internal/turn"
	"github.com/hisock/hisock/core/wire"
)

// jobCost is how many bytes a frame that waits weighs beside its own.
const jobCost = turn.JobCost

// beginTurn says that the reading goroutine begins something that may take long.
func (c *Conn) beginTurn(state turn.Token) turn.Token {
	tok := c.turn.Begin(state)
	c.eng.sweep.busy(c) // after the turn has begun; see lookAtActive
	return tok
}

// handOver takes the reading away from the goroutine that is in the given turn, if it still
// is, and gives it to a new one.
func (c *Conn) handOver(tok turn.Token) {
	if !c.turn.TakeOver(tok) {
		return
	}
	// The slow goroutine cannot get past AwaitCopy, so that its reader is still there to be
	// copied and the count of goroutines is not yet down.
	c.life.enter(1)
	if hasCommands {
		c.takeOver(tok)
	}
	rd := c.rd.fork()
	c.rd = rd
	c.turn.Copied()

	c.endBatch()
	go c.read(rd)
}

// endBatch gives the frames that wait to a writer, since the reader will not flush them soon.
func (c *Conn) endBatch() {
	c.out.Release(true)
}

// yield hands the reading of c over if its reader runs a handler. The handler is about to wait, perhaps for
// something that only reading can bring. c may be nil.
func yield(c *Conn) {
	if c == nil {
		return
	}
	if tok := c.turn.Now(); tok.State() == turn.Handling {
		c.handOver(tok)
	}
}

// beginAsking says that whoever has ctx is about to wait for c's peer. If a handler of c has it, endAsking
// follows.
func (c *Conn) beginAsking(ctx context.Context) (own bool) {
	h := handlerConn(ctx)
	if own = h == c; own {
		c.progress.asking.Add(1)
	}
	yield(h)
	return own
}

func (c *Conn) endAsking() { c.progress.asking.Add(-1) }

// leaveReading runs what waits in the inbox. The caller has lost the reading while it was busy.
func (c *Conn) leaveReading(rd *reader) {
	c.turn.AwaitCopy()
	rd.release()
	c.runInbox()
}

// push lets a copy of the frame wait if another goroutine runs handlers. It reports false if none
// does: then the caller must run the frame itself. A frame has not been received if its link breaks
// off before there is room.
func (c *Conn) push(rd *reader, f wire.Frame) bool {
	put := c.turn.Push(f)
	for put == turn.Full {
		if !c.awaitInbox(rd, len(f.Body)) {
			return true
		}
		put = c.turn.Push(f)
	}
	switch put {
	case turn.Yours:
		return false
	case turn.Stored:
		c.leaveToUpdate()
	}
	if hasStandstill && f.Kind.Answered() && c.waits.Len() > 0 {
		c.eng.sweep.busy(c)
	}
	return true
}

// leaveToUpdate leaves one of the jobs in the inbox to Update, if dispatch is manual.
func (c *Conn) leaveToUpdate() {
	if hasManual && c.eng.manual != nil {
		c.eng.manual.add(task{c: c})
	}
}

// awaitInbox waits until the inbox has room for a frame of n bytes, if another goroutine runs
// handlers. The room is the caller's, since nobody else puts frames there. It reports false if the
// link breaks off before: then the frame has not been received.
func (c *Conn) awaitInbox(rd *reader, n int) bool {
	if c.inboxRoom(rd, n) {
		return true
	}
	c.unreceive(rd)
	return false
}

// inboxRoom is awaitInbox without a frame that could be received or not.
func (c *Conn) inboxRoom(rd *reader, n int) bool {
	for {
		ticket, full := c.turn.IsFull(n)
		if !full {
			return true
		}
		if rd.link.State() == session.Lost {
			return false
		}
		c.progress.awaitsRoom.Store(true)
		c.out.Nudge() // a handler may wait for an ack, which will not be read now
		c.turn.AwaitRoom(n, ticket)
		c.stall()
		c.progress.awaitsRoom.Store(false)
	}
}

// runInbox runs the jobs of the inbox, in order, until none waits.
func (c *Conn) runInbox() {
	for {
		c.awaitRelief()
		j, ok := c.turn.Pop()
		if !ok {
			return
		}
		c.runJob(j)
	}
}

// awaitRelief waits until the queue is no more than half full, so that handlers which send
// something for everything they get do not end their own connection.
func (c *Conn) awaitRelief() {
	for room := c.out.Relief(); room != nil; room = c.out.Relief() {
		<-room
	}
}

func (c *Conn) runJob(j turn.Job) {
	switch {
	case j.Barrier != nil:
		c.passBarrier(j.Barrier)
	case !j.Canceled:
		c.runFrame(wire.Frame{Kind: j.Kind, Body: j.Body}, nil)
	}
}

// isQuiet reports whether no handler of the connection runs and none waits for its turn.
// The turn is asked first: it can leave handlers that run beside it.
func (c *Conn) isQuiet() bool {
	if !c.turn.Quiet() {
		return false
	}
	running, _ := c.beside.State()
	return running == 0
}
