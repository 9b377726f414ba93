package stream

import "github.com/hisock/hisock/core/wire"

const (
	maxRun  = 2 << 10 // items and parts that GotItems takes at a time
	runHeld = 64      // items and parts after which GotItems lets other goroutines have the lock
)

// A Got is the result of GotItems.
type Got struct {
	Size    int     // bytes of rest that GotItems has taken
	Frames  int     // frames of rest that GotItems has taken
	ID      uint64  // id of the stream of the last frame
	Verdict Verdict // the verdict on the last frame; all frames before it were fine
	Woken   bool    // a receiver has been woken
}

// GotItems takes f, which is an item or a part of one, and the items and parts that follow in rest. So a receiver is woken once for all of
// them. GotItems fails if f is malformed. Only the reader calls it.
func (t *Table) GotItems(f wire.Frame, rest []byte, maxFrame int) (g Got, err error) {
	id, payload, err := ParseItem(f)
	if err != nil {
		return g, err
	}
	var s *Stream
	when := Never
	t.mu.Lock()
	for n := 1; ; n++ {
		if s == nil || s.id != id || s.over {
			g.Woken = s.gotAllLocked() || g.Woken
			s = t.open[id]
		}
		g.ID = id
		if s != nil {
			var w When
			if g.Verdict, w = s.gotItemLocked(payload, f.Kind == wire.KindStreamItem); g.Verdict != Fine {
				break
			}
			when = max(when, w)
		}
		var size int
		var ok bool
		if f, size, ok, err = wire.Next(rest[g.Size:], maxFrame); !ok || err != nil || !isItem(f.Kind) || n == maxRun {
			break
		}
		if id, payload, err = ParseItem(f); err != nil {
			break // the reader parses that frame next, and fails too
		}
		g.Size, g.Frames = g.Size+size, g.Frames+1
		if n%runHeld == 0 {
			t.mu.Unlock()
			t.mu.Lock()
		}
	}
	g.Woken = s.gotAllLocked() || g.Woken
	t.mu.Unlock()
	t.ready(when)
	return g, nil
}

func isItem(k wire.Kind) bool { return k == wire.KindStreamItem || k == wire.KindStreamPart }

// ParseItem parses an item or a part of one.
func ParseItem(f wire.Frame) (id uint64, payload []byte, err error) {
	if f.Kind == wire.KindStreamPart {
		return wire.ParseStreamPart(f.Body)
	}
	return wire.ParseStreamItem(f.Body)
}

// gotAllLocked wakes a waiting receiver if items have arrived, and reports whether it has. s may be nil.
func (s *Stream) gotAllLocked() (woken bool) {
	if s == nil {
		return false
	}
	s.weighLocked()
	if woken = s.waits && s.hasItemsLocked(); woken {
		s.t.rest.expectLocked()
		s.wakeReaderLocked()
	}
	return woken
}

func (s *Stream) gotItemLocked(payload []byte, last bool) (v Verdict, w When) {
	cost := len(payload) + wire.StreamItemCost
	if s.inDone || cost > s.credit {
		return Fault, Never
	}
	s.credit -= cost
	s.t.flow.got += uint64(cost)
	if s.stopped || s.inErr != nil {
		return Fine, Never
	}
	if !s.carries && s.part+len(payload) > s.t.limits.MaxItem {
		return TooBig, Never
	}
	s.t.carried.ReceivedBytes += uint64(len(payload))
	whole := last || s.carries
	if whole && !s.carries {
		s.t.carried.Received++
	}
	k := s.segmentLocked(len(payload), whole)
	k.b = append(k.b, payload...)
	s.part += len(payload)
	s.partCost += cost
	switch {
	case whole:
		k.recs = append(k.recs, record{s.part, s.partCost})
		s.part, s.partCost = 0, 0
	case s.waits: // the receiver waits for this item
		return Fine, s.oweLocked()
	}
	return Fine, Never
}

// oweLocked adds the cost of the parts of an incomplete item to the next grant.
func (s *Stream) oweLocked() When {
	s.atePartLocked()
	return s.grantLocked()
}

// grantLocked tells the peer of its credit if the credit is worth a frame. An eighth of the window goes along with
// other frames. A quick peer measures the path four times for each window, and the answer carries the credit. So credit is
// written by itself only from five eighths of the window on.
func (s *Stream) grantLocked() When {
	eighth := s.window() / 8
	switch {
	case s.owed < eighth || s.inDone || s.stopped || s.over:
		return Never
	case s.owed < 5*eighth:
		return s.tellLocked(Along)
	}
	return s.tellLocked(Now)
}

// tellLocked puts the stream into told for a pull at w. It returns w if the owner has to know, and Never otherwise.
func (s *Stream) tellLocked(w When) When {
	if s.tells >= w || s.t.ended != nil {
		return Never
	}
	if s.tells == Never {
		s.t.told = append(s.t.told, s)
	}
	s.tells = w
	return w
}

func (s *Stream) wakeReaderLocked() {
	if s.waits {
		s.waits = false
		token(s.readable)
	}
}
