// Package stream holds the streams of a connection: the credit that each side has given the other, the received items that
// are not taken, the items that wait to be sent, whose turn it is, and how much may be under way. It decides which frames of the peer
// break the protocol.
//
//	opening     Open for a stream of this side, Accept for one of the peer
//	receiving   GotItems, GotCredit and GotEnd by the reader; TryNext by the receiver
//	sending     TrySend and Finish by the sender, Pull by the writer, Answered by the reader
//	the end     Abort, Stop, Leave; End for all streams
//
// One lock guards all streams of a connection. The package calls nothing and waits for nothing while it holds the lock.
package stream

import (
	"time"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// Limits bound the streams of a connection.
type Limits struct {
	Window  int // bytes of credit for each stream
	Growth  int // bytes by which the windows of all streams together may grow
	MaxItem int // bytes of an item
	Most    int // open streams of the peer at a time
	Flight  int // bytes that may be under way, of all streams together
	Frame   int // bytes of the longest frame that the peer reads
}

// An Owner is the connection that the streams belong to.
type Owner interface {
	// Ready says that Pull has frames, and when the owner is to pull them. It is called without the lock, and never with Never.
	Ready(When)
}

// When says when the owner is to pull frames.
type When uint8

const (
	Never When = iota
	Along      // when the owner writes something else
	Idle       // when nothing else waits to be written
	Now        // at once
)

// ready calls the owner's Ready unless w is Never. The caller does not hold the lock.
func (t *Table) ready(w When) {
	if w != Never {
		t.owner.Ready(w)
	}
}

// A Table holds the streams of one connection.
type Table struct {
	limits Limits
	owner  Owner
	side   uint64 // the lowest bit of the ids of this side's streams
	budget *budget.Budget

	mu     lock.Mutex[lock.Streams] // guards the fields below, and the fields of each stream that say so
	open   map[uint64]*Stream       // by id
	last   uint64                   // id of the peer's last stream
	places int                      // streams of the peer that have not left
	ended  error                    // why no more streams can begin; nil while they can
	held   int                      // bytes of memory of all streams
	grown  int                      // bytes by which the windows of all streams have grown
	mem    budget.Meter

	carried Stats // without the bytes that open streams hold

	told    []*Stream // the streams with credit or an end to tell, which do not wait for items
	turns   []*Stream // the streams with items to send or an end after them, in the order of their turns
	offered bool      // Ready has been called for items, and Pull has left some since
	flow    flow
	rest    rest

	bufs   [][]byte // the results of the last Pull
	counts []int32
}

// Init prepares the table of a connection of a server or a client.
func (t *Table) Init(l Limits, server bool, of *budget.Budget, owner Owner) {
	t.limits, t.owner, t.budget, t.open = l, owner, of, make(map[uint64]*Stream)
	t.rest.over, t.rest.next = make(chan struct{}, 1), leastLeave
	if !server {
		t.side = 1
	}
	t.flow.begin(l.Flight, l.Frame)
}

// Find returns the stream with that id, or nil if it is over.
func (t *Table) Find(id uint64) *Stream {
	t.mu.Lock()
	s := t.open[id]
	t.mu.Unlock()
	return s
}

// ID returns the id of this side's stream with number n, which is above 0.
func (t *Table) ID(n uint64) uint64 { return n<<1 | t.side }

// Open begins a stream of this side. The caller tells the peer of the stream before the stream sends. If no more streams can begin, Open
// returns nil and the reason.
func (t *Table) Open(id uint64, silent bool) (*Stream, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended != nil {
		return nil, t.ended
	}
	s := t.newLocked(id)
	s.credit, s.may = t.limits.Window, wire.FirstStreamCredit
	if silent {
		s.out = closed
	}
	return s, nil
}

// A Verdict is the judgement on a frame of the peer.
type Verdict uint8

const (
	Fine    Verdict = iota
	Fault           // the peer has broken the protocol
	TooMany         // the stream is not accepted: the peer has as many as it may have
	TooBig          // the item is too long: the caller aborts the stream
	Over            // the stream is not accepted: no more streams can begin
)

// Accept begins a stream that the peer has opened. The stream has a place until Leave.
func (t *Table) Accept(o *wire.OpenStream) (*Stream, Verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case o.ID&1 == t.side || o.ID <= t.last:
		return nil, Fault
	case t.ended != nil:
		return nil, Over
	}
	t.last = o.ID
	if t.limits.Most > 0 && t.places >= t.limits.Most {
		return nil, TooMany
	}
	t.places++
	s := t.newLocked(o.ID)
	s.theirs = true
	s.credit, s.may = wire.FirstStreamCredit, int(o.Window)
	s.inDone = o.Silent
	return s, Fine
}

