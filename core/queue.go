package core

import (
	"sync"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/wire"
)

// A queue holds what is to be written to one connection, and what was written and may have to
// be once more, in order and bounded in bytes. It is one log of blocks with three marks, so
// that nothing is copied on its way from one state to the next:
//
//	... acknowledged ... | written ... | being written ... | waits ...
//	    let go of        base          written (frames)    taken (frames), next and off
//
// It says whose task writing is: the reader's, which flushes at the end of its batch, or that of
// a writer that is asked for it. Control frames are not data: each has a slot, so that they
// are never dropped and never pile up.
type queue struct {
	limit   int
	pressed atomic.Bool // more than half full, by what this side's handlers may have sent

	// Guarded by mu, as the fields below. What a send looks at comes first: among many connections
	// it is not in the cache.
	batch    bool // the reader will flush when its input runs dry
	flushing bool // somebody is writing
	closed   bool // no more data is let in
	broken   bool // a write failed: nothing can be written any more
	mute     bool // a write failed, and what the peer has sent before is still read; no link then
	vain     bool // nobody will ever get what is put in here
	over     bool // all holders together have too much since something was put in here

	mu      sync.Mutex
	bytes   int          // not written yet, or being written
	log     []*block     // nil where a block was let go of, or dropped
	head    int          // of log, the first that is not let go of
	sent    uint64       // frames that were queued
	mem     budget.Meter // of the blocks in log, counted when a write ends and at mark; see heldLocked
	mark    int          // bytes; more is let in only after mem was counted
	budget  *budget.Budget
	link    *link // where it is written to; nil while there is nothing to write to
	keep    keeper
	expect  int    // bytes that the reader has to handle, so that answers find a block as large
	next    int    // of log, the first that is not all taken to be written
	off     int    // bytes of log[next] that are taken
	part    int32  // frames of log[next] that are taken
	taken   uint64 // of those sent, those that somebody writes or has written over this stream
	written uint64 // of these, those that nobody writes any more
	base    uint64 // frames that came before log[head]
	peak    uint64 // the most that taken was before a resume took it back
	control control
	spares  spareFrames
	slack   int // of the blocks in log that are owned: room beyond their frames, less blockCost for each
	// noticesWait is set when there was no room for a notice, until there is; notices is how many
	// bytes of notices wait.
	noticesWait bool
	notices     int

	room    chan struct{} // closed when there is room again; nil if nobody waits
	drained chan struct{} // closed when nobody writes and nothing waits; nil if nobody waits
	idle    chan struct{} // closed when nobody writes; nil if nobody waits

	size int // bytes of data in vec

	writtenBytes uint64 // over all streams
	trip         tripMeter

	orphans *orphans // nil unless the program wants to know what could not be delivered

	// Owned by whoever set flushing.
	vec    [][]byte
	pack   *block // where small frames are put together
	ctlBuf [64]byte
}

// control holds the control frames that wait: at most one of each, the latest.
type control struct {
	welcome      []byte // goes before everything else
	ping, pong   uint64
	ack, acked   uint64 // to be written, and written last
	missed       uint64
	due          bool // any of the above or below
	pingDue      bool
	pongDue      bool
	ackDue       bool
	missedDue    bool
	goodbye      *wire.Goodbye
	goodbyeAfter bool // it goes behind the data that waits, not in front
}

// admitLocked reports whether n more bytes may wait. A queue that is empty takes any
// frame, since nothing would be gained by refusing one that fits the peer's limit. What is
// kept for a resume makes room: it is better not to be able to go on later than to end now.
func (q *queue) admitLocked(n int) bool {
	if q.bytes > 0 && q.bytes+n > q.limit {
		return false
	}
	q.shrinkLocked(q.limit - q.bytes - n)
	return true
}

// admitSmallLocked is admitLocked for small frames of the library's own, which may go a
// little over the bound: a program that fills its queue to the brim with calls must still be
// able to give one up.
func (q *queue) admitSmallLocked(n int) bool {
	if q.bytes+n > q.limit+q.limit/4+smallBlock {
		return false
	}
	q.shrinkLocked(q.limit - q.bytes - n)
	return true
}

