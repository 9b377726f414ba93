package outbox

import "github.com/hisock/hisock/core/wire"

// A keeper says how much of the log is kept, so that it can be written again over another link: what was
// written and is not acknowledged. It takes the room that the frames which wait leave of the bound they share:
// when that is too little the oldest blocks are given up, and a resume that needs them is refused.
type keeper struct {
	on     bool
	asking bool   // the peer was asked for an ack, and has not answered yet
	bytes  int    // in blocks, or parts of blocks, that were written
	acked  uint64 // frames that the peer has
	asked  uint64 // acked, when the peer was asked
}

// Keep keeps what is written from now on until the peer has acknowledged it.
func (o *Outbox) Keep() {
	o.mu.Lock()
	o.keep.on = true
	o.mu.Unlock()
}

// Acked notes how many frames the peer has. It reports false if that cannot be: they are more than were taken,
// or fewer than before.
func (o *Outbox) Acked(received uint64) bool {
	o.mu.Lock()
	ok := o.ackedLocked(received)
	var w wake
	if o.feed != nil && o.pendingLocked() {
		w = o.wakeLocked()
	}
	o.mu.Unlock()
	o.wake(w)
	return ok
}

func (o *Outbox) ackedLocked(received uint64) bool {
	if received > o.taken || received < o.keep.acked {
		return false
	}
	o.keep.acked = received
	o.trimLocked()
	if o.bytes <= o.limit/2 {
		o.openLocked()
	}
	return true
}

// Suspend notes that there is nothing to write to for the time being. What the peer was about to be told of
// the old link is not worth telling any more.
func (o *Outbox) Suspend() {
	o.mu.Lock()
	o.suspendLocked()
	o.mu.Unlock()
}

func (o *Outbox) suspendLocked() {
	o.link = nil
	o.batch = false
	o.keep.asking = false
	o.trip.at = 0
	o.control = control{missed: o.control.missed}
	if o.feed != nil {
		o.feed.probe = 0
	}
	if o.flush != nil { // there is no more to wait for
		close(o.flush)
		o.flush = nil
	}
}

// Mute notes that there is nothing to write to while the link is read to its end. What waits is kept for a
// resume, if there can be one, or for the program.
func (o *Outbox) Mute(resumable bool) {
	o.mu.Lock()
	o.suspendLocked()
	o.mute = true
	if o.vain = !resumable && o.trace == nil; o.vain {
		o.discardLocked()
	}
	o.openLocked()
	o.mu.Unlock()
}

// Resume begins to write to another link: first a welcome if there is one, then the frames beyond received, which
// is how many the peer has. counted is how many frames of the peer this side has, as the welcome or the hello has
// said. Resume reports false if the frames are not kept any more, or the peer cannot have that many. Nobody writes
// meanwhile.
func (o *Outbox) Resume(link any, received, counted uint64, welcome []byte) bool {
	o.mu.Lock()
	ok := o.resumeLocked(link, received, welcome)
	o.control.acked = counted
	o.mu.Unlock()
	return ok
}

func (o *Outbox) resumeLocked(link any, received uint64, welcome []byte) bool {
	o.peak = max(o.peak, o.taken)
	if !o.keep.on || received < o.base || received > o.peak {
		return false
	}
	o.skipLocked(received)
	if !o.ackedLocked(received) {
		return false
	}
	off := 0
	for at := o.base; at < received; at++ { // the first block has been received in part
		size := frameSize(o.log[o.head].b[off:])
		if size == 0 {
			return false // never: these are frames of our own
		}
		off += size
	}
	if hasDroppable {
		o.protectLocked()
		o.drops.wrote()
	}
	o.next, o.off, o.part = o.head, off, int32(received-o.base)
	o.taken, o.written = received, received
	o.bytes += o.keep.bytes - off
	o.keep.bytes = off
	o.link, o.mute = link, false
	missed := o.control.missed
	o.control = control{welcome: welcome, missed: missed, missedDue: missed > 0, due: welcome != nil || missed > 0}
	o.writes++
	o.countLocked() // what is kept waits again
	o.pressLocked()
	return true
}

// frameSize is the size of the first frame of b, or 0 if there is none.
func frameSize(b []byte) int {
	_, size, ok, err := wire.Next(b, 1<<30)
	if !ok || err != nil {
		return 0
	}
	return size
}

