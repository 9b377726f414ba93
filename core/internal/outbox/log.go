package outbox

// maxWrite is how many bytes one write takes: enough to carry many frames, and so few that a slow peer shows
// progress.
const maxWrite = 128 << 10

// A frame that several outboxes share is copied if it is shorter than shareFrom: a reference costs nearly as
// much as such a frame. A frame shorter than copyBelow is put together with its neighbours when it is
// written, rather than handed to the medium as a slice of its own.
const (
	shareFrom = 64      // bytes
	copyBelow = 4 << 10 // bytes
)

// spaceLocked returns a slice with room for n more bytes at its end. The frame is appended to it and given to
// commitLocked; pressLocked follows.
func (o *Outbox) spaceLocked(n int) []byte {
	least := n
	if !browser && o.batch {
		least = max(n, min(o.expect, largeBlock))
	}
	if last := len(o.log) - 1; last >= o.head {
		if k := o.log[last]; k != nil && k.owned {
			if cap(k.b)-len(k.b) >= n {
				if n >= prefetchFrom && o.batch {
					prefetch(k.b, n)
				}
				return k.b
			}
			if cap(k.b) >= smallBlock && (o.next < last || o.off < len(k.b) || o.limit >= 8*largeBlock) {
				least = max(n, smallBlock+1) // one block is full: more is likely to come
			}
		}
	}
	k := getBlock(least)
	o.appendLocked(k)
	if hasBudget {
		o.slack += cap(k.b) - blockCost
		o.countLocked()
	}
	return k.b
}

func (o *Outbox) commitLocked(b []byte) {
	k := o.log[len(o.log)-1]
	n := len(b) - len(k.b)
	o.bytes += n
	if hasBudget {
		o.slack -= n
	}
	k.b = b
	k.frames++
	o.queued++
}

// shareLocked queues a frame that other outboxes may hold too. A frame is copied if it is very small, or if it is
// small and the last block has room for it.
func (o *Outbox) shareLocked(k *Block) {
	n := len(k.b)
	if n < copyBelow {
		last := len(o.log) - 1
		if n < shareFrom || last >= o.head && o.log[last] != nil && o.log[last].owned && cap(o.log[last].b)-len(o.log[last].b) >= n {
			o.commitLocked(append(o.spaceLocked(n), k.b...))
			o.pressLocked()
			return
		}
	}
	o.addLocked(k)
}

// addLocked queues a reference to a frame that other outboxes may hold too.
func (o *Outbox) addLocked(k *Block) {
	o.appendLocked(k)
	o.bytes += len(k.b)
	o.queued++
	if hasBudget && (o.bytes > o.mark || len(k.b) < blockCost) {
		o.countLocked()
	}
	o.pressLocked()
}

// leastUncounted is the least number of bytes that are let in before they are counted.
const leastUncounted = 1 << 10

// heldLocked is how much memory the blocks in log take, and the notices that wait.
func (o *Outbox) heldLocked() int {
	return o.bytes + o.keep.bytes + blockCost*(len(o.log)-o.head) + o.slack + o.notices
}

// countLocked counts what the outbox holds for the bound on memory. To count each frame would make a
// broadcast some 5 % slower. So frames are counted when a write ends, and as soon as those that were queued since may
// fill the step in which is counted. A frame weighs no more than twice its bytes, or is counted by itself.
func (o *Outbox) countLocked() {
	if !hasBudget || o.uncounted {
		return
	}
	if o.mem.Set(o.of.Budget, o.heldLocked()) {
		o.over = true
	}
	o.mark = o.bytes + max(o.mem.Room()/2, leastUncounted)
}

// appendLocked makes room in the log before it lets it grow.
func (o *Outbox) appendLocked(k *Block) {
	if len(o.log) == cap(o.log) && o.head > len(o.log)/2 {
		n := copy(o.log, o.log[o.head:])
		clear(o.log[n:])
		o.log = o.log[:n]
		o.next -= o.head
		if hasDroppable {
			o.drops.first += int64(o.head)
		}
		o.head = 0
	}
	o.log = append(o.log, k)
}

