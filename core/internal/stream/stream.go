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
	sent      uint64 // items, or bytes
	delivered uint64 // of these, what is known to have arrived
	drained   chan struct{}

	queued bool   // it is in the table's ready
	tells  bool   // it is in the table's told
	last   []byte // a frame to say, although the stream is over

	// Owned by who takes items.
	batch []byte
	recs  []record
	at    int // of recs, the next
	off   int // of batch
	ate   int // cost of items that were taken and are not owed yet
}

// A record is an item that was received.
type record struct {
	n    int // bytes
	cost int // bytes of credit
}

const recordSize = 16 // bytes of memory

// ID returns the id of the stream.
func (s *Stream) ID() uint64 { return s.id }

// Begin says whether the stream carries bytes or items, and grants the rest of the window. Nobody takes before. More calls do nothing.
func (s *Stream) Begin(carries bool) {
	t := s.t
	t.mu.Lock()
	s.carries = carries
	urgent := false
	if s.theirs && !s.inDone && !s.begun {
		s.owed += t.limits.Window - wire.FirstStreamCredit
		urgent = s.tellLocked()
	}
	if carries && !s.begun {
		t.carried.Received -= uint64(len(s.items)) // what has come is no item
	}
	s.begun = true
	t.mu.Unlock()
	if urgent {
		t.owner.Ready(true)
	}
}

// A State says what has come of an attempt.
type State uint8

const (
	Done  State = iota // it has succeeded
	Wait               // look again when there is a token
	Ended              // there is no more; see the error
)

func (s *Stream) gotItemLocked(payload []byte, last bool) (v Verdict, urgent bool) {
	cost := len(payload) + wire.StreamItemCost
	if s.inDone || cost > s.credit {
		return Fault, false
	}
	s.credit -= cost
	s.t.flow.got += uint64(cost)
	if s.stopped || s.inErr != nil {
		return Fine, false
	}
	if !s.carries && s.part+len(payload) > s.t.limits.MaxItem {
		return TooBig, false
	}
	if s.in == nil && s.used > len(payload) {
		s.in = make([]byte, 0, s.used+s.used/4)
	}
	s.t.carried.ReceivedBytes += uint64(len(payload))
	s.in = append(s.in, payload...)
	s.part += len(payload)
	s.partCost += cost
	if !last && !s.carries {
		s.weighLocked()
		return Fine, s.waits && s.oweLocked() // for this very item
	}
	if !s.carries {
		s.t.carried.Received++
	}
	s.items = append(s.items, record{s.part, s.partCost})
	s.part, s.partCost = 0, 0
	s.weighLocked()
	s.wakeReaderLocked()
	return Fine, false
}

// weighLocked counts the memory of what is received, as far as it has changed: that is also the memory that a stream keeps for
// what comes next, and the memory of items that have no bytes.
func (s *Stream) weighLocked() {
	if n := memoryOf(s.in, s.items) + s.kept; n != s.weighs {
		s.t.holdLocked(n - s.weighs)
		s.weighs = n
	}
}

func memoryOf(b []byte, recs []record) int { return cap(b) + recordSize*cap(recs) }

// oweLocked lets the peer be granted what the parts of an item have cost that has not come whole.
func (s *Stream) oweLocked() (urgent bool) {
	s.owed += s.partCost
	s.partCost = 0
	return s.grantLocked()
}

// grantLocked lets the peer be told of its credit if that is worth a frame.
func (s *Stream) grantLocked() (urgent bool) {
	if s.owed < s.t.limits.Window/4 || s.inDone || s.stopped || s.over {
		return false
	}
	return s.tellLocked()
}

// tellLocked notes that the stream has something to say. It reports whether the owner is to be told.
func (s *Stream) tellLocked() (urgent bool) {
	if s.tells || s.t.ended != nil {
		return false
	}
	s.tells = true
	s.t.told = append(s.t.told, s)
	return true
}

func (s *Stream) wakeReaderLocked() {
	if s.waits {
		s.waits = false
		token(s.readable)
	}
}

