// Package outbox holds the frames that wait to be written to one connection, and the frames that were written and
// may have to be written once more, in order and bounded in bytes. Everything between a send and the write to a stream
// is decided here, under one lock that nobody outside sees, and under which nothing is called back:
//
//	sending        Begin and Commit for a frame that is made in place, Share and ShareDroppable for a frame that
//	               several outboxes hold; a Refusal says why a frame was not queued
//	control frames Ping, Pong, Ack and others, each of which has a slot
//	the reader     Hold before it handles a batch, Release after the batch: then it writes the frames that were queued
//	a writer       Take, then Next or Done after a write that succeeded, Fail and Stop after one that failed
//	streams        Offer, OfferAlong, FeedRoom and Feed; see feed.go
//	the session    Suspend, Mute, Resume, Acked; Park and Unpark for a session that is detached
//	the end        Close, Finish, Orphans
package outbox

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/lock"
)

// An Outbox is one log of blocks with marks, so that nothing is copied on its way from one state to the
// next:
//
//	... let go of | written, kept for a resume | being written | waits
//	              head, base                   written         taken: next and off
//
// Frames are numbered as they are queued. If a frame is dropped while it waits, the next frame gets its number:
//
//	base ≤ written ≤ taken ≤ queued, and acked ≤ taken
//
// An outbox also decides whose task writing is: the reader's, which flushes at the end of its batch, or a
// writer's. At most one of them writes at a time.
type Outbox struct {
	limit   int         // bytes that may wait
	pressed atomic.Bool // more than half of limit waits

	// Guarded by mu, as all fields below. The first ones are looked at by each send: among many
	// connections they are not in the cache.
	batch   bool // the reader will flush when its input runs dry
	writing bool // somebody writes, or is about to
	closed  bool // no more data is let in
	broken  bool // a write failed: nothing can be written any more
	mute    bool // a write failed, and the reader still reads what the peer has sent before; no link then
	vain    bool // nobody will ever get the data that is put in here
	over    bool // all outboxes together have held too much since something was put in here
	foreign bool // the peer speaks another dialect: it knows no control frames
	noticed bool // a notice found no room, and its sender wants to know of room

	uncounted bool // nothing counts for the bound on memory any more

	mu     lock.Mutex[lock.Outbox]
	bytes  int          // of frames that are not written yet, or are being written
	log    []*Block     // nil where a block was let go of, or dropped
	head   int          // of log, the first block that was not let go of
	queued uint64       // frames that were appended
	mem    budget.Meter // what the blocks in log weigh, counted when a write ends and at mark; see heldLocked
	mark   int          // bytes that may wait before mem is counted again
	link   any          // what is written to; nil while there is nothing to write to
	keep   keeper
	expect int // bytes that the reader has to handle, so that answers find a block as large

	base    uint64 // frames that came before log[head]
	written uint64 // frames whose write has returned
	taken   uint64 // frames that were handed to a writer of this link
	peak    uint64 // the highest taken that a resume took back
	next    int    // of log, the first block that is not all taken
	off     int    // bytes of log[next] that are taken
	part    int32  // frames of log[next] that are taken

	control control
	drops   droppable
	slack   int // room of the owned blocks in log beyond their frames, in bytes, less blockCost for each
	notices int // bytes of notices that wait elsewhere for room here

	feed *feed // frames that wait elsewhere; nil if none ever did

	room   chan struct{} // closed when there is room again; nil if nobody waits
	flush  chan struct{} // closed when nobody writes and nothing waits; nil if nobody waits
	unused chan struct{} // closed when nobody writes; nil if nobody waits

	writes       uint64 // writes that have returned, and resumes: it grows while there is progress
	writtenBytes uint64 // over all links
	trip         tripMeter

	trace *trace // nil unless what was not delivered is wanted at the end

	// Guarded by the task of writing.
	size   int // bytes of data in vec
	vec    [][]byte
	pack   *Block // where small frames are put together
	ctlBuf [maxControl]byte

	of    *Common
	owner Owner
	after *Outbox // the next that waits for a writer; guarded by Common's
}

// A Common is what the outboxes of one server or client share.
type Common struct {
	Budget  *budget.Budget // of all memory; nil without a bound
	Dropped *atomic.Uint64 // counts frames that were dropped

	// Gather lets goroutines that are ready go before a writer, as a client wants it: when answers have
	// come for many goroutines, all of them are ready, and each sends its next message. At a server that is
	// busy a writer would wait for everybody's reading. It stops where that brings nothing.
	Gather bool

	writers writers
}

// An Owner is the connection that an outbox belongs to. Its methods are called with no lock held.
type Owner interface {
	// Enter counts a writer among the goroutines of the connection, unless the last has left.
	Enter() bool

	// Write takes and writes until nothing waits. At its end the writer that Enter has counted leaves. It
	// reports whether the writer was the last goroutine of the connection, so that handlers of the program
	// have run in it.
	Write() (last bool)
}

// Init makes an outbox in which limit bytes may wait. If traces is set, the outbox remembers frames that were not
// delivered; see Orphans.
func (o *Outbox) Init(of *Common, owner Owner, limit int, link any, traces bool) {
	o.of, o.owner, o.limit, o.link = of, owner, limit, link
	if traces {
		o.trace = new(trace)
	}
}

