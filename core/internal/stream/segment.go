package stream

// A segment is memory for received items. Items that have come wait in several segments of moderate size, and segments are used again,
// the last one first. So the memory of a quick stream stays in the processor's cache, and nothing is copied when much waits.
type segment struct {
	b    []byte // payloads of the items, one after the other
	recs []record
}

// A record describes a received item.
type record struct {
	n    int // bytes
	cost int // bytes of credit
}

const (
	recordSize  = 16       // bytes of memory
	segmentSize = 64 << 10 // bytes from which on a segment does not grow for another item
	longItem    = 4 << 10  // bytes of the first part of an item that begins a segment
)

// weight returns the memory that the segment takes, in bytes. k may be nil.
func (k *segment) weight() int {
	if k == nil {
		return 0
	}
	return cap(k.b) + recordSize*cap(k.recs)
}

// segmentLocked returns the segment for n more bytes of the item that comes, which are all of its rest if last is set. All bytes of an item are
// in one segment.
func (s *Stream) segmentLocked(n int, last bool) *segment {
	if i := len(s.in) - 1; i >= 0 {
		k := s.in[i]
		// The receiver may take the segment before the item is complete: then its parts would be copied.
		long := !last && n >= longItem && len(k.recs) > 0 && len(k.b) >= segmentSize/2
		if s.part > 0 || !long && len(k.b)+n <= max(cap(k.b), segmentSize) {
			return k
		}
	}
	var k *segment
	if i := len(s.spare) - 1; i >= 0 {
		k, s.spare[i] = s.spare[i], nil
		s.spare = s.spare[:i]
	} else {
		k = new(segment)
	}
	if cap(k.b) == 0 && s.used > n {
		k.b = make([]byte, 0, min(s.used+s.used/4, segmentSize))
	}
	s.in = append(s.in, k)
	return k
}

// nextLocked makes the first segment the one that the receiver takes. The bytes of an incomplete item stay.
func (s *Stream) nextLocked() {
	k := s.in[0]
	s.used = max(s.storedLocked()-s.part, s.used-s.used/4)
	n := copy(s.in, s.in[1:])
	s.in[n] = nil
	s.in = s.in[:n]
	if n == 0 && s.part > 0 {
		whole := len(k.b) - s.part
		part := k.b[whole:]
		s.part = 0 // for segmentLocked
		next := s.segmentLocked(len(part), true)
		next.b = append(next.b, part...)
		s.part = len(part)
		k.b = k.b[:whole]
	}
	s.batch, s.recs = k, k.recs
}

// doneLocked ends the use of the segment that the receiver has taken.
func (s *Stream) doneLocked() {
	if k := s.batch; k != nil && !s.stopped {
		k.b, k.recs = k.b[:0], k.recs[:0]
		s.spare = append(s.spare, k)
	}
	s.batch, s.recs, s.at, s.off = nil, nil, 0, 0
}

// keptRoom is the memory that a waiting stream keeps for later items, in bytes. It keeps more if more has waited lately.
const keptRoom = 4 << 10

// keepLocked keeps spare segments for later items, unless they are far too large.
func (s *Stream) keepLocked() {
	most, n := max(keptRoom, 8*s.used), 0
	for i, k := range s.spare {
		if cap(k.recs) > most/recordSize {
			k.recs = nil
		}
		if n += cap(k.b); n > most {
			clear(s.spare[i:])
			s.spare = s.spare[:i]
			return
		}
	}
}

// dropReceivedLocked drops the received items that nobody has begun to take.
func (s *Stream) dropReceivedLocked() { s.in, s.spare, s.part, s.partCost = nil, nil, 0, 0 }

// cutLocked drops the bytes of an incomplete item.
func (s *Stream) cutLocked() {
	if s.part > 0 {
		k := s.in[len(s.in)-1]
		k.b = k.b[:len(k.b)-s.part]
	}
	s.part, s.partCost = 0, 0
}

// hasItemsLocked reports whether a received item waits to be taken.
func (s *Stream) hasItemsLocked() bool { return len(s.in) > 0 && len(s.in[0].recs) > 0 }

// storedLocked returns the bytes of payloads that nobody has begun to take.
func (s *Stream) storedLocked() (n int) {
	for _, k := range s.in {
		n += len(k.b)
	}
	return n
}

// heldLocked returns the bytes of payloads that were received and not taken, or are being taken.
func (s *Stream) heldLocked() int {
	n := s.storedLocked()
	if s.batch != nil && !s.stopped {
		n += len(s.batch.b)
	}
	return n
}

// weighLocked counts the change of the memory for received items. The memory includes what the stream keeps for later items,
// and the records of items without bytes.
func (s *Stream) weighLocked() {
	n := 0
	if !s.stopped { // otherwise the receiver frees that memory when it tries again
		n = s.batch.weight()
	}
	for _, k := range s.in {
		n += k.weight()
	}
	for _, k := range s.spare {
		n += k.weight()
	}
	if n != s.weighs {
		s.t.holdLocked(n - s.weighs)
		s.weighs = n
	}
}
