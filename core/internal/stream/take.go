package stream

// TryNext returns the next item, or the next bytes. The result is valid until the next TryNext. With the state Ended the error is nil if
// the peer has sent all. Only one goroutine at a time may call TryNext.
func (s *Stream) TryNext() (item []byte, st State, err error) {
	s.ate, s.inHand = s.ate+s.inHand, 0
	if s.at == len(s.recs) || s.aborted.Load() {
		if st, err = s.refill(); st != Done {
			return nil, st, err
		}
	}
	r := s.recs[s.at]
	s.at++
	item = s.batch[s.off : s.off+r.n : s.off+r.n]
	s.off += r.n
	s.inHand = r.cost
	if s.carries {
		s.taken.Add(uint64(r.n))
	} else {
		s.taken.Add(1)
	}
	if s.ate >= s.t.limits.Window/8 {
		s.digest()
	}
	return item, Done, nil
}

// digest adds the cost of the taken items to the next grant.
func (s *Stream) digest() {
	s.t.mu.Lock()
	s.owed += s.ate
	s.ate = 0
	w := s.grantLocked()
	s.t.mu.Unlock()
	s.t.ready(w)
}

// refill makes all received items the next batch.
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
	w := s.grantLocked()
	t.mu.Unlock()
	t.ready(w)
	return st, err
}

// keptRoom is the memory that a waiting stream keeps for later items, in bytes. It keeps more if recent batches were larger.
const keptRoom = 4 << 10

// keepLocked keeps the buffers of the last batch for later items, unless they are far too large.
func (s *Stream) keepLocked(old []byte, recs []record) {
	if cap(old) <= max(keptRoom, 8*s.used) {
		s.batch = old
	}
	if cap(recs) <= max(keptRoom, 8*s.used)/16 {
		s.recs = recs
	}
}
