package stream

import (
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/pool"
	"github.com/hisock/hisock/core/wire"
)

// An outState is a state of a stream's direction out.
type outState uint8

const (
	sending outState = iota // items may be sent
	closing                 // the end follows the waiting items
	closed                  // nothing more is pulled: the end was pulled, or dropped
)

// A Stream is one stream of a connection. The peer sends in its direction in, and this side sends in its direction out.
//
//	taken ≤ received, delivered ≤ sent
type Stream struct {
	t      *Table
	id     uint64
	theirs bool // the peer has opened it

	// Cancel ends the context of the handler, if the stream has one. It is set before another goroutine knows the stream.
	Cancel func(why error)

	// Stopped is called when the peer takes no more, but has sent all in order. It is nil for none, and set before the peer knows the stream.
	Stopped func()

	readable chan struct{} // has a token when a waiting receiver is to try again
	writable chan struct{} // has a token when a waiting sender is to try again

	taken   atomic.Uint64 // items that TryNext has returned, or bytes if the stream carries bytes
	aborted atomic.Bool   // the stream drops the items that TryNext has not returned; written with the table's lock

	// Guarded by the table's lock, like all fields below except the last group.
	carries bool // the stream carries bytes, not items: it does not join parts
	begun   bool // see Begin
	over    bool // both directions have ended, and the table does not have the stream
	left    bool // see Leave

	in       []*segment // the received items, the oldest first; not those of batch
	spare    []*segment // memory for later items
	part     int        // bytes at the end of in that belong to an incomplete item
	partCost int        // the credit that these bytes have cost, without the part that is in owed
	credit   int        // bytes that the peer may still send
	owed     int        // bytes that the next grant gives the peer
	extra    int        // bytes by which the window exceeds the limit; counted in the table's grown
	steady   int        // cost of the items that were taken since the window last changed
	busy     int        // cost of the items that were taken since the receiver last waited
	inDone   bool       // the peer has sent all
	inErr    error      // why no more items come; TryNext returns it after the received items
	stopped  bool       // this side takes no more
	waits    bool       // a receiver waits for readable
	weighs   int        // bytes of memory of everything received, as counted in the table's held
	used     int        // bytes of the most that has waited to be taken lately, which falls slowly: as much is likely to wait again

	chunks    []chunk // the chunks that wait to be pulled
	waiting   int     // bytes in chunks
	may       int     // bytes that this side may still send
	out       outState
	end       []byte // the frames of the end, which follow the chunks
	ends      int    // frames in end
	failing   bool   // the end ends both directions
	outErr    error  // why no more can be sent
	mid       *Item  // the item of which a part has been sent
	senders   int    // the senders that wait for writable
	crowded   bool   // a sender waits for room, not for credit
	sent      uint64 // items, or bytes
	delivered uint64 // the part of sent that is known to have arrived
	drained   chan struct{}

	queued bool   // the stream is in the table's turns
	tells  When   // when the owner was told to pull; the stream is in the table's told unless this is Never
	last   []byte // the frame that tells the peer of the end of a stream that is over

	// Owned by the goroutine that takes items. It changes batch with the table's lock.
	batch  *segment // the segment that is being taken; nil if there is none
	recs   []record // of batch
	at     int      // index in recs of the next item
	off    int      // offset in batch of the next item
	ate    int      // cost of taken items that is not in owed
	inHand int      // cost of the last item that TryNext has returned, which is not in ate
}

// ID returns the id of the stream.
func (s *Stream) ID() uint64 { return s.id }

// Begin sets whether the stream carries bytes or items, and grants the rest of the window. It comes before the first TryNext. Further calls
// grant nothing.
func (s *Stream) Begin(carries bool) {
	t := s.t
	t.mu.Lock()
	s.carries = carries
	w := Never
	if s.theirs && !s.inDone && !s.begun {
		s.owed += t.limits.Window - wire.FirstStreamCredit
		w = s.tellLocked(Now)
	}
	if carries && !s.begun {
		for _, k := range s.in {
			t.carried.Received -= uint64(len(k.recs)) // the received pieces are not items
		}
	}
	s.begun = true
	t.mu.Unlock()
	t.ready(w)
}

// A State is the outcome of an attempt.
type State uint8

const (
	Done  State = iota // the attempt has succeeded
	Wait               // try again once there is a token
	Ended              // no more items can be received or sent; the error says why
)

func (s *Stream) wakeSenderLocked() {
	s.crowded = false
	if s.senders > 0 {
		token(s.writable)
	}
}

