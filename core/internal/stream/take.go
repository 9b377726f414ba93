package stream

// TryNext returns the next item, or what has come of bytes. It is valid until the next TryNext. The error is nil
// if there are no more since the peer has sent all. One goroutine at a time takes.
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

// digest lets the peer be granted what the items that were taken have cost.
func (s *Stream) digest() {
	s.t.mu.Lock()
	s.owed += s.ate
	s.ate = 0
	w := s.grantLocked()
	s.t.mu.Unlock()
	s.t.ready(w)
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
	w := s.grantLocked()
	t.mu.Unlock()
	t.ready(w)
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