// skipLocked counts the frames that wait and that the peer has as written: the peer got them over an earlier
// link, and then said a hello that was older.
func (o *Outbox) skipLocked(received uint64) {
	for o.taken < received {
		k := o.log[o.next]
		if k != nil {
			n := len(k.b) - o.off
			o.bytes -= n
			o.keep.bytes += n
			o.taken += uint64(k.frames - o.part)
		} else if hasDroppable {
			o.drops.holes--
		}
		o.next, o.off, o.part = o.next+1, 0, 0
	}
	o.written = o.taken
}

// A Parked is what an outbox holds for a session that goes on elsewhere.
type Parked struct {
	Acked  uint64 // frames that came before the first that is kept
	Missed uint64 // frames that the peer does not get
	Frames []byte // what is kept, and what waits
}

// Park closes an outbox that nobody writes from, and returns what it holds. It reports false if it was
// closed before.
func (o *Outbox) Park() (p Parked, ok bool) {
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return p, false
	}
	o.closed = true
	o.starveLocked()
	o.openLocked()
	if o.trace != nil {
		o.trace.done = true // what is not delivered goes on with the session
	}
	p.Acked, p.Missed = o.base, o.control.missed
	for _, k := range o.log[o.head:] {
		if k != nil { // else it was dropped
			p.Frames = append(p.Frames, k.b...)
		}
	}
	o.mu.Unlock()
	return p, true
}

// Unpark goes on with what another outbox has held, on one that nobody else knows yet and that keeps: see Resume.
func (o *Outbox) Unpark(p Parked, received, counted uint64) {
	o.mu.Lock()
	o.base, o.queued, o.keep.acked = p.Acked, p.Acked, p.Acked
	for rest := p.Frames; len(rest) > 0; {
		size := frameSize(rest)
		if size == 0 {
			break // never: these are frames of our own
		}
		o.commitLocked(append(o.spaceLocked(size), rest[:size]...))
		rest = rest[size:]
	}
	// All of it may have been written, and what the peer has not received is written again.
	o.taken, o.written = o.queued, o.queued
	o.bytes, o.keep.bytes = 0, o.bytes
	o.control.missed = p.Missed
	o.resumeLocked(o.link, received, nil)
	o.control.acked = counted
	o.mu.Unlock()
}

// tightenFrom is how many bytes of room in a block are worth a copy of its frames.
const tightenFrom = 1 << 10

// Tighten moves the frames of the last block, if it is kept with much room, into a block of their size, unless
// more than that many frames have been queued. It returns how many have been. A connection that has become idle
// holds its last answer so, and not a block for many.
func (o *Outbox) Tighten(queued uint64) (now uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last := len(o.log) - 1
	if o.queued != queued || o.writing || o.batch || last < o.head {
		return o.queued
	}
	if k := o.log[last]; k != nil && k.owned && cap(k.b)-len(k.b) >= tightenFrom {
		own := &Block{b: make([]byte, len(k.b)), frames: k.frames, owned: true}
		copy(own.b, k.b)
		o.log[last] = own
		o.slack -= cap(k.b) - cap(own.b)
		k.release()
		o.countLocked()
	}
	return o.queued
}

// trimLocked lets go of what the peer has, or need not be kept.
func (o *Outbox) trimLocked() {
	before := o.written
	if o.keep.on {
		before = min(before, o.keep.acked)
	}
	for o.letGoLocked(before) {
	}
	o.countLocked()
}

// shrinkLocked gives up the oldest blocks until no more than room bytes are kept. A block that
// holds something which waits, or is being written, stays: the bound is exceeded by less than that.
func (o *Outbox) shrinkLocked(room int) {
	if o.keep.bytes <= room {
		return
	}
	for o.keep.bytes > room && o.letGoLocked(o.written) {
	}
	o.countLocked()
}

// stopKeepingLocked lets go of everything that is kept, for good.
func (o *Outbox) stopKeepingLocked() {
	o.keep.on = false
	o.trimLocked()
}

// askLocked asks the peer for an ack, which somebody waits for, unless it has been asked before. The
// caller sees to it that this is written.
func (o *Outbox) askLocked() {
	if o.keep.asking || o.link == nil {
		return
	}
	o.keep.asked, o.keep.asking = o.keep.acked, true
	o.control.ping, o.control.pingDue, o.control.due = askNonce, true, true
}
