//go:build !js

package core

const hasOverflow = true

// overflowRules are the policies of one end.
type overflowRules struct {
	rest  Overflow
	named map[string]Overflow
}

// newOverflowRules returns nil if every frame is under OverflowDisconnect. def is what the default
// is at this end.
func newOverflowRules(rest Overflow, named map[string]Overflow, def Overflow) *overflowRules {
	r := &overflowRules{rest: rest, named: make(map[string]Overflow, len(named))}
	if rest == OverflowDefault {
		r.rest = def
	}
	for name, o := range named {
		if o == OverflowDefault {
			o = def
		}
		r.named[name] = o
	}
	if r.rest == OverflowDisconnect && len(named) == 0 {
		return nil
	}
	return r
}

// of returns the policy for a command, or for raw messages if the name is empty.
func (r *overflowRules) of(command string) Overflow {
	if r == nil {
		return OverflowDisconnect
	}
	if len(r.named) > 0 {
		if o, ok := r.named[command]; ok {
			return o
		}
	}
	return r.rest
}

// spareFrames says where in the log of a queue the blocks are that may be dropped. Each is a
// frame of its own. Blocks are numbered as they are queued, so that a number holds while others
// before it are let go of; one that was dropped leaves a hole, and holes are closed when they
// are more than half of what waits.
type spareFrames struct {
	first  int64            // number of log[0]
	oldest int64            // none that may be dropped waits before this one
	latest map[string]int64 // of OverflowLatest, by command
	holes  int
}

// sendSpare queues a frame that other connections may be sent too, by the policy for its
// command.
func (c *Conn) sendSpare(command string, frame *block, set *sending) error {
	o := c.eng.overflow.of(command)
	if !o.drops() {
		return c.sendAll(frame, o, nil)
	}
	n := len(frame.b)
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
	if !q.admitSpareLocked(n) && o != OverflowDropNewest {
		dropped += q.dropOldestLocked(n, q.reserveLocked())
	}
	fits := q.admitSpareLocked(n)
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

// drops reports whether frames under that policy may be dropped.
func (o Overflow) drops() bool {
	return o == OverflowDropNewest || o == OverflowDropOldest || o == OverflowLatest
}

// makeRoomLocked drops what may be dropped for a frame that may not, and reports whether that
// made room.
func (c *Conn) makeRoomLocked(n int) bool {
	dropped := c.out.dropOldestLocked(n, 0)
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

// newBlock returns a block of one frame, which may be shared if its policy is one for all.
func (r *overflowRules) newBlock(command string, frame []byte) *block {
	k := shared(frame)
	o := r.of(command)
	k.spare = o == OverflowDropOldest || o == OverflowLatest
	return k
}

// addSpareLocked queues a frame that may be dropped.
func (q *queue) addSpareLocked(command string, frame *block, latest bool) {
	if latest {
		s := &q.spares
		if s.latest == nil {
			s.latest = make(map[string]int64)
		}
		q.addLocked(frame)
		s.latest[command] = s.first + int64(len(q.log)-1)
		return
	}
	q.addLocked(frame)
}

// waitingFrom is the number of the first block that may be dropped if it is of that kind: nobody
// has begun to write it, now or before a resume.
func (q *queue) waitingFrom() int64 { return max(q.spares.first+int64(q.next), q.spares.oldest) }

// forgetLocked drops the command of that name that waits, and returns how many that were.
func (q *queue) forgetLocked(command string) int {
	at, ok := q.spares.latest[command]
	if !ok || at < q.waitingFrom() {
		return 0 // it has been written, or dropped
	}
	n := q.dropLocked(int(at - q.spares.first))
	q.closeHolesLocked()
	q.countLocked()
	return n
}

// admitSpareLocked is admitLocked for a frame that may be dropped.
func (q *queue) admitSpareLocked(n int) bool {
	if reserve := q.reserveLocked(); reserve > 0 && q.bytes+reserve+n > q.limit {
		return false
	}
	return q.admitLocked(n)
}

// reserveLocked is what a frame that may be dropped must leave of the bound: while there is no
// stream, what is kept, without which the connection cannot be resumed.
func (q *queue) reserveLocked() int {
	if q.link == nil {
		return q.keep.bytes
	}
	return 0
}

// dropOldestLocked drops frames until n bytes more than reserve may wait, and returns how many
// that were.
func (q *queue) dropOldestLocked(n, reserve int) (dropped int) {
	s := &q.spares
	i := int(q.waitingFrom() - s.first)
	for ; i < len(q.log) && q.bytes > 0 && q.bytes+reserve+n > q.limit; i++ {
		dropped += q.dropLocked(i)
	}
	s.oldest = s.first + int64(i)
	q.closeHolesLocked()
	q.countLocked()
	return dropped
}

// dropLocked drops the block at i, if it may be, and leaves a hole.
func (q *queue) dropLocked(i int) int {
	k := q.log[i]
	if k == nil || !k.spare {
		return 0
	}
	q.bytes -= len(k.b)
	q.sent--
	q.log[i] = nil
	q.spares.holes++
	q.pressLocked()
	return 1
}

// closeHolesLocked moves what waits together when most of it are holes.
func (q *queue) closeHolesLocked() {
	s := &q.spares
	if s.holes < 32 || s.holes < (len(q.log)-q.next)/2 {
		return
	}
	named := make(map[int64]string, len(s.latest)) // those that wait
	for command, at := range s.latest {
		if at >= s.first+int64(q.next) {
			named[at] = command
		} else {
			delete(s.latest, command)
		}
	}
	kept, oldest := q.log[:q.next], s.oldest
	for i := q.next; i < len(q.log); i++ {
		at, to := s.first+int64(i), s.first+int64(len(kept))
		if at == oldest {
			s.oldest = to
		}
		command, ok := named[at]
		if q.log[i] == nil {
			if ok {
				delete(s.latest, command)
			}
			continue
		}
		if ok {
			s.latest[command] = to
		}
		kept = append(kept, q.log[i])
	}
	s.oldest = min(s.oldest, s.first+int64(len(kept)))
	clear(q.log[len(kept):])
	q.log, s.holes = kept, 0
}

// protectLocked keeps what has been taken from being dropped when it waits again, as frames that
// both ends count.
func (q *queue) protectLocked() {
	s := &q.spares
	s.oldest = q.waitingFrom()
	for _, k := range q.log[q.head:q.next] {
		if k == nil {
			s.holes++
		}
	}
}