func (t *Table) newLocked(id uint64) *Stream {
	s := &Stream{t: t, id: id, readable: make(chan struct{}, 1), writable: make(chan struct{}, 1)}
	t.open[id] = s
	t.holdLocked(streamCost)
	return s
}

// streamCost is the memory of a stream without its items, in bytes: its fields and a goroutine.
const streamCost = 4 << 10

// holdLocked adds n bytes to the memory of the streams. n may be negative.
func (t *Table) holdLocked(n int) {
	t.held += n
	t.mem.Set(t.budget, t.held)
}

// Held returns the memory of the streams, in bytes.
func (t *Table) Held() int {
	t.mu.Lock()
	n := t.held
	t.mu.Unlock()
	return n
}

// Uncount takes the streams out of the budget for good.
func (t *Table) Uncount() {
	t.mu.Lock()
	t.mem.Set(t.budget, 0)
	t.budget = nil
	t.mu.Unlock()
}

// Places returns the number of the peer's streams that have not left.
func (t *Table) Places() int {
	t.mu.Lock()
	n := t.places
	t.mu.Unlock()
	return n
}

// Len returns the number of streams that have not ended, or of the peer's streams that have not left if that is greater.
func (t *Table) Len() int {
	t.mu.Lock()
	n := max(len(t.open), t.places)
	t.mu.Unlock()
	return n
}

// IDs returns the ids of all streams that have not ended.
func (t *Table) IDs() (ids []uint64) {
	t.mu.Lock()
	for id := range t.open {
		ids = append(ids, id)
	}
	t.mu.Unlock()
	return ids
}

// End ends all streams, and lets no stream begin. A program can still take the items that its streams have received.
func (t *Table) End(why error) {
	t.mu.Lock()
	if t.ended == nil {
		t.ended = why
	}
	for _, s := range t.open {
		s.failLocked(why, true)
	}
	for _, s := range t.told {
		s.last = nil
		s.drainLocked()
	}
	t.told, t.turns = nil, nil
	t.mu.Unlock()
}

// GotCredit adds credit of the peer to a stream. Only the reader calls it.
func (t *Table) GotCredit(id, n uint64) Verdict {
	t.mu.Lock()
	s := t.open[id]
	if s == nil {
		t.mu.Unlock()
		return Fine
	}
	if n > wire.MaxStreamCredit-uint64(s.may) {
		t.mu.Unlock()
		return Fault
	}
	s.may += int(n)
	if !s.crowded {
		s.wakeSenderLocked()
	}
	t.mu.Unlock()
	return Fine
}

// GotEnd handles an end of the peer. If why is nil the peer's direction ends, and otherwise both. GotEnd returns the stream if
// there is one, and whether the peer's direction had ended before. Only the reader calls it.
func (t *Table) GotEnd(id uint64, why error) (s *Stream, done bool, v Verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s = t.open[id]
	if s == nil {
		return nil, false, Fine
	}
	done = s.inDone
	if why != nil {
		s.failLocked(why, false)
		return s, done, Fine
	}
	if done || s.part > 0 {
		return s, done, Fault
	}
	s.inDone = true
	s.wakeReaderLocked()
	s.settleLocked()
	return s, done, Fine
}

// A Pulled is the result of Pull. It is valid until the next Pull. The bytes of the pieces belong to the writer, who gives chunks back to
// package pool.
type Pulled struct {
	Pieces [][]byte // each of one or more whole frames
	Counts []int32  // frames in each
	Probe  uint64   // nonce of a ping to write with the pieces; 0 for none
	First  bool     // the ping goes before the pieces, not after them
	Next   int      // bytes of the frames that the next Pull takes first; 0 if it would take none
}

// maxQuantum is the greatest number of bytes of items that one Pull takes: other frames wait for the write.
const maxQuantum = 128 << 10

