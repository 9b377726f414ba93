package outbox

import "github.com/hisock/hisock/core/wire"

// A keeper says which part of the log is kept, to be written again over another link: the frames that were
// written and are not acknowledged. They share the outbox's bound with the frames that wait. If these leave too little
// room, the oldest kept blocks are given up, and a resume that needs them is refused.
type keeper struct {
	on     bool
	asking bool   // the peer was asked for an ack, and has not answered yet
	bytes  int    // of blocks, or parts of blocks, that were written and are in the log
	acked  uint64 // frames that the peer has acknowledged
	asked  uint64 // acked, when the peer was asked last
}

// Keep keeps frames that are written from now on until the peer has acknowledged them.
func (o *Outbox) Keep() {
	o.mu.Lock()
	o.keep.on = true
	o.mu.Unlock()
}

// Acked notes how many frames the peer has received. It reports false if the number is wrong: more than were taken,
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

// Suspend notes that there is no link to write to for the time being. Control frames that wait are about
// the old link, and are dropped, except the count of dropped frames.
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

// Mute notes that nothing can be written to the link while it is read to its end. Frames that wait are kept for a
// resume, if resumable is set, or for Orphans.
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

// Resume begins to write to another link: first the welcome, if it is not nil, and then the frames after received, the
// number of frames that the peer has. counted is the number of frames of the peer that this side has received, as the
// welcome or the hello has told the peer. Resume reports false if the frames are not kept any more, or the peer cannot
// have that many. Nobody writes meanwhile.
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
			return false // never: this end has made these frames
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

// frameSize returns the size of the first frame of b in bytes, or 0 if there is none.
func frameSize(b []byte) int {
	_, size, ok, err := wire.Next(b, 1<<30)
	if !ok || err != nil {
		return 0
	}
	return size
}

// skipLocked counts frames as written that wait and that the peer already has: the peer has received them over an earlier
// link, and then an older hello has made them wait again.
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

// A Parked is what an outbox holds for a session that is detached.
type Parked struct {
	Acked  uint64 // the number of frames before the first frame of Frames
	Missed uint64 // frames that the peer does not get
	Frames []byte // frames that are kept, and then frames that wait
}

// Park closes an outbox from which nobody writes, and returns what it holds. It reports false if the outbox was
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
		o.trace.done = true // frames that are not delivered stay in the session
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

// Unpark puts what another outbox has held into this one, which keeps frames and which nobody else knows yet. For
// received and counted see Resume.
func (o *Outbox) Unpark(p Parked, received, counted uint64) {
	o.mu.Lock()
	o.unparkLocked(p, received, counted, nil)
	o.mu.Unlock()
}

func (o *Outbox) unparkLocked(p Parked, received, counted uint64, welcome []byte) {
	o.base, o.queued, o.keep.acked = p.Acked, p.Acked, p.Acked
	for rest := p.Frames; len(rest) > 0; {
		size := frameSize(rest)
		if size == 0 {
			break // never: parked.Parse has checked the frames
		}
		o.commitLocked(append(o.spaceLocked(size), rest[:size]...))
		rest = rest[size:]
	}
	// All frames may have been written. Those that the peer has not received are written again.
	o.taken, o.written = o.queued, o.queued
	o.bytes, o.keep.bytes = 0, o.bytes
	o.control.missed = p.Missed
	o.resumeLocked(o.link, received, welcome)
	o.control.acked = counted
}

// tightenFrom is the least unused room in a block, in bytes, for which Tighten copies its frames.
const tightenFrom = 1 << 10

// Tighten moves the frames of the last block, if it has much unused room, into a block of their size, so that
// a connection that has become idle does not hold a block for many frames. It does nothing unless queued frames have been
// queued, as it has returned before. It returns how many frames have been queued.
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

// trimLocked lets go of written frames that the peer has acknowledged, or of all written frames if none are kept.
func (o *Outbox) trimLocked() {
	before := o.written
	if o.keep.on {
		before = min(before, o.keep.acked)
	}
	for o.letGoLocked(before) {
	}
	o.countLocked()
}

// shrinkLocked gives up the oldest blocks until at most room bytes are kept. A block with frames
// that wait or are being written stays, so the bound may be exceeded by less than that block.
func (o *Outbox) shrinkLocked(room int) {
	if o.keep.bytes <= room {
		return
	}
	for o.keep.bytes > room && o.letGoLocked(o.written) {
	}
	o.countLocked()
}

// stopKeepingLocked lets go of all kept frames, and keeps none from now on.
func (o *Outbox) stopKeepingLocked() {
	o.keep.on = false
	o.trimLocked()
}

// askLocked queues a ping that asks the peer for an ack, unless such a ping has not been answered yet. The
// caller must wake a writer.
func (o *Outbox) askLocked() {
	if o.keep.asking || o.link == nil {
		return
	}
	o.keep.asked, o.keep.asking = o.keep.acked, true
	o.control.ping, o.control.pingDue, o.control.due = askNonce, true, true
}
