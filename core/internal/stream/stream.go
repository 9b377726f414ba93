package stream

import (
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/pool"
	"github.com/hisock/hisock/core/wire"
)

// An outState says how far the sending of a stream has come.
type outState uint8

const (
	sending outState = iota // items may be sent
	closing                 // no more items; what waits is sent, and then the end
	closed                  // the end was sent
)

// A Stream is one stream of a connection. Its direction in is what the peer sends, and out what this side does.
//
//	taken ≤ received, delivered ≤ sent
type Stream struct {
	t      *Table
	id     uint64
	theirs bool // the peer has opened it

	// Cancel ends the context of the handler, if it has one. It is set before anybody else knows the stream.
	Cancel func(why error)

	readable chan struct{} // has a token when who waits for an item is to look again
	writable chan struct{} // likewise for who sends

	taken   atomic.Uint64 // items, or bytes if it carries bytes, that TryNext has returned
	aborted atomic.Bool   // what TryNext has not returned is dropped; set with the table's lock

	// Guarded by the table's lock, as all fields below but the last ones.
	carries bool // bytes, and not items: parts are not put together
	begun   bool // see Begin
	over    bool // it has ended, and is not in the table any more
	left    bool // see Leave

	in       []byte // payloads of items that were received
	items    []record
	part     int   // bytes at the end of in, of an item that has not come whole
	partCost int   // of these, what was not owed yet
	credit   int   // bytes that the peer may send
	owed     int   // bytes that the peer is to be granted
	inDone   bool  // the peer has sent all
	inErr    error // why no more comes; after what has come
	stopped  bool  // nobody takes any more
	waits    bool  // somebody waits for readable
	batched  int   // bytes of batch
	kept     int   // bytes of memory of batch and recs
	weighs   int   // bytes of memory that are counted, of all that is received
	used     int   // bytes that the last batches had at most: as much is likely to come again

	chunks    []chunk // that wait to be pulled
	waiting   int     // bytes in these
	may       int     // bytes that the peer has granted
	out       outState
	end       []byte // frames that end the stream, behind the chunks
	ends      int    // frames in end
	failing   bool   // the last of these ends both directions
	outErr    error  // why no more can be sent
	mid       *Item  // of which a part has been sent
	senders   int    // that wait for writable
	crowded   bool   // one of these waits until less waits to be pulled, and not for credit
	sent      uint64 // items, or bytes
	delivered uint64 // of these, what is known to have arrived
	drained   chan struct{}

	queued bool   // it is in the table's turns
	tells  When   // it is in the table's told, unless this is Never
	last   []byte // a frame to say, although the stream is over

	// Owned by who takes items.
	batch []byte
	recs  []record
	at    int // of recs, the next
	off   int // of batch
	ate   int // cost of items that were taken and are not owed yet
}

// ID returns the id of the stream.
func (s *Stream) ID() uint64 { return s.id }

// Begin says whether the stream carries bytes or items, and grants the rest of the window. Nobody takes before. More calls do nothing.
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
		t.carried.Received -= uint64(len(s.items)) // what has come is no item
	}
	s.begun = true
	t.mu.Unlock()
	t.ready(w)
}

// A State says what has come of an attempt.
type State uint8

const (
	Done  State = iota // it has succeeded
	Wait               // look again when there is a token
	Ended              // there is no more; see the error
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

// Readable has a token when who waits for an item is to look again, Writable when who sends is.
func (s *Stream) Readable() <-chan struct{} { return s.readable }
func (s *Stream) Writable() <-chan struct{} { return s.writable }

// WakeReader lets who waits for an item look again, WakeSender who sends.
func (s *Stream) WakeReader() { token(s.readable) }
func (s *Stream) WakeSender() { token(s.writable) }

// An Item is what somebody sends. Rest is what was not sent yet.
type Item struct {
	Rest    []byte
	More    bool // the item goes on behind Rest
	waiting bool // it counts in senders
}

const (
	maxPiece = 48 << 10 // bytes of an item in one frame
	minPiece = 1 << 10  // bytes: who has credit for less waits for more
)

// A chunk is frames that wait to be pulled.
type chunk struct {
	b      []byte
	weighs int // bytes of memory that are counted
	frames int
	units  uint64 // items that end in it, or bytes
}

// fewItems is how many bytes of items that wait take memory of their size, and not of a whole chunk.
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

// SendNow sends a short item, if there is credit and room for it. It reports whether it did.
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
		s.wakeSenderLocked() // another one that waits
	}
	w := s.offerLocked()
	t.mu.Unlock()
	t.ready(w)
	return st, err
}

// Withdraw gives up an item that waits. The part of it that was sent stays sent, which is for a stream of bytes.
func (s *Stream) Withdraw(it *Item) {
	s.t.mu.Lock()
	if it.waiting {
		it.waiting = false
		s.senders--
	}
	if s.mid == it {
		s.mid = nil
	}
	s.wakeSenderLocked() // another one that waits
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

// pieceLocked is how much of n bytes of an item is sent in one frame: as much as fits into the last chunk, unless that is
// little.
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
	if len(k.b) > 0 && len(k.b)+n > max(cap(k.b), fewItems) { // many items after all
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