func (s *Stream) wakeSenderLocked() {
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

// TryNext returns the next item, or what has come of bytes. It is valid until the next TryNext. The error is nil if there are no more since the peer has sent
// all. One goroutine at a time takes.
func (s *Stream) TryNext() (item []byte, st State, err error) {
	if s.at == len(s.recs) || s.aborted.Load() {
		if st, err = s.refill(); st != Done {
			return nil, st, err
		}
	}
	r := s.recs[s.at]
	s.at++
	item = s.batch[s.off : s.off+r.n : s.off+r.n]
	s.off += r.n
	s.ate += r.cost
	if s.carries {
		s.taken.Add(uint64(r.n))
	} else {
		s.taken.Add(1)
	}
	if s.ate >= s.t.limits.Window/4 {
		s.digest()
	}
	return item, Done, nil
}

// digest lets the peer be granted what the items that were taken have cost.
func (s *Stream) digest() {
	s.t.mu.Lock()
	s.owed += s.ate
	s.ate = 0
	urgent := s.grantLocked()
	s.t.mu.Unlock()
	if urgent {
		s.t.owner.Ready(true)
	}
}

// refill takes all items that have come.
func (s *Stream) refill() (st State, err error) {
	t := s.t
	t.mu.Lock()
	s.owed += s.ate
	s.ate = 0
	s.batched = 0
	old, recs := s.batch[:0], s.recs[:0]
	s.batch, s.recs, s.at, s.off = nil, nil, 0, 0
	switch {
	case len(s.items) > 0:
		whole := len(s.in) - s.part
		s.batch, s.recs, s.batched = s.in[:whole], s.items, whole
		s.in, s.items = append(old, s.in[whole:]...), recs
		s.used = max(whole, s.used-s.used/4)
	case s.inErr != nil || s.inDone || s.stopped:
		st, err = Ended, s.inErr
		s.in, s.items = nil, nil
	default:
		st, s.waits = Wait, true
		s.owed += s.partCost
		s.partCost = 0
		s.keepLocked(old, recs)
	}
	s.kept = memoryOf(s.batch, s.recs)
	s.weighLocked()
	urgent := s.grantLocked()
	t.mu.Unlock()
	if urgent {
		t.owner.Ready(true)
	}
	return st, err
}

// keptRoom is how much room for items a stream keeps that waits, in bytes, and as much more as it has used lately.
const keptRoom = 4 << 10

// keepLocked keeps memory for the next items.
func (s *Stream) keepLocked(old []byte, recs []record) {
	if cap(old) <= max(keptRoom, 8*s.used) {
		s.batch = old
	}
	if cap(recs) <= max(keptRoom, 8*s.used)/16 {
		s.recs = recs
	}
}

// An Item is what somebody sends. Rest is what was not sent yet.
type Item struct {
	Rest    []byte
	More    bool // the item goes on behind Rest
	waiting bool // it counts in senders
}

const (
	maxPiece = 16 << 10  // bytes of an item in one frame: a call waits for no more
	minPiece = 1 << 10   // bytes: who has credit for less waits for more
	ahead    = 128 << 10 // bytes that a stream lets wait before who sends waits
)

// A chunk is frames that wait to be pulled.
type chunk struct {
	b      []byte
	weighs int // bytes of memory that are counted
	frames int
	units  uint64 // items that end in it, or bytes
}

const chunkRoom = maxPiece + 32

var chunkPool pool.Pool // *[chunkRoom]byte

// newChunk returns a chunk for n bytes, of which there may be up to most.
func newChunk(n, most int) chunk {
	switch {
	case n <= chunkRoom/4: // few items at a time: little memory
		return chunk{}
	case most <= chunkRoom/2: // the path is slow
		return chunk{b: make([]byte, 0, most)}
	}
	if b, ok := chunkPool.Get().(*[chunkRoom]byte); ok {
		return chunk{b: b[:0]}
	}
	return chunk{b: make([]byte, 0, chunkRoom)}
}

func (k *chunk) recycle() {
	if cap(k.b) == chunkRoom {
		chunkPool.Put((*[chunkRoom]byte)(k.b[:chunkRoom]))
	}
}

// SendNow sends a short item, if there is credit and room for it. It reports whether it did.
func (s *Stream) SendNow(item []byte) bool {
	t := s.t
	t.mu.Lock()
	n := len(item)
	ok := s.out == sending && s.outErr == nil && s.mid == nil && s.senders == 0 &&
		n <= t.flow.piece() && s.waiting < ahead && n+wire.StreamItemCost <= s.may
	ready := false
	if ok {
		s.may -= n + wire.StreamItemCost
		s.putLocked(item, true)
		ready = t.offerLocked()
	}
	t.mu.Unlock()
	if ready {
		t.owner.Ready(false)
	}
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
	ready := s.queued && t.offerLocked()
	t.mu.Unlock()
	if ready {
		t.owner.Ready(false)
	}
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
		if s.waiting >= ahead || s.may < min(n, minPiece)+wire.StreamItemCost {
			return Wait
		}
		n = min(n, s.t.flow.piece(), s.may-wire.StreamItemCost)
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

// putLocked puts a piece into the last chunk.
func (s *Stream) putLocked(piece []byte, last bool) {
	n := wire.StreamItemSize(s.id, len(piece))
	i, most := len(s.chunks)-1, min(chunkRoom, s.t.flow.piece()+64)
	if i < 0 || len(s.chunks[i].b)+n > most {
		s.chunks = append(s.chunks, newChunk(n+s.waiting, most))
		i++
	}
	k := &s.chunks[i]
	if len(k.b) > 0 && len(k.b)+n > max(cap(k.b), chunkRoom/4) { // many items after all
		k.b = append(newChunk(len(k.b)+n, most).b, k.b...)
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
		s.t.ready = append(s.t.ready, s)
	}
}
