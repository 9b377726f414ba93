package core

// maxWrite is how many bytes one write takes from a queue: enough to carry many
// frames, little enough that a slow peer shows progress.
const maxWrite = 128 << 10

// A frame that several queues share is copied if it is shorter than shareFrom, for a reference
// costs nearly as much as such a frame. One shorter than copyBelow is put together with its
// neighbours when it is written, rather than handed to the medium as a slice of its own.
const (
	shareFrom = 64
	copyBelow = 4 << 10
)

// spaceLocked returns a slice with room for n more bytes at its end; commitLocked
// takes it back with the frame appended.
func (q *queue) spaceLocked(n int) []byte {
	least := n
	if !browser && q.batch {
		least = max(n, min(q.expect, largeBlock))
	}
	if last := len(q.log) - 1; last >= q.head {
		if k := q.log[last]; k != nil && k.owned {
			if cap(k.b)-len(k.b) >= n {
				if n >= prefetchFrom && q.batch {
					prefetch(k.b, n)
				}
				return k.b
			}
			if q.next < last || q.off < len(k.b) || q.limit >= 8*largeBlock {
				least = max(n, smallBlock+1) // one block is full: more is likely to come
			}
		}
	}
	k := getBlock(least)
	q.appendLocked(k)
	if hasBudget {
		q.slack += cap(k.b) - blockCost
		q.countLocked()
	}
	return k.b
}

func (q *queue) commitLocked(b []byte) {
	k := q.log[len(q.log)-1]
	n := len(b) - len(k.b)
	q.bytes += n
	if hasBudget {
		q.slack -= n
	}
	k.b = b
	k.frames++
	q.sent++
	q.pressLocked()
}

// shareLocked queues a frame that other queues may hold too, unless it is small: then, or if there
// is a place for it, it is copied.
func (q *queue) shareLocked(k *block) {
	n := len(k.b)
	if n < copyBelow {
		last := len(q.log) - 1
		if n < shareFrom || last >= q.head && q.log[last] != nil && q.log[last].owned && cap(q.log[last].b)-len(q.log[last].b) >= n {
			q.commitLocked(append(q.spaceLocked(n), k.b...))
			return
		}
	}
	q.addLocked(k)
}

// addLocked queues a frame that other queues may hold too, by reference.
func (q *queue) addLocked(k *block) {
	q.appendLocked(k)
	q.bytes += len(k.b)
	q.sent++
	if hasBudget && (q.bytes > q.mark || len(k.b) < blockCost) {
		q.countLocked()
	}
	q.pressLocked()
}

// leastUncounted is how many bytes of frames are let in before they are counted, at least.
const leastUncounted = 1 << 10

// heldLocked is how much memory the blocks in log take, and the notices that wait.
func (q *queue) heldLocked() int {
	return q.bytes + q.keep.bytes + blockCost*(len(q.log)-q.head) + q.slack + q.notices
}

// countLocked counts what the queue holds for the bound on memory. To do so for each frame would
// make a broadcast some 5 % slower, so it is done when a write ends, and whenever what was queued
// since may fill the step in which is counted: a frame weighs no more than twice its bytes, or is counted by itself.
func (q *queue) countLocked() {
	if !hasBudget {
		return
	}
	if q.mem.Set(q.budget, q.heldLocked()) {
		q.over = true
	}
	q.mark = q.bytes + max(q.mem.Room()/2, leastUncounted)
}

// appendLocked makes room in the log before it lets it grow.
func (q *queue) appendLocked(k *block) {
	if len(q.log) == cap(q.log) && q.head > len(q.log)/2 {
		n := copy(q.log, q.log[q.head:])
		clear(q.log[n:])
		q.log = q.log[:n]
		q.next -= q.head
		if hasOverflow {
			q.spares.first += int64(q.head)
		}
		q.head = 0
	}
	q.log = append(q.log, k)
}

// takeLocked lays out up to maxWrite bytes for one write. It returns nil when there is nothing,
// and then the caller no longer flushes. Only whoever set flushing may call it, and it must call
// doneLocked after the write.
func (q *queue) takeLocked() ([][]byte, *link) {
	if !q.pendingLocked() || q.broken || q.link == nil {
		q.idleLocked()
		return nil, nil
	}
	q.vec = q.vec[:0]
	if q.control.welcome != nil {
		q.vec = append(q.vec, q.control.welcome)
		q.control.welcome = nil
	}
	front := len(q.vec)
	q.vec = append(q.vec, nil) // for control frames
	q.layOutLocked()
	if q.control.pingDue {
		q.trip.asks(q.control.ping)
	}
	ctl := q.control.appendTo(q.ctlBuf[:0], q.bytes == q.size)
	switch {
	case len(ctl) == 0:
		copy(q.vec[front:], q.vec[front+1:])
		q.vec = q.vec[:len(q.vec)-1]
	case q.control.goodbyeAfter:
		copy(q.vec[front:], q.vec[front+1:])
		q.vec[len(q.vec)-1] = ctl
	default:
		q.vec[front] = ctl
	}
	if len(q.vec) == 0 { // all that waited was dropped
		q.idleLocked()
		return nil, nil
	}
	q.spares.writes()
	return q.vec, q.link
}