// Pull takes credit and ends first, and then frames of items of up to room bytes, of one stream after the other. The caller has the
// task of writing, and is about to write them.
func (t *Table) Pull(room int, now time.Time) (p Pulled) {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.bufs)
	t.bufs, t.counts = t.bufs[:0], t.counts[:0]
	if len(t.told) > 0 {
		t.tellLocked()
	}
	t.flow.look(now)
	measures := t.flow.measures
	before := t.flow.sent
	left, taken := t.flow.quantum(), false
	for len(t.turns) > 0 && t.ended == nil {
		s := t.turns[0]
		if len(s.chunks) > 0 {
			k := s.chunks[0]
			n := len(k.b)
			if n > room || n > t.flow.room() && t.flow.inFlight() > 0 || n > left && taken {
				break
			}
			room, left, taken = room-n, left-n, true
			t.takeLocked(s, k)
		}
		t.turns[0] = nil
		t.turns = t.turns[1:]
		if len(s.chunks) > 0 {
			t.turns = append(t.turns, s)
			continue
		}
		s.queued = false
		s.closeLocked()
	}
	if len(t.turns) == 0 {
		t.turns = nil
	}
	p.Next = t.nextLocked()
	blocked := p.Next == 0 && len(t.turns) > 0
	p.First = measures && t.flow.sent > before
	p.Probe = t.flow.probe(now, before, p.First, blocked)
	t.offered = p.Next > 0
	p.Pieces, p.Counts = t.bufs, t.counts
	return p
}

// nextLocked returns the bytes of the frames of items that Pull would take first, or 0 if it would take none.
func (t *Table) nextLocked() int {
	if len(t.turns) == 0 {
		return 0
	}
	s := t.turns[0]
	if len(s.chunks) == 0 {
		return max(len(s.end), 1)
	}
	n := len(s.chunks[0].b)
	if n > t.flow.room() && t.flow.inFlight() > 0 {
		return 0
	}
	return n
}

// takeLocked moves the first chunk of a stream, which is k, to the results of Pull.
func (t *Table) takeLocked(s *Stream, k chunk) {
	n := copy(s.chunks, s.chunks[1:])
	s.chunks[n] = chunk{}
	s.chunks = s.chunks[:n]
	s.waiting -= len(k.b)
	t.holdLocked(-k.weighs)
	t.flow.send(s, len(k.b), k.units)
	t.addLocked(k.b, k.frames)
	if s.crowded && s.waiting <= t.flow.ahead()/2 { // a sender wakes once for several chunks
		s.wakeSenderLocked()
	}
}

func (t *Table) addLocked(b []byte, frames int) {
	t.bufs, t.counts = append(t.bufs, b), append(t.counts, int32(frames))
}

// tellLocked moves the frames of credit and of ends that do not wait for items to the results of Pull.
func (t *Table) tellLocked() {
	var b []byte
	frames := 0
	for i, s := range t.told {
		t.told[i] = nil
		s.tells = Never
		if s.owed > 0 && !s.over {
			s.credit += s.owed
			b = wire.AppendStreamCredit(b, s.id, uint64(s.owed))
			s.owed = 0
			frames++
		}
		if s.last != nil && s.over {
			b = append(b, s.last...)
			s.last = nil
			s.drainLocked()
			frames++
		}
	}
	t.told = t.told[:0]
	if len(b) > 0 {
		t.addLocked(b, frames)
	}
}

// Answered handles the answer to a probe: all frames before the probe have arrived.
func (t *Table) Answered(nonce uint64, now time.Time) {
	t.mu.Lock()
	t.flow.answered(nonce, now)
	w := t.offerLocked()
	t.mu.Unlock()
	t.ready(w)
}

// Superseded handles the answer to a ping that is no probe: the peer may not answer the probes before that ping.
func (t *Table) Superseded() {
	t.mu.Lock()
	t.flow.superseded()
	w := t.offerLocked()
	t.mu.Unlock()
	t.ready(w)
}

// Relinked begins the measurements anew, because the connection goes on over another link.
func (t *Table) Relinked() {
	t.mu.Lock()
	t.flow.relink()
	w := Never
	if t.offered = len(t.turns) > 0 || len(t.told) > 0; t.offered {
		w = Idle
	}
	if len(t.told) > 0 {
		w = Now
	}
	t.mu.Unlock()
	t.ready(w)
}

// offerLocked returns Idle if the owner is to learn of items to pull, and Never otherwise.
func (t *Table) offerLocked() When {
	if t.offered || !t.flow.wants() && t.nextLocked() == 0 && (len(t.turns) == 0 || !t.flow.unasked()) {
		return Never
	}
	t.offered = true
	return Idle
}

// offerLocked is the table's offerLocked, for a stream that may have queued frames.
func (s *Stream) offerLocked() When {
	if !s.queued {
		return Never
	}
	return s.t.offerLocked()
}
