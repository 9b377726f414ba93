//go:build !js

package core

const hasOverflow = true

// overflowRules are the policies of a server.
type overflowRules struct {
	rest  Overflow
	named map[string]Overflow
}

// newOverflowRules returns nil if every frame has the default policy.
func newOverflowRules(rest Overflow, named map[string]Overflow) *overflowRules {
	r := &overflowRules{rest: rest, named: make(map[string]Overflow, len(named))}
	for name, o := range named {
		r.named[name] = o
	}
	if rest == OverflowDisconnect && len(named) == 0 {
		return nil
	}
	return r
}

// of returns the policy for a command, or for raw messages if the name is empty.
func (r *overflowRules) of(command string) Overflow {
	if r == nil {
		return OverflowDisconnect
	}
	if o, ok := r.named[command]; ok {
		return o
	}
	return r.rest
}

// spareFrames says where in waiting the segments are that may be dropped. Each is a frame
// of its own. Segments are numbered as they are queued, so that a number holds while others
// before it are taken; one that was dropped leaves a hole, and holes are closed when they are
// more than half.
type spareFrames struct {
	first  int64            // number of waiting[0]
	oldest int64            // none that may be dropped waits before this one
	latest map[string]int64 // of OverflowLatest, by command
	holes  int
}

// sendSpare queues a frame that other connections may be sent too, by the policy for its
// command.
func (c *Conn) sendSpare(command string, frame []byte) error {
	o := c.eng.overflow.of(command)
	switch o {
	case OverflowDisconnect:
		return c.sendShared(frame)
	case OverflowBlock:
		if !c.Suspended() {
			return c.shareWaiting(c.ctx, frame)
		}
		return c.sendShared(frame)
	}
	n := len(frame)
	if err := c.fits(n); err != nil {
		return err
	}
	q := &c.out
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		return c.closedError()
	}
	dropped := 0
	if o == OverflowLatest {
		dropped = q.forgetLocked(command)
	}
	if !q.admitLocked(n) && o != OverflowDropNewest {
		dropped += q.dropOldestLocked(n)
	}
	fits := q.admitLocked(n)
	switch {
	case !fits:
		dropped++
	case o == OverflowDropNewest:
		q.shareLocked(frame)
	default:
		q.addSpareLocked(command, frame, o == OverflowLatest)
	}
	if dropped > 0 {
		c.noteDroppedLocked(dropped)
	}
	c.queued()
	if !fits {
		return errDropped
	}
	return nil
}

// makeRoomLocked drops what may be dropped for a frame that may not, and reports whether that
// made room.
func (c *Conn) makeRoomLocked(n int) bool {
	dropped := c.out.dropOldestLocked(n)
	if dropped == 0 {
		return false
	}
	c.noteDroppedLocked(dropped)
	return c.out.admitLocked(n)
}

// noteDroppedLocked counts frames that were dropped; the peer is told.
func (c *Conn) noteDroppedLocked(n int) {
	c.eng.counters.dropped.Add(uint64(n))
	ctl := &c.out.control
	ctl.missed += uint64(n)
	if c.classic == nil {
		ctl.missedDue, ctl.due = true, true
	}
}

// addSpareLocked queues a frame that may be dropped.
func (q *queue) addSpareLocked(command string, frame []byte, latest bool) {
	s := &q.spares
	if latest {
		if s.latest == nil {
			s.latest = make(map[string]int64)
		}
		s.latest[command] = s.first + int64(len(q.waiting))
	}
	q.waiting = append(q.waiting, segment{b: frame, frames: 1, spare: true})
	q.bytes += len(frame)
	q.sent++
	q.pressLocked()
}

// forgetLocked drops the command of that name that waits, and returns how many that were.
func (q *queue) forgetLocked(command string) int {
	s := &q.spares
	at, ok := s.latest[command]
	if !ok || at < s.first {
		return 0 // it has been written
	}
	n := q.dropLocked(int(at - s.first))
	q.closeHolesLocked()
	return n
}

// dropOldestLocked drops frames until n more bytes may wait, and returns how many that were.
func (q *queue) dropOldestLocked(n int) (dropped int) {
	s := &q.spares
	i := int(max(s.oldest-s.first, 0))
	for ; i < len(q.waiting) && q.bytes > 0 && q.bytes+n > q.limit; i++ {
		dropped += q.dropLocked(i)
	}
	s.oldest = s.first + int64(i)
	q.closeHolesLocked()
	return dropped
}

// dropLocked drops the segment at i, if it may be, and leaves a hole.
func (q *queue) dropLocked(i int) int {
	w := &q.waiting[i]
	if !w.spare {
		return 0
	}
	q.bytes -= len(w.b)
	q.sent--
	*w = segment{}
	q.spares.holes++
	q.pressLocked()
	return 1
}

// closeHolesLocked moves the segments together when most are holes.
func (q *queue) closeHolesLocked() {
	s := &q.spares
	if s.holes < 32 || s.holes < len(q.waiting)/2 {
		return
	}
	moved := make(map[int64]int64, len(s.latest)) // of those in latest, from which number to which
	for _, at := range s.latest {
		moved[at] = -1
	}
	kept := q.waiting[:0]
	for i, w := range q.waiting {
		if w.b == nil {
			continue
		}
		if _, ok := moved[s.first+int64(i)]; ok {
			moved[s.first+int64(i)] = s.first + int64(len(kept))
		}
		kept = append(kept, w)
	}
	clear(q.waiting[len(kept):])
	q.waiting = kept
	for command, at := range s.latest {
		if to := moved[at]; to >= s.first {
			s.latest[command] = to
		} else {
			delete(s.latest, command) // it has been written
		}
	}
	s.oldest, s.holes = s.first, 0
}

// takenLocked notes that the first n of waiting are being written. Small frames of their own
// are put together, as others were when they were queued.
func (q *queue) takenLocked(n int) {
	s := &q.spares
	s.first += int64(n)
	spare := false
	for i := range q.writing {
		spare = spare || q.writing[i].spare || q.writing[i].b == nil
	}
	if !spare {
		return
	}
	packed := q.writing[:0]
	for _, w := range q.writing {
		last := len(packed) - 1
		switch {
		case w.b == nil:
			s.holes--
			continue
		case !w.spare || len(w.b) >= copyBelow:
			w.spare = false
			packed = append(packed, w)
			continue
		case last < 0 || !packed[last].owned || cap(packed[last].b)-len(packed[last].b) < len(w.b):
			packed = append(packed, segment{b: getBlock(smallBlock)[:0], owned: true})
			last++
		}
		packed[last].b = append(packed[last].b, w.b...)
		packed[last].frames += w.frames
	}
	clear(q.writing[len(packed):])
	q.writing = packed
}