// layOutLocked appends to vec what waits. Frames that are small and shared are put together.
func (q *queue) layOutLocked() {
	const none, single = -2, -1
	run := none // where in pack the last of vec begins, if it is of small frames
	for q.next < len(q.log) {
		k := q.log[q.next]
		if k == nil {
			if hasOverflow {
				q.spares.holes--
			}
			q.next++
			continue
		}
		b := k.b[q.off:]
		if q.size > 0 && q.size+len(b) > maxWrite {
			return
		}
		switch {
		case len(b) == 0:
		case browser || k.owned || len(b) >= copyBelow: // a page has nobody to share with
			q.vec = append(q.vec, b)
			run = none
		case run == none:
			q.vec = append(q.vec, b)
			run = single
		default:
			last := &q.vec[len(q.vec)-1]
			if q.pack == nil {
				q.pack = getPack(q.bytes - q.size + len(*last))
			}
			p := q.pack.b
			more := len(b)
			if run == single {
				more += len(*last) // which is not in the pack yet
			}
			if cap(p)-len(p) < more {
				return
			}
			if run == single {
				run = len(p)
				p = append(p, *last...)
			}
			q.pack.b = append(p, b...)
			*last = q.pack.b[run:]
		}
		q.size += len(b)
		q.taken += uint64(k.frames - q.part)
		if k.owned && q.next == len(q.log)-1 { // more may be appended to it
			q.off, q.part = len(k.b), k.frames
			return
		}
		q.next, q.off, q.part = q.next+1, 0, 0
	}
}

// doneLocked ends what takeLocked began, written or not. If the connection can be resumed, it is
// kept until the peer has it.
func (q *queue) doneLocked() {
	q.bytes -= q.size
	q.keep.bytes += q.size
	q.size = 0
	q.written = q.taken
	clear(q.vec)
	if !browser && q.pack != nil {
		putPack(q.pack)
		q.pack = nil
	}
	q.spares.wrote()
	q.trimLocked()
	q.shrinkLocked(q.limit - q.bytes)
	if hasBudget && q.heldLocked() > 3*q.limit { // tiny frames under a policy that drops
		for q.heldLocked() > 3*q.limit && q.letGoLocked(q.written) {
		}
		q.countLocked()
	}
	q.pressLocked()
	if q.bytes <= q.limit/2 {
		q.openLocked()
	}
}

// letGoLocked lets go of the first block of the log, if that holds nothing but the first so many
// frames of the queue, or is a hole. It reports whether it did.
func (q *queue) letGoLocked(frames uint64) bool {
	if q.head == len(q.log) {
		if hasOverflow {
			q.spares.first += int64(q.head)
		}
		q.log, q.head, q.next, q.off, q.part = q.log[:0], 0, 0, 0, 0
		q.shortenLocked()
		return false
	}
	if k := q.log[q.head]; k != nil {
		end := q.base + uint64(k.frames)
		if end > frames {
			return false
		}
		q.base = end
		q.keep.bytes -= len(k.b)
		q.releaseLocked(k)
		q.log[q.head] = nil
	} else if hasOverflow && q.head >= q.next {
		q.spares.holes--
	}
	if q.head++; q.next < q.head {
		q.next, q.off, q.part = q.head, 0, 0
	}
	return true
}

// releaseLocked gives back a block that leaves the log.
func (q *queue) releaseLocked(k *block) {
	switch {
	case k.owned:
		q.slack -= cap(k.b) - len(k.b) - blockCost
		k.release()
	case hasOverflow && k.spare != nil:
		q.slack -= k.extra()
	}
}

// shortenLocked lets go of slices that a burst has made large.
func (q *queue) shortenLocked() {
	const most = 16
	if q.flushing {
		return
	}
	if cap(q.log) > most && len(q.log) == 0 {
		q.log = nil
	}
	if cap(q.vec) > most {
		q.vec = nil
	}
}

// forgetWaitingLocked drops all that nobody has taken.
func (q *queue) forgetWaitingLocked() {
	for i := q.next; i < len(q.log); i++ {
		k := q.log[i]
		if k == nil {
			continue
		}
		if i == q.next && q.off > 0 { // in part: somebody may be writing the rest
			n := len(k.b) - q.off
			q.bytes -= n
			if k.owned {
				q.slack += n
			}
			k.b, k.frames = k.b[:q.off], q.part
			continue
		}
		q.bytes -= len(k.b)
		q.releaseLocked(k)
		q.log[i] = nil
	}
	q.log = q.log[:q.next+min(q.off, 1)]
	q.spares.holes = 0
	q.spares.wrote() // nothing waits any more
	q.trimLocked()
}
