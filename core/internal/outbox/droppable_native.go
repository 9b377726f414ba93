//go:build !js

package outbox

import (
	"time"

	"github.com/hisock/hisock/core/internal/moment"
)

// droppable says where in the log the blocks are that may be dropped. Each holds one frame. Blocks are
// numbered as they are queued, so that a number holds while blocks before it are let go of. A block that was
// dropped leaves a hole, and holes are closed when they are more than half of what waits. A frame of which
// something was taken, now or before a resume, is never dropped.
type droppable struct {
	first  int64 // number of log[0]
	oldest int64 // number before which no block waits that may be dropped
	holes  int   // that wait

	// latest has the number of the last block of each topic, from the moment that frames wait for want of
	// room until the next write has ended; nil otherwise.
	latest map[topic]int64

	timed   bool          // frames with a topic have been queued
	writeAt moment.Moment // if timed, when the write under way began; zero while there is none
}

// A topic is what a frame is about: of each, only the last frame waits for room.
type topic struct{ command, key string }

// noTopic marks, by its address, a frame that may be dropped and stands for itself.
var noTopic = new(topic)

// stalled is how long a write lasts that is taken for one which waits for room.
const stalled = 50 * time.Millisecond

const (
	topicCost = 64                    // bytes that a frame with a topic weighs beside the topic's
	namedCost = blockCost + topicCost // bytes that a frame with a topic weighs beside its own and the topic's
)

var droppedRefusal = Refusal{Why: Dropped}

// NewDroppable returns a block of one frame that may be dropped, the oldest first.
func NewDroppable(frame []byte) *Block {
	k := NewBlock(frame)
	k.topic = noTopic
	return k
}

// NewLatest returns a block of one frame in whose place a newer one of the same command and key may be queued.
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

// extra is how many bytes k weighs for its topic.
func (k *Block) extra() int {
	if !k.named() {
		return 0
	}
	return topicCost + len(k.topic.command) + len(k.topic.key)
}

// ShareDroppable queues a frame for which others may be dropped, or which may not be queued itself: if it is
// one of NewBlock it is dropped when there is no room for it, and otherwise older ones are. The peer is told how many
// frames it does not get.
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

// lostLocked counts frames that were dropped. The peer is told.
func (o *Outbox) lostLocked(n int) {
	if n > 0 {
		o.of.Dropped.Add(uint64(n))
		o.missLocked(n)
	}
}

// makeRoomLocked drops what may be dropped for a frame that may not, and reports whether that
// made room.
func (o *Outbox) makeRoomLocked(n int) bool {
	lost := o.conflateLocked()
	if !o.roomForLocked(n, o.limit) {
		lost += o.dropOldestLocked(n, 0, 0)
	}
	o.lostLocked(lost)
	return lost > 0 && o.roomForLocked(n, o.limit)
}

// admitDroppableLocked reports whether n more bytes of a frame that may be dropped may wait.
func (o *Outbox) admitDroppableLocked(n int) bool {
	if reserve := o.reserveLocked(); reserve > 0 && o.bytes+reserve+n > o.limit {
		return false
	}
	return o.roomForLocked(n, o.limit)
}

// reserveLocked is how many bytes of the bound a frame that may be dropped must leave: while there is no
// link, what is kept, without which the connection cannot be resumed.
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
		if o.writing { // since when is not known
			d.writeAt = moment.Now()
		}
	}
}

// replaceLocked drops the frames in whose place one of n bytes with that topic is queued, and returns
// how many that were. Only frames that wait for want of room are replaced: while there is no link,
// while the write before them has stalled, or when all together, with what a frame weighs beside its
// bytes, are too many. A frame that can be written at once never is.
func (o *Outbox) replaceLocked(about *topic, n int) (lost int) {
	d := &o.drops
	if d.latest == nil {
		waits := o.link == nil || d.writeAt != 0 && d.writeAt.Since() >= stalled
		if !waits && o.bytes+n+namedCost*o.waitingLocked() <= o.limit && o.admitDroppableLocked(n) {
			return 0
		}
		lost = o.conflateLocked()
	}
	if at, ok := d.latest[*about]; ok && at >= o.waitingFrom() { // else it has been written
		lost += o.dropLocked(int(at - d.first))
		o.closeHolesLocked()
		o.countLocked()
	}
	if o.bytes+n+namedCost*o.waitingLocked() > o.limit { // they are of too many topics
		lost += o.dropOldestLocked(n, 0, namedCost)
	}
	return lost
}

// conflateLocked drops all that wait but the last of each topic, of the frames that have one, and returns
// how many that were. From then on latest is kept.
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

// waitingLocked is how many blocks wait.
func (o *Outbox) waitingLocked() int { return len(o.log) - o.next - o.drops.holes }

// waitingFrom is the number of the first block that may be dropped if it is of that kind: nobody
// has begun to write it, now or before a resume.
func (o *Outbox) waitingFrom() int64 { return max(o.drops.first+int64(o.next), o.drops.oldest) }

// dropOldestLocked drops frames until n bytes more than reserve may wait, if each frame that waits counts
// for each bytes more, and returns how many it dropped.
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

// dropLocked drops the block at i, if it may be dropped, and leaves a hole. It returns how many frames that were.
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

// closeHolesLocked moves what waits together when most of it are holes. Blocks that move get new numbers.
func (o *Outbox) closeHolesLocked() {
	d := &o.drops
	if d.holes < 32 || d.holes < (len(o.log)-o.next)/2 {
		return
	}
	clear(d.latest) // also of what was written
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

// protectLocked keeps what has been taken from being dropped when it waits again, as frames that
// both ends count.
func (o *Outbox) protectLocked() {
	d := &o.drops
	d.oldest = o.waitingFrom()
	for _, k := range o.log[o.head:o.next] {
		if k == nil {
			d.holes++
		}
	}
}