// admitWaiterLocked is admitLocked for those who can wait: they leave half of the queue to
// those who cannot, and wait for acks rather than push out what is kept for a resume. A handler
// must not wait for an ack that is behind more than is read ahead, since that is not read
// before the handler returns: it is unread that says so.
func (q *queue) admitWaiterLocked(n int, unread bool) bool {
	if q.bytes > 0 && q.bytes+n > q.limit/2 {
		return false
	}
	if unread {
		q.shrinkLocked(q.limit - q.bytes - n)
		return true
	}
	if q.keep.bytes == 0 || q.bytes+q.keep.bytes+n <= q.limit {
		return true
	}
	q.askLocked()
	return false
}

// pressLocked notes whether the queue is more than half full.
func (q *queue) pressLocked() {
	if pressed := q.bytes > q.limit/2; pressed != q.pressed.Load() {
		q.pressed.Store(pressed)
	}
}

// wakeLocked says whether the caller, having queued something, must ask for a writer.
func (q *queue) wakeLocked() bool {
	if q.batch || q.flushing || q.link == nil {
		if q.vain {
			q.discardLocked()
		}
		return false
	}
	q.flushing = true
	return true
}

// pendingLocked reports whether there is anything to write.
func (q *queue) pendingLocked() bool {
	return q.bytes > q.size || q.control.due
}

// open lets those who wait for room look whether they still must.
func (q *queue) open() {
	q.mu.Lock()
	q.openLocked()
	q.mu.Unlock()
}

// openLocked wakes those who wait for room.
func (q *queue) openLocked() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

// discardLocked forgets the data that nobody has taken yet, and what is kept.
func (q *queue) discardLocked() {
	q.forgetWaitingLocked()
	q.stopKeepingLocked()
	q.pressLocked()
}

// closeLocked lets no more data in and wakes those who wait for room.
func (q *queue) closeLocked() {
	q.closed = true
	if q.orphans == nil || q.orphans.known {
		q.stopKeepingLocked()
	}
	q.openLocked()
}

// idleLocked notes that nobody writes any more.
func (q *queue) idleLocked() {
	q.flushing = false
	if q.drained != nil {
		close(q.drained)
		q.drained = nil
	}
	if q.idle != nil {
		close(q.idle)
		q.idle = nil
	}
	q.shortenLocked()
}

// stopLocked notes that a write has failed.
func (q *queue) stopLocked() {
	q.broken = true
	q.collectLocked()
	q.discardLocked()
	q.idleLocked()
}

// drainLocked returns a channel that is closed once all that waits has been written or
// cannot be.
func (q *queue) drainLocked() <-chan struct{} {
	ch := make(chan struct{})
	if !q.flushing && (q.broken || q.link == nil || !q.pendingLocked()) {
		close(ch)
		return ch
	}
	q.drained = ch
	return ch
}

// appendTo appends the control frames that are due and marks them sent. A goodbye that
// goes behind the data stays until last says that no data is left.
func (c *control) appendTo(dst []byte, last bool) []byte {
	if c.ackDue { // before the pong, which may answer one who waits for it
		dst = wire.AppendAck(dst, c.ack)
		c.acked, c.ackDue = c.ack, false
	}
	if c.pingDue {
		dst = wire.AppendPing(dst, c.ping)
		c.pingDue = false
	}
	if c.pongDue {
		dst = wire.AppendPong(dst, c.pong)
		c.pongDue = false
	}
	if c.missedDue {
		dst = wire.AppendMissed(dst, c.missed)
		c.missedDue = false
	}
	if c.goodbye != nil && (last || !c.goodbyeAfter) {
		dst = wire.AppendGoodbye(dst, *c.goodbye)
		c.goodbye = nil
	}
	c.due = c.goodbye != nil
	return dst
}
