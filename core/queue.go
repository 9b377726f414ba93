package core

import (
	"sync"
	"sync/atomic"

	"github.com/hisock/hisock/core/wire"
)

// maxWrite is how many bytes one write takes from a queue: enough to carry many
// frames, little enough that a slow peer shows progress.
const maxWrite = 128 << 10

// copyBelow is the size under which a frame that several queues share is copied to its
// neighbours rather than handed to the medium as a slice of its own, unless it
// is the first that waits.
const copyBelow = 4 << 10

// A segment is one piece of output, of whole frames: part of a block that only this queue
// has, or a frame that it shares with other queues and never changes.
type segment struct {
	b      []byte
	frames int32
	owned  bool // b is the start of a borrowed block
	spare  bool // it may be dropped while it waits
}

func (s segment) release() {
	if s.owned {
		putBlock(s.b)
	}
}

// A queue holds what waits to be written to one connection, in order and bounded
// in bytes, and says whose task writing it is: the reader's, which flushes at the end of
// its batch, or that of a writer which is started for it. Control frames are
// not data: each has a slot, so that they are never dropped and never pile up.
type queue struct {
	limit   int
	pressed atomic.Bool // more than half full, by what this side's handlers may have sent

	mu       sync.Mutex // guards the fields below
	link     *link      // where it is written to; nil while there is nothing to write to
	keep     keeper     // what was written and may have to be once more
	spares   spareFrames
	waiting  []segment // not yet taken by whoever writes
	bytes    int       // in waiting and in writing together
	sent     uint64    // frames that were queued
	taken    uint64    // of these, those that somebody writes or has written: all that the peer can have
	control  control
	batch    bool          // the reader will flush when its input runs dry
	flushing bool          // somebody is writing
	closed   bool          // no more data is let in
	broken   bool          // a write failed: nothing can be written any more
	room     chan struct{} // closed when there is room again; nil if nobody waits
	drained  chan struct{} // closed when nobody writes and nothing waits; nil if nobody waits
	idle     chan struct{} // closed when nobody writes; nil if nobody waits

	// Owned by whoever set flushing.
	writing []segment
	vec     [][]byte
	ctlBuf  [64]byte
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
	q.keep.shrink(q.limit - q.bytes - n)
	return true
}

// admitSmallLocked is admitLocked for small frames of the library's own, which may go a
// little over the bound: a program that fills its queue to the brim with calls must still be
// able to give one up.
func (q *queue) admitSmallLocked(n int) bool {
	if q.bytes+n > q.limit+q.limit/4+smallBlock {
		return false
	}
	q.keep.shrink(q.limit - q.bytes - n)
	return true
}

// admitWaiterLocked is admitLocked for those who can wait: they leave half of the queue to
// those who cannot, and wait for acks rather than push out what is kept for a resume.
func (q *queue) admitWaiterLocked(n int) bool {
	if q.bytes > 0 && q.bytes+n > q.limit/2 {
		return false
	}
	if q.keep.bytes == 0 || q.bytes+q.keep.bytes+n <= q.limit {
		return true
	}
	q.askLocked()
	return false
}

// spaceLocked returns a slice with room for n more bytes at its end; commitLocked
// takes it back with the frame appended.
func (q *queue) spaceLocked(n int) []byte {
	if last := len(q.waiting) - 1; last >= 0 {
		if s := &q.waiting[last]; s.owned && cap(s.b)-len(s.b) >= n {
			return s.b
		}
	}
	least := n
	if last := len(q.waiting) - 1; last >= 0 && q.waiting[last].owned {
		least = max(n, smallBlock+1) // one block is full: more is likely to come
	}
	b := getBlock(least)[:0]
	q.waiting = append(q.waiting, segment{b: b, owned: true})
	return b
}

func (q *queue) commitLocked(b []byte) {
	s := &q.waiting[len(q.waiting)-1]
	q.bytes += len(b) - len(s.b)
	s.b = b
	s.frames++
	q.sent++
	q.pressLocked()
}