func token(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// Readable has a token when a waiting receiver is to try again, and Writable when a waiting sender is.
func (s *Stream) Readable() <-chan struct{} { return s.readable }
func (s *Stream) Writable() <-chan struct{} { return s.writable }

// WakeReader lets a waiting receiver try again, and WakeSender a waiting sender.
func (s *Stream) WakeReader() { token(s.readable) }
func (s *Stream) WakeSender() { token(s.writable) }

// An Item is an item that a sender sends. Rest is the part that has not been sent.
type Item struct {
	Rest    []byte
	More    bool // the item has more bytes after Rest
	waiting bool // the item's sender counts in senders
}

const (
	maxPiece = 63 << 10 // bytes of an item in one frame
	minPiece = 1 << 10  // bytes: a sender with credit for less waits for more
)

// A chunk is a buffer of frames that wait to be pulled.
type chunk struct {
	b      []byte
	weighs int // bytes of memory, as counted in the table's held
	frames int
	units  uint64 // the items that end in the chunk, or its bytes of payload
}

// fewItems is a number of bytes. As long as fewer bytes of frames wait, they take memory of their own size, not of a whole chunk.
const fewItems = 4 << 10

// newChunk returns memory for frames of up to full bytes, if n bytes of frames wait.
func newChunk(n, full int) []byte {
	switch {
	case n <= fewItems:
		return nil
	case full <= pool.ChunkSize/2:
		return make([]byte, 0, full)
	}
	return pool.GetChunk()
}

// SendNow sends an item that fits into one frame, if there are credit and room for it. It reports whether it has sent the item.
func (s *Stream) SendNow(item []byte) bool {
	t := s.t
	t.mu.Lock()
	n := len(item)
	ok := s.out == sending && s.outErr == nil && s.mid == nil && s.senders == 0 &&
		n <= t.flow.piece() && s.waiting < t.flow.ahead() && n+wire.StreamItemCost <= s.may
	w := Never
	if ok {
		s.may -= n + wire.StreamItemCost
		s.putLocked(item, true)
		w = t.offerLocked()
	}
	t.mu.Unlock()
	t.ready(w)
	return ok
}

// TrySend queues as much of an item as there is credit and room for. The item has been sent if the state is Done.
func (s *Stream) TrySend(it *Item) (st State, err error) {
	t := s.t
	t.mu.Lock()
	if it.waiting {
		it.waiting = false
		s.senders--
	}
	st = s.sendLocked(it)
	switch st {
	case Wait:
		it.waiting = true
		s.senders++
	case Ended:
		err = s.outErr
		fallthrough
	default:
		s.wakeSenderLocked() // another sender may go on
	}
	w := s.offerLocked()
	t.mu.Unlock()
	t.ready(w)
	return st, err
}

// Withdraw gives up an item whose sender waits. The part that has been sent stays sent, so only streams of bytes use it.
func (s *Stream) Withdraw(it *Item) {
	s.t.mu.Lock()
	if it.waiting {
		it.waiting = false
		s.senders--
	}
	if s.mid == it {
		s.mid = nil
	}
	s.wakeSenderLocked() // another sender may go on
	s.t.mu.Unlock()
}

func (s *Stream) sendLocked(it *Item) State {
	if s.out != sending || s.outErr != nil {
		return Ended
	}
	if s.mid != nil && s.mid != it {
		return Wait
	}
	for {
		n := len(it.Rest)
		if s.waiting >= s.t.flow.ahead() {
			s.crowded = true
			return Wait
		}
		if s.may < min(n, minPiece)+wire.StreamItemCost {
			return Wait
		}
		n = min(n, s.pieceLocked(n), s.may-wire.StreamItemCost)
		s.may -= n + wire.StreamItemCost
		last := n == len(it.Rest)
		s.putLocked(it.Rest[:n], last && !it.More)
		it.Rest = it.Rest[n:]
		s.mid = it
		if last && !it.More {
			s.mid = nil
		}
		if last {
			return Done
		}
	}
}

// pieceLocked returns how many of n bytes of an item go into one frame: as many as fit into the last chunk, unless they are
// few.
func (s *Stream) pieceLocked(n int) int {
	piece := s.t.flow.piece()
	if last := len(s.chunks) - 1; last >= 0 && n > piece/4 {
		if room := min(pool.ChunkSize, piece+64) - len(s.chunks[last].b) - 32; room >= piece/4 {
			return min(room, piece)
		}
	}
	return piece
}

// putLocked puts a piece into the last chunk.
func (s *Stream) putLocked(piece []byte, last bool) {
	n := wire.StreamItemSize(s.id, len(piece))
	full := max(min(pool.ChunkSize, s.t.flow.piece()+64), n)
	i := len(s.chunks) - 1
	if i < 0 || len(s.chunks[i].b)+n > full {
		s.chunks = append(s.chunks, chunk{b: newChunk(s.waiting+n, full)})
		i++
	}
	k := &s.chunks[i]
	if len(k.b) > 0 && len(k.b)+n > max(cap(k.b), fewItems) { // the items are more than few
		k.b = append(newChunk(len(k.b)+n, full), k.b...)
	}
	if last || s.carries {
		k.b = wire.AppendStreamItem(k.b, s.id, piece)
	} else {
		k.b = wire.AppendStreamPart(k.b, s.id, piece)
	}
	k.frames++
	s.t.carried.SentBytes += uint64(len(piece))
	switch {
	case s.carries:
		k.units += uint64(len(piece))
		s.sent += uint64(len(piece))
	case last:
		k.units++
		s.sent++
		s.t.carried.Sent++
	}
	s.waiting += n
	if c := cap(k.b); c != k.weighs {
		s.t.holdLocked(c - k.weighs)
		k.weighs = c
	}
	s.queueLocked()
}

func (s *Stream) queueLocked() {
	if !s.queued {
		s.queued = true
		s.t.turns = append(s.t.turns, s)
	}
}
