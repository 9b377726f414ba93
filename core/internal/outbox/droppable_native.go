//go:build !js

package outbox

import (
	"time"

	"github.com/hisock/hisock/core/internal/moment"
)

// A droppable says where in the log the blocks are that may be dropped. Each holds one frame. Blocks are
// numbered as they are queued, so that a block keeps its number while blocks before it are let go of. A block that was
// dropped leaves a hole. Holes are closed when they are more than half of the blocks that wait. A frame of which
// a part was taken, now or before a resume, is never dropped.
type droppable struct {
	first  int64 // number of log[0]
	oldest int64 // no block with a lower number may be dropped
	holes  int   // holes among the blocks that wait

	// latest has the number of the last block of each topic, from the moment at which frames wait for
	// room until the next write has ended. It is nil otherwise.
	latest map[topic]int64

	timed   bool          // frames with a topic have been queued
	writeAt moment.Moment // if timed, when the write under way began; zero while there is none
}

// A topic is what a frame is about. Of the frames of one topic only the last waits for room.
type topic struct{ command, key string }

// noTopic marks, by its address, a frame that may be dropped and that no newer frame replaces.
var noTopic = new(topic)

// stalled is how long a write must last before the frames after it count as waiting for room.
const stalled = 50 * time.Millisecond

const (
	topicCost = 64                    // how much a topic counts beside its strings, in bytes
	namedCost = blockCost + topicCost // how much a frame with a topic counts beside its bytes and the topic's strings
)

var droppedRefusal = Refusal{Why: Dropped}

// NewDroppable returns a block of one frame that may be dropped, the oldest first.
func NewDroppable(frame []byte) *Block {
	k := NewBlock(frame)
	k.topic = noTopic
	return k
}

// NewLatest returns a block of one frame that a newer one of the same command and key may replace.
func NewLatest(frame []byte, command, key string) *Block {
	k := &struct {
		Block
		topic topic
	}{*NewBlock(frame), topic{command, key}}
	k.Block.topic = &k.topic
	return &k.Block
}

// named reports whether the block has a topic.
func (k *Block) named() bool { return k.topic != nil && k.topic != noTopic }

// extra returns how much k counts for its topic, in bytes.
func (k *Block) extra() int {
	if !k.named() {
		return 0
	}
	return topicCost + len(k.topic.command) + len(k.topic.key)
}

// ShareDroppable queues a frame by a policy that drops. If there is no room, a frame of NewBlock is not queued, and for
// a frame of NewDroppable or NewLatest older ones are dropped. The peer is told how many frames it does not get.
func (o *Outbox) ShareDroppable(k *Block) (no *Refusal) {
	n, lost := len(k.b), 0
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return &closedRefusal
	}
	if k.named() {
		lost = o.replaceLocked(k.topic, n)
	}
	if k.topic != nil && !o.admitDroppableLocked(n) {
		lost += o.dropOldestLocked(n, o.reserveLocked(), 0)
	}
	switch {
	case !o.admitDroppableLocked(n):
		lost++
		no = &droppedRefusal
	case k.topic == nil:
		o.shareLocked(k)
	default:
		o.addDroppableLocked(k)
	}
	o.lostLocked(lost)
	w := o.wakeLocked()
	o.mu.Unlock()
	if w != 0 {
		o.wake(w)
	}
	return no
}

// lostLocked counts n frames that were dropped. The peer is told the sum.
func (o *Outbox) lostLocked(n int) {
	if n > 0 {
		o.of.Dropped.Add(uint64(n))
		o.missLocked(n)
	}
}

// makeRoomLocked drops frames that may be dropped, to make room for a frame of n bytes that may not. It reports whether
// there is room now.
func (o *Outbox) makeRoomLocked(n int) bool {
	lost := o.conflateLocked()
	if !o.roomForLocked(n, o.limit) {
		lost += o.dropOldestLocked(n, 0, 0)
	}
	o.lostLocked(lost)
	return lost > 0 && o.roomForLocked(n, o.limit)
}

// admitDroppableLocked reports whether a frame of n bytes that may be dropped may wait.
func (o *Outbox) admitDroppableLocked(n int) bool {
	if reserve := o.reserveLocked(); reserve > 0 && o.bytes+reserve+n > o.limit {
		return false
	}
	return o.roomForLocked(n, o.limit)
}

// reserveLocked returns how many bytes of the bound frames that may be dropped must leave: while there is no
// link, as many as are kept, since without the kept frames the connection cannot be resumed.
func (o *Outbox) reserveLocked() int {
	if o.link == nil {
		return o.keep.bytes
	}
	return 0
}

// addDroppableLocked queues a frame that may be dropped.
func (o *Outbox) addDroppableLocked(k *Block) {
	o.slack += k.extra()
	o.addLocked(k)
	if !k.named() {
		return
	}
	d := &o.drops
	if d.latest != nil {
		d.latest[*k.topic] = d.first + int64(len(o.log)-1)
	}
	if !d.timed {
		d.timed = true
		if o.writing { // when that write has begun is not known
			d.writeAt = moment.Now()
		}
	}
}

