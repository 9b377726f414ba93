//go:build !js

package core

import "time"

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
	first  int64 // number of log[0]
	oldest int64 // none that may be dropped waits before this one
	holes  int

	// latest is where the last of each name waits, of OverflowLatest, from the moment that frames
	// wait for want of room until the next write has ended; nil otherwise.
	latest map[spareName]int64

	timed   bool      // frames of OverflowLatest have been queued
	writeAt time.Time // if timed, when the write under way began; zero while there is none
}

// A spareName is what a frame that may be dropped is about: of OverflowLatest only the last of each
// waits for room.
type spareName struct{ command, key string }

// noName is that of frames under OverflowDropOldest, each of which stands for itself.
var noName = new(spareName)

// stalled is how long a write lasts that is taken for one which waits for room.
const stalled = 50 * time.Millisecond

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
		dropped = q.replaceLocked(frame.spare, n)
	}
	if !q.admitSpareLocked(n) && o != OverflowDropNewest {
		dropped += q.dropOldestLocked(n, q.reserveLocked(), 0)
	}
	fits := q.admitSpareLocked(n)
	switch {
	case !fits:
		dropped++
	case o == OverflowDropNewest:
		q.shareLocked(frame)
	default:
		q.addSpareLocked(frame)
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
	dropped := c.out.conflateLocked()
	if !c.out.admitLocked(n) {
		dropped += c.out.dropOldestLocked(n, 0, 0)
	}
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
	if c.can.Missed {
		ctl.missedDue, ctl.due = true, true
	}
}

// newBlock returns a block of one frame, which may be shared if its policy is one for all.
func (r *overflowRules) newBlock(command string, set *sending, frame []byte) *block {
	switch r.of(command) {
	case OverflowDropOldest:
		k := shared(frame)
		k.spare = noName
		return k
	case OverflowLatest:
		k := &struct {
			block
			name spareName
		}{block: *shared(frame), name: spareName{command: command}}
		if set != nil {
			k.name.key = set.key
		}
		k.spare = &k.name
		return &k.block
	}
	return shared(frame)
}

// spareCost is what a frame with a name weighs beside the others, in bytes.
const spareCost = 64

// nameCost is what a frame with a name weighs beside its bytes and its name.
const nameCost = blockCost + spareCost

// extra is what k weighs for its name.
func (k *block) extra() int {
	if k.spare == nil || k.spare == noName {
		return 0
	}
	return spareCost + len(k.spare.command) + len(k.spare.key)
}

// addSpareLocked queues a frame that may be dropped.
func (q *queue) addSpareLocked(frame *block) {
	q.slack += frame.extra()
	q.addLocked(frame)
	if frame.spare == noName {
		return
	}
	s := &q.spares
	if s.latest != nil {
		s.latest[*frame.spare] = s.first + int64(len(q.log)-1)
	}
	if !s.timed {
		s.timed = true
		if q.flushing { // since when is not known
			s.writeAt = time.Now()
		}
	}
}

// replaceLocked drops the frames in whose place one of n bytes with that name is queued, and returns
// how many that were. Only those that wait for want of room are replaced: while there is no stream,
// while the write before them has stalled, or when all together, with what a frame weighs beside its
// bytes, are too many. What can be
// written at once never is.
func (q *queue) replaceLocked(name *spareName, n int) (dropped int) {
	s := &q.spares
	if s.latest == nil {
		waits := q.link == nil || !s.writeAt.IsZero() && time.Since(s.writeAt) >= stalled
		if !waits && q.bytes+n+nameCost*q.waitingLocked() <= q.limit && q.admitSpareLocked(n) {
			return 0
		}
		dropped = q.conflateLocked()
	}
	if at, ok := s.latest[*name]; ok && at >= q.waitingFrom() { // else it has been written
		dropped += q.dropLocked(int(at - s.first))
		q.closeHolesLocked()
		q.countLocked()
	}
	if q.bytes+n+nameCost*q.waitingLocked() > q.limit { // they are of too many names
		dropped += q.dropOldestLocked(n, 0, nameCost)
	}
	return dropped
}

// waitingLocked is how many blocks wait.
func (q *queue) waitingLocked() int { return len(q.log) - q.next - q.spares.holes }

// conflateLocked drops all that wait but the last of each name, of those that have one, and returns
// how many that were. From then on s.latest is kept.
func (q *queue) conflateLocked() (dropped int) {
	s := &q.spares
	if !s.timed || s.latest != nil {
		return 0
	}
	s.latest = make(map[spareName]int64)
	for i := len(q.log) - 1; i >= int(q.waitingFrom()-s.first); i-- {
		k := q.log[i]
		if k == nil || k.spare == nil || k.spare == noName {
			continue
		}
		if _, later := s.latest[*k.spare]; later {
			dropped += q.dropLocked(i)
		} else {
			s.latest[*k.spare] = s.first + int64(i)
		}
	}
	q.closeHolesLocked()
	q.countLocked()
	return dropped
}

// writes notes that a write begins.
func (s *spareFrames) writes() {
	if s.timed {
		s.writeAt = time.Now()
	}
}

// wrote notes that a write has ended: there is room again.
func (s *spareFrames) wrote() {
	if s.timed {
		s.latest, s.writeAt = nil, time.Time{}
	}
}

// waitingFrom is the number of the first block that may be dropped if it is of that kind: nobody
// has begun to write it, now or before a resume.
func (q *queue) waitingFrom() int64 { return max(q.spares.first+int64(q.next), q.spares.oldest) }

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

// dropOldestLocked drops frames until n bytes more than reserve may wait, each of those that do counting
// for so many bytes more, and returns how many that were.
func (q *queue) dropOldestLocked(n, reserve, each int) (dropped int) {
	s := &q.spares
	i := int(q.waitingFrom() - s.first)
	for ; i < len(q.log) && q.bytes > 0 && q.bytes+reserve+n+each*q.waitingLocked() > q.limit; i++ {
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
	if k == nil || k.spare == nil {
		return 0
	}
	s := &q.spares
	if at, ok := s.latest[*k.spare]; ok && at == s.first+int64(i) {
		delete(s.latest, *k.spare)
	}
	q.bytes -= len(k.b)
	q.slack -= k.extra()
	q.sent--
	q.log[i] = nil
	s.holes++
	q.pressLocked()
	return 1
}

// closeHolesLocked moves what waits together when most of it are holes.
func (q *queue) closeHolesLocked() {
	s := &q.spares
	if s.holes < 32 || s.holes < (len(q.log)-q.next)/2 {
		return
	}
	named := s.latest != nil
	clear(s.latest) // those that were written go
	kept, oldest := q.log[:q.next], s.oldest
	for i := q.next; i < len(q.log); i++ {
		to := s.first + int64(len(kept))
		if s.first+int64(i) == oldest {
			s.oldest = to
		}
		k := q.log[i]
		if k == nil {
			continue
		}
		if named && k.spare != nil && k.spare != noName {
			s.latest[*k.spare] = to
		}
		kept = append(kept, k)
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