// shareLocked queues a frame that other queues may hold too. A small one behind others is
// copied: a segment, and a slice of its own when written, would cost more.
func (q *queue) shareLocked(frame []byte) {
	if len(frame) < copyBelow && len(q.waiting) > 0 {
		q.commitLocked(append(q.spaceLocked(len(frame)), frame...))
		return
	}
	q.waiting = append(q.waiting, segment{b: frame, frames: 1})
	q.bytes += len(frame)
	q.sent++
	q.pressLocked()
}

// pressLocked notes whether the queue is more than half full.
func (q *queue) pressLocked() {
	if pressed := q.bytes > q.limit/2; pressed != q.pressed.Load() {
		q.pressed.Store(pressed)
	}
}

// wakeLocked says whether the caller, having queued something, must start a writer.
func (q *queue) wakeLocked() bool {
	if q.batch || q.flushing || q.link == nil {
		return false
	}
	q.flushing = true
	return true
}

// pendingLocked reports whether there is anything to write.
func (q *queue) pendingLocked() bool {
	return len(q.waiting) > 0 || q.control.due
}

// take moves up to maxWrite bytes into the caller's hands, laid out for one write. It
// returns nil when there is nothing, and then the caller no longer flushes.
// Only whoever set flushing may call it, and it must call done after the write.
func (q *queue) take() ([][]byte, *link) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.pendingLocked() || q.broken || q.link == nil {
		q.idleLocked()
		return nil, nil
	}
	n, size := 0, 0
	for n < len(q.waiting) && (n == 0 || size+len(q.waiting[n].b) <= maxWrite) {
		size += len(q.waiting[n].b)
		n++
	}
	q.writing = append(q.writing[:0], q.waiting[:n]...)
	if hasOverflow {
		q.takenLocked(n)
	}
	for i := range q.writing {
		q.taken += uint64(q.writing[i].frames)
	}
	rest := copy(q.waiting, q.waiting[n:])
	clear(q.waiting[rest:])
	q.waiting = q.waiting[:rest]

	q.vec = q.vec[:0]
	if q.control.welcome != nil {
		q.vec = append(q.vec, q.control.welcome)
		q.control.welcome = nil
	}
	ctl := q.control.appendTo(q.ctlBuf[:0], rest == 0)
	if len(ctl) > 0 && !q.control.goodbyeAfter {
		q.vec = append(q.vec, ctl)
	}
	for _, s := range q.writing {
		q.vec = append(q.vec, s.b)
	}
	if len(ctl) > 0 && q.control.goodbyeAfter {
		q.vec = append(q.vec, ctl)
	}
	if len(q.vec) == 0 { // all that waited was dropped
		q.idleLocked()
		return nil, nil
	}
	return q.vec, q.link
}

// done gives back what take returned, written or not. If the connection can be resumed, it
// is kept until the peer has it.
func (q *queue) done() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, s := range q.writing {
		q.bytes -= len(s.b)
		if q.keep.on {
			q.keep.add(s)
		} else {
			s.release()
		}
		q.writing[i] = segment{}
	}
	clear(q.vec)
	q.keep.trim()
	q.keep.shrink(q.limit - q.bytes)
	q.pressLocked()
	if q.bytes <= q.limit/2 {
		q.openLocked()
	}
}

// openLocked wakes those who wait for room.
func (q *queue) openLocked() {
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
}

// discardLocked forgets the data that nobody has taken yet.
func (q *queue) discardLocked() {
	for i, s := range q.waiting {
		q.bytes -= len(s.b)
		s.release()
		q.waiting[i] = segment{}
	}
	q.waiting = q.waiting[:0]
	q.keep.stop()
	q.pressLocked()
}

// closeLocked lets no more data in and wakes those who wait for room.
func (q *queue) closeLocked() {
	q.closed = true
	q.keep.stop()
	q.openLocked()
}

// idleLocked notes that nobody writes any more, and lets go of slices that a burst has
// made large.
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
	const most = 16
	if cap(q.waiting) > most && len(q.waiting) == 0 {
		q.waiting = nil
	}
	if cap(q.writing) > most {
		q.writing = nil
	}
	if cap(q.vec) > most {
		q.vec = nil
	}
}

// stopLocked notes that a write has failed.
func (q *queue) stopLocked() {
	q.broken = true
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
