package outbox

import (
	"github.com/hisock/hisock/core/internal/pool"
	"github.com/hisock/hisock/core/wire"
)

// Frames of streams wait outside the outbox until no other frames wait. The connection offers them with Offer. Then Take returns a link and no
// buffers. The writer fetches frames within FeedRoom and gives them to Feed, which queues them and returns what Take would return. The
// outbox queues and keeps them like other frames, but they never push out kept frames.
//
//	Offer → Take: no buffers, a link → FeedRoom → Feed → write → Next or Done

// A feed is an outbox's state of the frames that wait outside it. The outbox's lock guards it.
type feed struct {
	along bool // frames are offered that go along with other frames
	offer offer
	need  int    // bytes of room that the first frame needs
	probe uint64 // nonce of a ping to write; 0 for none
	first bool   // the ping goes before the data
	buf   [12]byte
}

// An offer says when offered frames are fetched that do not go along with other frames.
type offer uint8

const (
	none   offer = iota
	idle         // when no other frames wait
	urgent       // at once
)

// OfferAlong offers frames that go along with the next frames that are written.
func (o *Outbox) OfferAlong() {
	o.mu.Lock()
	if !o.closed && !o.foreign {
		if o.feed == nil {
			o.feed = new(feed)
		}
		o.feed.along = true
	}
	o.mu.Unlock()
}

// leastFeed is the room for offered frames in an empty outbox, in bytes, even if the outbox is small.
const leastFeed = 20 << 10

// Offer offers frames. If now is set they do not wait until other frames are written.
func (o *Outbox) Offer(now bool) {
	var w wake
	o.mu.Lock()
	if !o.closed && !o.foreign {
		if o.feed == nil {
			o.feed = new(feed)
		}
		f := o.feed
		switch {
		case now:
			f.offer = urgent
		case f.offer == none:
			f.offer, f.need = idle, 1
		}
		if o.askFeedLocked(); o.pendingLocked() {
			w = o.wakeLocked()
		}
	}
	o.mu.Unlock()
	o.wake(w)
}

// fetchesLocked reports whether frames are to be fetched before the next write. The outbox has other frames to write.
func (o *Outbox) fetchesLocked() bool { return o.feed != nil && (o.feed.along || o.hungryLocked()) }

// hungryLocked reports whether frames are to be fetched even if the outbox has no other frames to write.
func (o *Outbox) hungryLocked() bool {
	f := o.feed
	return f != nil && (f.offer == urgent || f.offer == idle && o.bytes <= o.size && f.need <= o.feedRoomLocked())
}

// feedRoomLocked returns the bytes of frames that may be fed. They leave half of the bound to other frames.
func (o *Outbox) feedRoomLocked() int {
	n := o.limit/2 - o.bytes - o.keep.bytes
	if o.bytes+o.keep.bytes == 0 {
		n = max(n, leastFeed)
	}
	return max(n, 0)
}

// askFeedLocked asks for an ack if the kept frames leave no room for the offered frames.
func (o *Outbox) askFeedLocked() {
	if f := o.feed; f != nil && f.offer != none && o.keep.bytes > 0 && f.need > o.feedRoomLocked() {
		o.askLocked()
	}
}

// FeedRoom takes the offer, and returns the bytes that may be fed. The caller has the task of writing, and calls Feed next.
func (o *Outbox) FeedRoom() int {
	o.mu.Lock()
	if o.feed != nil { // it is nil if the outbox has been closed
		o.feed.offer, o.feed.along = none, false
	}
	n := o.feedRoomLocked()
	o.mu.Unlock()
	return n
}

// Feed queues the frames of the pieces, counts[i] of them in pieces[i], and returns what Take would return. The pieces belong to the outbox
// afterwards. next is the room in bytes that the next frames need, or 0 if there are none. A probe that is not 0 is the nonce of a ping, which
// goes before the frames if first is set, and after them otherwise.
func (o *Outbox) Feed(pieces [][]byte, counts []int32, next int, probe uint64, first bool) (bufs [][]byte, link any) {
	o.mu.Lock()
	if f := o.feed; f != nil && !o.closed && !o.vain {
		for i, b := range pieces {
			if cap(b) == pool.ChunkSize && len(b) >= pool.ChunkSize/2 {
				o.adoptLocked(b, counts[i])
				continue
			}
			o.commitLocked(append(o.spaceLocked(len(b)), b...))
			o.log[len(o.log)-1].frames += counts[i] - 1
			o.queued += uint64(counts[i] - 1)
			pool.PutChunk(b)
		}
		o.pressLocked()
		if f.need = next; next > 0 && f.offer == none {
			f.offer = idle
		}
		if probe != 0 && o.link != nil {
			f.probe, f.first = probe, first
		}
		o.askFeedLocked()
	}
	bufs, link = o.takeLocked()
	o.mu.Unlock()
	return bufs, link
}

// adoptLocked queues the frames of a chunk without a copy: the chunk becomes a block. A copy of a large item takes as long as a write of it.
func (o *Outbox) adoptLocked(b []byte, frames int32) {
	k, ok := lent.Get().(*Block)
	if !ok {
		k = &Block{owned: true}
	}
	k.b, k.frames = b, frames
	o.appendLocked(k)
	o.bytes += len(b)
	o.queued += uint64(frames)
	if hasBudget {
		o.slack += cap(b) - len(b) - blockCost
		o.countLocked()
	}
}

// probeLocked appends the probe if it goes at this end of the write: before the data if first is set, or after the data.
func (o *Outbox) probeLocked(dst []byte, first bool) []byte {
	f := o.feed
	if f == nil || f.probe == 0 || f.first != first {
		return dst
	}
	dst = wire.AppendPing(dst, f.probe)
	f.probe = 0
	return dst
}

// starveLocked forgets the offer.
func (o *Outbox) starveLocked() { o.feed = nil }