// Foreign notes that the peer speaks a dialect without control frames: all of them are left out.
func (o *Outbox) Foreign() {
	o.mu.Lock()
	o.foreign = true
	o.mu.Unlock()
}

// SetClosed closes an outbox so that it can be opened again, or opens it. Nobody else knows the connection yet.
func (o *Outbox) SetClosed(closed bool) {
	o.mu.Lock()
	o.closed = closed
	o.mu.Unlock()
}

// A wake says what the caller must do when it has unlocked an outbox into which it has put something.
type wake uint8

const (
	wakeWriter wake = 1 << iota // ask for a writer
	wakeOthers                  // yield to the goroutine that makes room: all outboxes together hold too much
)

// wakeLocked returns what the caller must do when it has unlocked the outbox. A
// sender never writes itself, since a peer that does not read would hold it up.
func (o *Outbox) wakeLocked() wake {
	if (o.batch || o.writing) && !o.vain && !o.over {
		return 0
	}
	return o.rouseLocked()
}

func (o *Outbox) rouseLocked() (w wake) {
	if o.batch || o.writing || o.link == nil {
		if o.vain {
			o.discardLocked()
		}
	} else {
		o.writing = true
		w = wakeWriter
	}
	if hasBudget && o.over {
		o.over = false
		w |= wakeOthers
	}
	return w
}

// wake does what wakeLocked has returned. The outbox is unlocked.
func (o *Outbox) wake(w wake) {
	if w&wakeWriter != 0 {
		if o.owner.Enter() {
			o.of.writeFor(o)
		} else { // all is over: only a sweeper still knows the connection
			o.mu.Lock()
			o.idleLocked()
			o.mu.Unlock()
		}
	}
	if hasBudget && w&wakeOthers != 0 {
		runtime.Gosched() // the goroutine that makes room must be faster than the senders
	}
}

// pressLocked notes whether more than half of limit waits.
func (o *Outbox) pressLocked() {
	if pressed := o.bytes > o.limit/2; pressed != o.pressed.Load() {
		o.pressed.Store(pressed)
	}
}

// Pressed reports whether more than half of the bytes wait that may wait.
func (o *Outbox) Pressed() bool { return o.pressed.Load() }

// Nudge wakes all senders that wait for room, so that they try again.
func (o *Outbox) Nudge() {
	o.mu.Lock()
	o.openLocked()
	o.mu.Unlock()
}

// openLocked wakes all senders that wait for room.
func (o *Outbox) openLocked() {
	if o.room != nil {
		close(o.room)
		o.room = nil
	}
}

// roomLocked returns a channel that is closed when the outbox has drained to half its bound, or has
// closed.
func (o *Outbox) roomLocked() <-chan struct{} {
	if o.room == nil {
		o.room = make(chan struct{})
	}
	return o.room
}

// Stats are the counters of an outbox, and what it holds now.
type Stats struct {
	Queued  uint64 // frames that were queued and not dropped
	Missed  uint64 // frames that the peer does not get, since they were dropped
	Acked   uint64 // frames that the peer has acknowledged
	LastAck uint64 // frames of the peer that the last written ack has acknowledged
	Written uint64 // bytes, over all links
	Waiting int    // bytes that are not written yet
	Kept    int    // bytes that were written and are not acknowledged
	Notices int    // bytes of notices that wait for room
	Held    int    // bytes of memory, Notices included
	Counted int    // bytes of memory that are counted in the budget
	Keeps   bool   // written frames are kept for a resume

	RTT time.Duration // how long the last ping took to be answered; zero until one has been
}

// Stats returns the counters.
func (o *Outbox) Stats() Stats {
	o.mu.Lock()
	s := Stats{
		Queued: o.queued, Missed: o.control.missed, Acked: o.keep.acked, LastAck: o.control.acked, Written: o.writtenBytes,
		Waiting: o.bytes, Kept: o.keep.bytes, Notices: o.notices, Held: o.heldLocked(), Counted: o.mem.Held(), Keeps: o.keep.on, RTT: o.trip.took,
	}
	o.mu.Unlock()
	return s
}

// Queued returns the number of frames that were queued and not dropped.
func (o *Outbox) Queued() uint64 {
	o.mu.Lock()
	n := o.queued
	o.mu.Unlock()
	return n
}

// Weigh returns the bytes of memory that the outbox holds: own, and shared with other outboxes. first is the number of
// shared bytes in blocks that are not in seen yet. Weigh adds these blocks to seen.
func (o *Outbox) Weigh(seen map[*Block]struct{}) (own, shared, first int) {
	o.mu.Lock()
	for _, k := range o.log[o.head:] {
		if k == nil || k.owned {
			continue
		}
		shared += k.weight()
		if _, ok := seen[k]; !ok {
			seen[k] = struct{}{}
			first += k.weight()
		}
	}
	own = o.heldLocked() - shared
	o.mu.Unlock()
	return own, shared, first
}

// Writing reports whether somebody writes, and how many writes have returned. A resume counts as a write.
func (o *Outbox) Writing() (writing bool, writes uint64) {
	o.mu.Lock()
	writing, writes = o.writing, o.writes
	o.mu.Unlock()
	return writing, writes
}
