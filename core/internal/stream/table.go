// Package stream holds the streams of a connection: which there are, how much credit each side has given the other, what
// has been received and not taken, what waits to be sent and whose turn it is, and how much may be under way. It decides
// what of the peer's frames is wrong.
//
//	opening     Open for a stream of this side, Accept for one of the peer
//	receiving   GotItems, GotCredit and GotEnd by the reader; TryNext by who takes the items
//	sending     TrySend and Finish by who sends, Pull by the writer, Answered by the reader
//	the end     Abort, Stop, Leave; End for all streams
//
// One lock guards all streams of a connection, and nothing is called with it held. Who waits does so without it.
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
	MaxItem int // bytes of an item
	Most    int // streams of the peer at a time
	Flight  int // bytes of all streams that may be under way
	Frame   int // bytes of a frame that the peer reads
}

// An Owner is the connection whose streams they are. Ready is called with nothing locked.
type Owner interface {
	// Ready says that Pull has something, and when it is to be pulled. It is not told Never.
	Ready(When)
}

// When says when streams are to be pulled.
type When uint8

const (
	Never When = iota
	Along      // when something else is written
	Idle       // when nothing else waits to be written
	Now        // at once
)

// ready tells the owner, if there is something to tell. Nothing is locked.
func (t *Table) ready(w When) {
	if w != Never {
		t.owner.Ready(w)
	}
}

// A Table is for one connection.
type Table struct {
	limits Limits
	owner  Owner
	side   uint64 // the lowest bit of the ids of this side's streams
	budget *budget.Budget

	mu     lock.Mutex[lock.Streams] // guards the fields below, and of each stream those that say so
	open   map[uint64]*Stream       // by id
	last   uint64                   // id of the stream that the peer has opened last
	places int                      // streams of the peer that have not left
	ended  error                    // why there are no more streams; nil while there may be
	held   int                      // bytes
	mem    budget.Meter

	carried Stats // without what the open streams hold

	told    []*Stream // that have something to say which does not wait for items
	turns   []*Stream // that have items to send, or an end after them, in turn
	offered bool      // Ready was called, and Pull has not found nothing since
	flow    flow

	bufs   [][]byte // of the last Pull
	counts []int32
}

// Init makes the streams of a connection of a server or a client.
func (t *Table) Init(l Limits, server bool, of *budget.Budget, owner Owner) {
	t.limits, t.owner, t.budget, t.open = l, owner, of, make(map[uint64]*Stream)
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

// ID returns the id of the n-th stream of this side, which is not the first.
func (t *Table) ID(n uint64) uint64 { return n<<1 | t.side }

// Open begins a stream of this side, which the peer is told of before anything is sent. It returns nil and why if there are
// no more streams.
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

// A Verdict says what is to be done about a frame of the peer.
type Verdict uint8

const (
	Fine    Verdict = iota
	Fault           // the peer has broken the protocol
	TooMany         // the stream is not taken, since there are as many as there may be
	TooBig          // the item is longer than it may be: the stream is to be aborted
	Over            // the stream is not taken, since there are no more
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

// streamCost is what a stream weighs beside its items, in bytes: what describes it, and a goroutine.
const streamCost = 4 << 10

// holdLocked counts n bytes more, or less.
func (t *Table) holdLocked(n int) {
	t.held += n
	t.mem.Set(t.budget, t.held)
}

// Held returns how many bytes the streams hold.
func (t *Table) Held() int {
	t.mu.Lock()
	n := t.held
	t.mu.Unlock()
	return n
}

// Uncount notes that the streams hold nothing, whatever is done with them now.
func (t *Table) Uncount() {
	t.mu.Lock()
	t.mem.Set(t.budget, 0)
	t.budget = nil
	t.mu.Unlock()
}

// Places returns how many streams of the peer have not left.
func (t *Table) Places() int {
	t.mu.Lock()
	n := t.places
	t.mu.Unlock()
	return n
}

// Len returns how many streams have not ended, or not left.
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

// End ends all streams, and lets none begin. Each has for its program what has come before.
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

// GotCredit takes credit. It is the reader's.
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

// GotEnd takes an end: of the peer's direction if why is nil, and of what has not ended otherwise. It returns the stream
// if there is one, and whether the peer had said before that it has sent all. It is the reader's.
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

// A Pulled is what the writer has taken. It is valid until the next Pull, but for the bytes of the pieces: these are the writer's, who
// gives chunks back to package pool.
type Pulled struct {
	Pieces [][]byte // each of one or more whole frames
	Counts []int32  // frames in each
	Probe  uint64   // nonce of a ping that is to be written too; 0 for none
	First  bool     // the ping goes before the frames, not behind
	Next   int      // bytes of the next frames that may be taken; 0 if there are none
}

// maxQuantum is how many bytes of items one Pull takes at most: what comes meanwhile waits for the write.
const maxQuantum = 128 << 10

// Pull takes frames of up to room bytes: what streams have to say, and then items of one stream after the other. Who asks
// has the task of writing, and is about to write them.
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

// nextLocked is how many bytes Pull would take at least, or 0 if it would take no items.
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

// takeLocked moves a chunk from a stream to those that are pulled.
func (t *Table) takeLocked(s *Stream, k chunk) {
	n := copy(s.chunks, s.chunks[1:])
	s.chunks[n] = chunk{}
	s.chunks = s.chunks[:n]
	s.waiting -= len(k.b)
	t.holdLocked(-k.weighs)
	t.flow.send(s, len(k.b), k.units)
	t.addLocked(k.b, k.frames)
	if s.crowded && s.waiting <= t.flow.ahead()/2 { // once, and not for each chunk
		s.wakeSenderLocked()
	}
}

func (t *Table) addLocked(b []byte, frames int) {
	t.bufs, t.counts = append(t.bufs, b), append(t.counts, int32(frames))
}

// tellLocked takes what streams have to say that does not wait for items.
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

// Answered notes the answer to a probe: what was written before it has arrived.
func (t *Table) Answered(nonce uint64, now time.Time) {
	t.mu.Lock()
	t.flow.answered(nonce, now)
	w := t.offerLocked()
	t.mu.Unlock()
	t.ready(w)
}

// Superseded notes the answer to a ping that is no probe: probes that were written before may not be answered.
func (t *Table) Superseded() {
	t.mu.Lock()
	t.flow.superseded()
	w := t.offerLocked()
	t.mu.Unlock()
	t.ready(w)
}

// Relinked notes that the connection goes on over another link: nothing is known of that, and probes are lost.
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

// offerLocked returns Idle if the owner is to be told that there are items to pull.
func (t *Table) offerLocked() When {
	if t.offered || !t.flow.wants() && t.nextLocked() == 0 && (len(t.turns) == 0 || !t.flow.unasked()) {
		return Never
	}
	t.offered = true
	return Idle
}

// offerLocked is the table's, for a stream that may have something to send.
func (s *Stream) offerLocked() When {
	if !s.queued {
		return Never
	}
	return s.t.offerLocked()
}
