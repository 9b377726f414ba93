package outbox

import (
	"github.com/hisock/hisock/core/internal/pool"
	"github.com/hisock/hisock/core/wire"
)

// Frames of streams wait elsewhere until nothing else does. Who has some offers them; then Take returns no buffers
// and a link, and who writes fetches frames, within FeedRoom, and gives them to Feed, which is Take for what
// there is then. They are queued and kept like others, but never push out what is kept.
//
//	Offer → Take: no buffers, a link → FeedRoom → Feed → write → Next or Done

// A feed is what an outbox knows of frames that wait elsewhere. It is guarded by the outbox's lock.
type feed struct {
	along bool // frames are offered that go along with others
	offer offer
	need  int    // bytes of room without which there is nothing to be fed
	probe uint64 // nonce of a ping that is to be written; 0 for none
	first bool   // it goes before the data
	buf   [12]byte
}

// An offer says how frames are offered that do not go along with others.
type offer uint8

const (
	none   offer = iota
	idle         // when nothing else waits
	urgent       // now
)

// OfferAlong says that frames wait elsewhere which go along with the next frames that are written.
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

// leastFeed is how many bytes an empty outbox takes of frames that wait elsewhere, however small it is.
const leastFeed = 20 << 10

// Offer says that frames wait elsewhere. Those that are urgent do not wait for what else is to be written.
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

// fetchesLocked reports whether frames are to be fetched before anything is written. Something is to be written.
func (o *Outbox) fetchesLocked() bool { return o.feed != nil && (o.feed.along || o.hungryLocked()) }

// hungryLocked reports whether frames are to be fetched though nothing else may be written.
func (o *Outbox) hungryLocked() bool {
	f := o.feed
	return f != nil && (f.offer == urgent || f.offer == idle && o.bytes <= o.size && f.need <= o.feedRoomLocked())
}

// feedRoomLocked is how many bytes of frames may be fed: as many as leave half of the bound to others.
func (o *Outbox) feedRoomLocked() int {
	n := o.limit/2 - o.bytes - o.keep.bytes
	if o.bytes+o.keep.bytes == 0 {
		n = max(n, leastFeed)
	}
	return max(n, 0)
}

// askFeedLocked asks for an ack if what is kept leaves no room for what is offered.
func (o *Outbox) askFeedLocked() {
	if f := o.feed; f != nil && f.offer != none && o.keep.bytes > 0 && f.need > o.feedRoomLocked() {
		o.askLocked()
	}
}

// FeedRoom returns how many bytes may be fed, and takes the offer. The caller has the task of writing, and calls Feed.
func (o *Outbox) FeedRoom() int {
	o.mu.Lock()
	if o.feed != nil { // else it was closed meanwhile
		o.feed.offer, o.feed.along = none, false
	}
	n := o.feedRoomLocked()
	o.mu.Unlock()
	return n
}

// Feed queues frames, of which the i-th piece has counts[i], and is Take then. The pieces are the outbox's from now on. next is how many bytes of room it takes to
// feed more; 0 if there is no more. A probe that is not 0 is the nonce of a ping, which goes first or last.
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

// adoptLocked queues the frames of a chunk, which becomes a block: to copy a large item again would take as long as a write of it.
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

// probeLocked appends the ping that is to be written at one of the ends of what is written.
func (o *Outbox) probeLocked(dst []byte, first bool) []byte {
	f := o.feed
	if f == nil || f.probe == 0 || f.first != first {
		return dst
	}
	dst = wire.AppendPing(dst, f.probe)
	f.probe = 0
	return dst
}

// starveLocked forgets what was offered.
func (o *Outbox) starveLocked() { o.feed = nil }
