package outbox

// maxWrite bounds the bytes of one write: it holds many frames, and is small enough that writes to a slow peer return
// now and then.
const maxWrite = 128 << 10

// A frame that several outboxes share is copied if it is shorter than shareFrom, since a reference costs nearly as
// much. A shared frame shorter than copyBelow is copied together with its neighbours when it is
// written, rather than given to the stream as a slice of its own.
const (
	shareFrom = 64      // bytes
	copyBelow = 4 << 10 // bytes
)

// spaceLocked returns a slice with room for n more bytes at its end. The caller must append the frame to it, give it to
// commitLocked, and then call pressLocked.
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
				least = max(n, smallBlock+1) // a small block was too small: more frames are likely to come
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

// shareLocked queues a frame that other outboxes may hold too. It copies the frame if it is shorter than shareFrom, or
// shorter than copyBelow and the last block has room for it.
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

// leastUncounted is the number of bytes that may be queued, at least, before they are counted.
const leastUncounted = 1 << 10

// heldLocked returns the memory of the blocks in log and of the notices that wait, in bytes.
func (o *Outbox) heldLocked() int {
	return o.bytes + o.keep.bytes + blockCost*(len(o.log)-o.head) + o.slack + o.notices
}

// countLocked counts the memory that the outbox holds in the budget. To count each frame would make a
// broadcast some 5 % slower. So memory is counted when a write ends, and as soon as the frames that were queued since
// then may fill a step of the meter. A frame that takes more than twice its bytes is counted by itself.
func (o *Outbox) countLocked() {
	if !hasBudget || o.uncounted {
		return
	}
	if o.mem.Set(o.of.Budget, o.heldLocked()) {
		o.over = true
	}
	o.mark = o.bytes + max(o.mem.Room()/2, leastUncounted)
}

// appendLocked appends a block to the log. Before the log grows, it moves the blocks to the front if half of the log is
// unused.
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

// layOutLocked appends the frames that wait to vec, at most about maxWrite bytes. It copies small shared frames together.
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

// doneLocked ends the write that takeLocked has begun, whether it has succeeded or not. If frames are kept, the written
// frames are kept until the peer has acknowledged them.
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
	if hasBudget && o.heldLocked() > 3*o.limit { // tiny frames under a policy that drops: blocks cost more than frames
		for o.heldLocked() > 3*o.limit && o.letGoLocked(o.written) {
		}
		o.countLocked()
	}
	o.pressLocked()
	if o.bytes <= o.limit/2 {
		o.openLocked()
	}
}

// letGoLocked lets go of the first block of the log if it is a hole, or if its last frame has a number of at most
// frames. It reports whether it has.
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

// shortenLocked lets go of the arrays of log and vec if a burst has made them large.
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

// forgetWaitingLocked drops all frames that nobody has taken.
func (o *Outbox) forgetWaitingLocked() {
	for i := o.next; i < len(o.log); i++ {
		k := o.log[i]
		if k == nil {
			continue
		}
		if i == o.next && o.off > 0 { // taken in part: somebody may be writing that part
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