// layOutLocked appends to vec what waits. Frames that are small and shared are put together.
func (o *Outbox) layOutLocked() {
	const none, single = -2, -1
	run := none // where in pack the last of vec begins, if it is of small frames
	for o.next < len(o.log) {
		k := o.log[o.next]
		if k == nil {
			if hasDroppable {
				o.drops.holes--
			}
			o.next++
			continue
		}
		b := k.b[o.off:]
		if o.size > 0 && o.size+len(b) > maxWrite {
			return
		}
		switch {
		case len(b) == 0:
		case browser || k.owned || len(b) >= copyBelow: // nobody else holds it, or it is large
			o.vec = append(o.vec, b)
			run = none
		case run == none:
			o.vec = append(o.vec, b)
			run = single
		default:
			last := &o.vec[len(o.vec)-1]
			if o.pack == nil {
				o.pack = getPack(o.bytes - o.size + len(*last))
			}
			p := o.pack.b
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
			o.pack.b = append(p, b...)
			*last = o.pack.b[run:]
		}
		o.size += len(b)
		o.taken += uint64(k.frames - o.part)
		if k.owned && o.next == len(o.log)-1 { // more may be appended to it
			o.off, o.part = len(k.b), k.frames
			return
		}
		o.next, o.off, o.part = o.next+1, 0, 0
	}
}

// doneLocked ends what takeLocked began, whether that was written or not. It is kept until the peer has it, if
// the connection can be resumed.
func (o *Outbox) doneLocked() {
	o.bytes -= o.size
	o.keep.bytes += o.size
	o.size = 0
	o.written = o.taken
	clear(o.vec)
	if !browser && o.pack != nil {
		putPack(o.pack)
		o.pack = nil
	}
	o.drops.wrote()
	o.trimLocked()
	o.shrinkLocked(o.limit - o.bytes)
	if hasBudget && o.heldLocked() > 3*o.limit { // tiny frames under a policy that drops
		for o.heldLocked() > 3*o.limit && o.letGoLocked(o.written) {
		}
		o.countLocked()
	}
	o.pressLocked()
	if o.bytes <= o.limit/2 {
		o.openLocked()
	}
}

// letGoLocked lets go of the first block of the log if it is a hole, or holds only frames whose numbers are not
// beyond frames. It reports whether it did.
func (o *Outbox) letGoLocked(frames uint64) bool {
	if o.head == len(o.log) {
		if hasDroppable {
			o.drops.first += int64(o.head)
		}
		o.log, o.head, o.next, o.off, o.part = o.log[:0], 0, 0, 0, 0
		o.shortenLocked()
		return false
	}
	if k := o.log[o.head]; k != nil {
		end := o.base + uint64(k.frames)
		if end > frames {
			return false
		}
		o.base = end
		o.keep.bytes -= len(k.b)
		o.releaseLocked(k)
		o.log[o.head] = nil
	} else if hasDroppable && o.head >= o.next {
		o.drops.holes--
	}
	if o.head++; o.next < o.head {
		o.next, o.off, o.part = o.head, 0, 0
	}
	return true
}

// releaseLocked gives back a block that leaves the log.
func (o *Outbox) releaseLocked(k *Block) {
	switch {
	case k.owned:
		o.slack -= cap(k.b) - len(k.b) - blockCost
		k.release()
	case hasDroppable && k.topic != nil:
		o.slack -= k.extra()
	}
}

// shortenLocked lets go of the slices of log and vec if a burst has made them large.
func (o *Outbox) shortenLocked() {
	const most = 16
	if o.writing {
		return
	}
	if cap(o.log) > most && len(o.log) == 0 {
		o.log = nil
	}
	if cap(o.vec) > most {
		o.vec = nil
	}
}

// forgetWaitingLocked drops all that nobody has taken.
func (o *Outbox) forgetWaitingLocked() {
	for i := o.next; i < len(o.log); i++ {
		k := o.log[i]
		if k == nil {
			continue
		}
		if i == o.next && o.off > 0 { // in part: somebody may be writing the rest
			n := len(k.b) - o.off
			o.bytes -= n
			if k.owned {
				o.slack += n
			}
			k.b, k.frames = k.b[:o.off], o.part
			continue
		}
		o.bytes -= len(k.b)
		o.releaseLocked(k)
		o.log[i] = nil
	}
	o.log = o.log[:o.next+min(o.off, 1)]
	o.drops.holes = 0
	o.drops.wrote() // nothing waits any more
	o.trimLocked()
}