// replaceLocked drops the frames that a new frame of n bytes with the topic about replaces, and returns
// how many it has dropped. Only frames that wait for room are replaced: while there is no link,
// while the write before them has stalled, or when all frames together, with namedCost for each,
// exceed the bound. A frame that can be written at once is never replaced.
func (o *Outbox) replaceLocked(about *topic, n int) (lost int) {
	d := &o.drops
	if d.latest == nil {
		waits := o.link == nil || d.writeAt != 0 && d.writeAt.Since() >= stalled
		if !waits && o.bytes+n+namedCost*o.waitingLocked() <= o.limit && o.admitDroppableLocked(n) {
			return 0
		}
		lost = o.conflateLocked()
	}
	if at, ok := d.latest[*about]; ok && at >= o.waitingFrom() { // else that frame has been taken
		lost += o.dropLocked(int(at - d.first))
		o.closeHolesLocked()
		o.countLocked()
	}
	if o.bytes+n+namedCost*o.waitingLocked() > o.limit { // there are too many topics
		lost += o.dropOldestLocked(n, 0, namedCost)
	}
	return lost
}

// conflateLocked drops, of the frames with a topic that wait, all but the last of each topic, and returns
// how many it has dropped. From then on latest is kept.
func (o *Outbox) conflateLocked() (lost int) {
	d := &o.drops
	if !d.timed || d.latest != nil {
		return 0
	}
	d.latest = make(map[topic]int64)
	for i := len(o.log) - 1; i >= int(o.waitingFrom()-d.first); i-- {
		k := o.log[i]
		if k == nil || !k.named() {
			continue
		}
		if _, later := d.latest[*k.topic]; later {
			lost += o.dropLocked(i)
		} else {
			d.latest[*k.topic] = d.first + int64(i)
		}
	}
	o.closeHolesLocked()
	o.countLocked()
	return lost
}

// writes notes that a write begins.
func (d *droppable) writes() {
	if d.timed {
		d.writeAt = moment.Now()
	}
}

// wrote notes that a write has ended: there is room again.
func (d *droppable) wrote() {
	if d.timed {
		d.latest, d.writeAt = nil, 0
	}
}

// waitingLocked returns the number of blocks that wait.
func (o *Outbox) waitingLocked() int { return len(o.log) - o.next - o.drops.holes }

// waitingFrom returns the number of the first block that nobody has begun to write, now or before a resume. Only blocks
// from this one on may be dropped.
func (o *Outbox) waitingFrom() int64 { return max(o.drops.first+int64(o.next), o.drops.oldest) }

// dropOldestLocked drops the oldest frames until n more bytes may wait, with reserve bytes left free and each bytes more
// counted for each frame that waits. It returns how many it has dropped.
func (o *Outbox) dropOldestLocked(n, reserve, each int) (lost int) {
	d := &o.drops
	i := int(o.waitingFrom() - d.first)
	for ; i < len(o.log) && o.bytes > 0 && o.bytes+reserve+n+each*o.waitingLocked() > o.limit; i++ {
		lost += o.dropLocked(i)
	}
	d.oldest = d.first + int64(i)
	o.closeHolesLocked()
	o.countLocked()
	return lost
}

// dropLocked drops the block at index i, if it may be dropped, and leaves a hole. It returns how many frames it has
// dropped, 0 or 1.
func (o *Outbox) dropLocked(i int) int {
	k := o.log[i]
	if k == nil || k.topic == nil {
		return 0
	}
	d := &o.drops
	if at, ok := d.latest[*k.topic]; ok && at == d.first+int64(i) {
		delete(d.latest, *k.topic)
	}
	o.bytes -= len(k.b)
	o.slack -= k.extra()
	o.queued--
	o.log[i] = nil
	d.holes++
	o.pressLocked()
	return 1
}

// closeHolesLocked moves the blocks that wait together when most of them are holes. Blocks that move get new numbers.
func (o *Outbox) closeHolesLocked() {
	d := &o.drops
	if d.holes < 32 || d.holes < (len(o.log)-o.next)/2 {
		return
	}
	clear(d.latest) // also the numbers of blocks that were written
	oldest, to := int(d.oldest-d.first), o.next
	for at := o.next; at < len(o.log); at++ {
		if at == oldest {
			d.oldest = d.first + int64(to)
		}
		k := o.log[at]
		if k == nil {
			continue
		}
		if d.latest != nil && k.named() {
			d.latest[*k.topic] = d.first + int64(to)
		}
		o.log[to] = k
		to++
	}
	d.oldest = min(d.oldest, d.first+int64(to))
	clear(o.log[to:])
	o.log, d.holes = o.log[:to], 0
}

// protectLocked keeps frames that have been taken, and that wait again, from being dropped, since both ends
// count them.
func (o *Outbox) protectLocked() {
	d := &o.drops
	d.oldest = o.waitingFrom()
	for _, k := range o.log[o.head:o.next] {
		if k == nil {
			d.holes++
		}
	}
}
