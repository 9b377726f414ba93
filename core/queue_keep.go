package core

import (
	"time"

	"github.com/hisock/hisock/core/wire"
)

// A keeper says how much of the log of a queue is kept, so that it can be written again over
// another stream: what was written and is not acknowledged. It takes what room the frames that
// wait leave of the bound they share: when that is too little the oldest blocks are given up,
// and a resume that needs them is refused.
type keeper struct {
	on    bool
	bytes int    // in blocks, or parts of blocks, that were written
	acked uint64 // frames that the peer has
	asked uint64 // acked, when the peer was asked for an ack

	asking bool // it has not answered that yet
}

// trimLocked lets go of what the peer has, or need not be kept.
func (q *queue) trimLocked() {
	before := q.written
	if q.keep.on {
		before = min(before, q.keep.acked)
	}
	for q.letGoLocked(before) {
	}
	q.countLocked()
}

// shrinkLocked gives up the oldest blocks until no more than room bytes are kept. A block that
// holds something which waits, or is being written, stays: the bound is exceeded by less than that.
func (q *queue) shrinkLocked(room int) {
	if q.keep.bytes <= room {
		return
	}
	for q.keep.bytes > room && q.letGoLocked(q.written) {
	}
	q.countLocked()
}

// stopKeepingLocked lets go of everything that is kept, for good.
func (q *queue) stopKeepingLocked() {
	q.keep.on = false
	q.trimLocked()
}

// ackLocked notes how many frames the peer has. It reports false if that cannot be.
func (q *queue) ackLocked(received uint64) bool {
	if received > q.taken || received < q.keep.acked {
		return false
	}
	q.keep.acked = received
	q.trimLocked()
	if q.bytes <= q.limit/2 {
		q.openLocked()
	}
	return true
}

// askNonce is that of a ping whose answer comes behind an ack.
const askNonce = 1 << 63

// askLocked asks the peer for an ack, which somebody waits for, unless it has been asked before. The
// caller sees to it that this is written.
func (q *queue) askLocked() {
	if q.keep.asking || q.link == nil {
		return
	}
	q.keep.asked, q.keep.asking = q.keep.acked, true
	q.control.ping, q.control.pingDue, q.control.due = askNonce, true, true
}

// answered notes that the peer has answered what askLocked asked. If it did not acknowledge
// anything it never will, and nobody need wait for that: nothing is kept for it any more. Else
// who waits may have to ask once more.
func (q *queue) answered(nonce uint64) {
	q.mu.Lock()
	q.trip.answered(nonce)
	if nonce == askNonce && q.keep.asking {
		q.keep.asking = false
		if q.keep.on && q.keep.acked == q.keep.asked && q.room != nil {
			q.stopKeepingLocked()
		}
		q.openLocked()
	}
	q.mu.Unlock()
}

// suspendLocked notes that there is nothing to write to for the time being. What the peer
// was about to be told of the old stream is not worth telling any more.
func (q *queue) suspendLocked() {
	q.link = nil
	q.batch = false
	q.keep.asking = false
	q.trip.at = time.Time{}
	q.control = control{missed: q.control.missed}
	if q.drained != nil { // nor will it be
		close(q.drained)
		q.drained = nil
	}
}

// skipLocked counts frames that wait as written, up to those that the peer has: it got them over an
// earlier stream, and the last one was that of a hello which was older.
func (q *queue) skipLocked(received uint64) {
	for q.taken < received {
		k := q.log[q.next]
		if k != nil {
			n := len(k.b) - q.off
			q.bytes -= n
			q.keep.bytes += n
			q.taken += uint64(k.frames - q.part)
		} else if hasOverflow {
			q.spares.holes--
		}
		q.next, q.off, q.part = q.next+1, 0, 0
	}
	q.written = q.taken
}

// resumeLocked begins to write to another stream, behind a welcome if there is one, with what
// the peer, which has that many frames, has not received. It reports false if that is not
// kept any more, or cannot be. Nobody writes meanwhile.
func (q *queue) resumeLocked(l *link, received uint64, welcome []byte) bool {
	q.peak = max(q.peak, q.taken)
	if !q.keep.on || received < q.base || received > q.peak {
		return false
	}
	q.skipLocked(received)
	if !q.ackLocked(received) {
		return false
	}
	off := 0
	for at := q.base; at < received; at++ { // the first block has been received in part
		_, size, ok, err := wire.Next(q.log[q.head].b[off:], maxPeerFrame)
		if !ok || err != nil {
			return false // never: these are frames of our own
		}
		off += size
	}
	if hasOverflow {
		q.protectLocked()
		q.spares.wrote()
	}
	q.next, q.off, q.part = q.head, off, int32(received-q.base)
	q.taken, q.written = received, received
	q.bytes += q.keep.bytes - off
	q.keep.bytes = off
	q.link, q.mute = l, false
	missed := q.control.missed
	q.control = control{welcome: welcome, missed: missed, missedDue: missed > 0, due: welcome != nil || missed > 0}
	q.countLocked() // what is kept waits again
	q.pressLocked()
	return true
}
