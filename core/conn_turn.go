package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/internal/turn"
	"github.com/hisock/hisock/core/wire"
)

// jobCost is how much a frame that waits counts beside its own bytes, in bytes.
const jobCost = turn.JobCost

// beginTurn begins a turn of the reading goroutine, for something that may take long.
func (c *Conn) beginTurn(state turn.Token) turn.Token {
	tok := c.turn.Begin(state)
	c.eng.sweep.busy(c) // after the turn has begun; see lookAtActive
	return tok
}

// handOver takes the reading away from the goroutine that is in the turn tok, and gives it to a new goroutine. It does
// nothing if that turn is over.
func (c *Conn) handOver(tok turn.Token) {
	if !c.turn.TakeOver(tok) {
		return
	}
	// The slow goroutine waits in AwaitCopy when its turn ends. So its reader can be copied here, and it still
	// counts as running.
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

// endBatch leaves the frames that are queued to a writer, since the reader will not flush them soon.
func (c *Conn) endBatch() {
	c.out.Release(true)
}

// yield hands the reading of c over if its reader runs a handler. The handler is about to wait, perhaps for
// a frame that has yet to be read. c may be nil.
func yield(c *Conn) {
	if c == nil {
		return
	}
	if tok := c.turn.Now(); tok.State() == turn.Handling {
		c.handOver(tok)
	}
}

// beginAsking notes that a caller is about to wait for c's peer. If ctx belongs to a handler of c, it reports true, and
// the caller must call endAsking afterwards.
func (c *Conn) beginAsking(ctx context.Context) (own bool) {
	h := handlerConn(ctx)
	if own = h == c; own {
		c.progress.asking.Add(1)
	}
	yield(h)
	return own
}

func (c *Conn) endAsking() { c.progress.asking.Add(-1) }

// leaveReading runs the jobs in the inbox. The caller has lost the reading while it was busy.
func (c *Conn) leaveReading(rd *reader) {
	c.turn.AwaitCopy()
	rd.release()
	c.runInbox()
}

// push puts a copy of the frame into the inbox if another goroutine runs handlers. It reports false if no goroutine
// does: then the caller must run the frame itself. If the link breaks off before there is room, the frame counts as not
// received.
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
// handlers. The room stays, since only the caller puts frames into the inbox. It reports false if the
// link breaks off first: then the frame counts as not received.
func (c *Conn) awaitInbox(rd *reader, n int) bool {
	if c.inboxRoom(rd, n) {
		return true
	}
	c.unreceive(rd)
	return false
}

// inboxRoom is awaitInbox, except that it does not uncount a frame.
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
		c.giveUpMute()
		c.out.Nudge() // senders that wait for an ack try again: no ack is read now
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

// awaitRelief waits until the queue is at most half full, so that handlers which send
// a frame for each frame that they get do not end their own connection.
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

// isQuiet reports whether no handler of the connection runs, no frame waits for its turn, and no stream is open.
// The turn is asked first, since a turn may start handlers that run on beside it when it ends.
func (c *Conn) isQuiet() bool {
	if !c.turn.Quiet() {
		return false
	}
	running, _ := c.beside.State()
	return running == 0 && (browser || c.streamsOpen() == 0) // a page is never asked
}
