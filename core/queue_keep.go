package core

import "github.com/hisock/hisock/core/wire"

// A keeper holds what was written and is not acknowledged yet, so that it can be written
// again over another stream. It takes what room the queue's own frames leave of the
// bound they share: when that is too little the oldest frames are given up, and a resume
// that needs them is refused.
type keeper struct {
	on     bool
	list   []segment // oldest first
	bytes  int
	before uint64 // frames that were sent before those in list
	acked  uint64 // frames that the peer has
	asked  uint64 // acked, when the peer was asked for an ack
}

// add keeps a segment. Small ones share a block, so that many short writes do not keep
// many blocks that are nearly empty.
func (k *keeper) add(s segment) {
	k.bytes += len(s.b)
	if last := len(k.list) - 1; last >= 0 && s.owned && k.list[last].owned {
		if l := &k.list[last]; cap(l.b)-len(l.b) >= len(s.b) {
			l.b = append(l.b, s.b...)
			l.frames += s.frames
			s.release()
			return
		}
	}
	k.list = append(k.list, s)
}

// trim lets go of what the peer has.
func (k *keeper) trim() {
	n, at := 0, k.before
	for n < len(k.list) && at+uint64(k.list[n].frames) <= k.acked {
		at += uint64(k.list[n].frames)
		n++
	}
	k.drop(n)
}

// shrink gives up the oldest frames until no more than room bytes are kept.
func (k *keeper) shrink(room int) {
	n, bytes := 0, k.bytes
	for n < len(k.list) && bytes > room {
		bytes -= len(k.list[n].b)
		n++
	}
	k.drop(n)
}

func (k *keeper) drop(n int) {
	if n == 0 {
		return
	}
	for _, s := range k.list[:n] {
		k.bytes -= len(s.b)
		k.before += uint64(s.frames)
		s.release()
	}
	rest := copy(k.list, k.list[n:])
	clear(k.list[rest:])
	k.list = k.list[:rest]
	if rest == 0 && cap(k.list) > 64 {
		k.list = nil
	}
}

// stop lets go of everything for good.
func (k *keeper) stop() {
	k.on = false
	k.drop(len(k.list))
}

// ackLocked notes how many frames the peer has. It reports false if that cannot be.
func (q *queue) ackLocked(received uint64) bool {
	if received > q.taken || received < q.keep.acked {
		return false
	}
	q.keep.acked = received
	q.keep.trim()
	if q.bytes <= q.limit/2 {
		q.openLocked()
	}
	return true
}

// askNonce is that of a ping whose answer comes behind an ack.
const askNonce = 1 << 63

// askLocked asks the peer for an ack, which somebody waits for.
func (q *queue) askLocked() {
	q.keep.asked = q.keep.acked
	q.control.ping, q.control.pingDue, q.control.due = askNonce, true, true
}

// answered notes that the peer has answered what askLocked asked. If it did not acknowledge
// anything it never will, and nobody need wait for that: nothing is kept for it any more.
func (q *queue) answered() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.keep.on && q.keep.acked == q.keep.asked && q.room != nil {
		q.keep.stop()
		q.openLocked()
	}
}

// suspendLocked notes that there is nothing to write to for the time being. What the peer
// was about to be told of the old stream is not worth telling any more.
func (q *queue) suspendLocked() {
	q.link = nil
	q.batch = false
	q.control = control{missed: q.control.missed}
	if q.drained != nil { // nor will it be
		close(q.drained)
		q.drained = nil
	}
}

// resumeLocked begins to write to another stream, behind a welcome if there is one, with what
// the peer, which has that many frames, has not received. It reports false if that is not
// kept any more, or cannot be. Nobody writes meanwhile.
func (q *queue) resumeLocked(l *link, received uint64, welcome []byte) bool {
	k := &q.keep
	if !k.on || received < k.before || !q.ackLocked(received) {
		return false
	}
	if k.before < received { // the first segment has been received in part
		s := &k.list[0]
		rest := s.b
		for ; k.before < received; k.before++ {
			_, size, ok, err := wire.Next(rest, maxPeerFrame)
			if !ok || err != nil {
				return false // never: these are frames of our own
			}
			rest = rest[size:]
			s.frames--
		}
		k.bytes -= len(s.b) - len(rest)
		rest = append([]byte(nil), rest...)
		s.release()
		s.b, s.owned = rest, false
	}
	if hasOverflow {
		q.spares.first -= int64(len(k.list))
	}
	q.waiting = append(append(make([]segment, 0, len(k.list)+len(q.waiting)), k.list...), q.waiting...)
	q.bytes += k.bytes
	k.list, k.bytes = nil, 0
	q.taken = received
	q.link = l
	missed := q.control.missed
	q.control = control{welcome: welcome, missed: missed, missedDue: missed > 0, due: welcome != nil || missed > 0}
	q.pressLocked()
	return true
}
