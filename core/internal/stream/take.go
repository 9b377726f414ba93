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
	item = s.batch.b[s.off : s.off+r.n : s.off+r.n]
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
	s.ateLocked()
	w := s.grantLocked()
	s.t.mu.Unlock()
	s.t.ready(w)
}

// refill makes the next received items the batch.
func (s *Stream) refill() (st State, err error) {
	t := s.t
	t.mu.Lock()
	s.ateLocked()
	s.doneLocked()
	switch {
	case s.hasItemsLocked():
		s.nextLocked()
	case s.inErr != nil || s.inDone || s.stopped:
		st, err = Ended, s.inErr
		t.rest.overLocked()
		s.dropReceivedLocked()
		s.ungrowLocked()
	default:
		st, s.waits = Wait, true
		t.rest.overLocked()
		s.atePartLocked()
		s.hungryLocked()
		s.keepLocked()
	}
	s.weighLocked()
	w := s.grantLocked()
	t.mu.Unlock()
	t.ready(w)
	return st, err
}
