package core

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/turn"
)

// A handler may keep its goroutine from reading for between one and two ticks. A tick is handlerTick if a handler was
// slow lately, and grows up to quickTick while none is: each tick takes a processor away from the connections that
// exchange messages, and may move their goroutines to other processors.
const (
	handlerTick = 5 * time.Millisecond
	quickTick   = 16 * handlerTick
)

// A sweeper looks after the connections of one Server or Client with one goroutine and no
// timer per connection. While a connection is busy the sweeper looks every tick for handlers that
// take long. A few times in a heartbeat interval it looks at all connections, for peers that have fallen silent or
// have stopped reading.
type sweeper struct {
	period    time.Duration // between two looks at all connections; 0 for never
	tick      time.Duration // between two looks at the active connections
	idleTicks int           // ticks since a look found something slow; owned by the sweeper's goroutine
	swept     time.Duration // when it looked at all connections last, since it began; owned likewise
	wake      chan struct{} // has an element when the first connection has become active
	stop      chan struct{} // closed by close
	done      chan struct{} // closed when the sweeper's goroutine has ended

	fair fairness

	mu     lock.Mutex[lock.Sweeper] // guards the fields below
	all    []*Conn                  // connections that have not finished
	active []*Conn                  // connections that were busy lately
}

// A progress is what the reader and the handlers of a connection tell the sweeper, so that it finds out whether the
// peer is silent or this end is stuck.
type progress struct {
	reads          atomic.Uint64 // reads that returned, and resumes
	bytes          atomic.Uint64 // bytes that were read after the hello
	partial        atomic.Int64  // size in bytes of the buffer in which the rest of a frame is awaited
	awaitsPeer     atomic.Bool   // the reader waits for input
	awaitsRoom     atomic.Bool   // the reader waits until there is room for a frame that it has read
	awaitsReceiver atomic.Bool   // the reader waits until somebody receives a raw message; awaitsRoom is set too
	asking         atomic.Int32  // handlers of the connection that wait for its peer
	queuing        atomic.Int32  // senders, handlers of the connection perhaps, that wait for room while its link is mute
}

// A watch is what the sweeper knows of a connection. The sweeper's goroutine owns it, except that others touch active and
// stale, and that index and heartbeat are set with the sweeper's mu held. Times are since the sweeper began; zero means
// not noted yet.
type watch struct {
	active    atomic.Bool   // the connection is in sweeper.active
	stale     atomic.Bool   // the sweeper has looked at all connections since the reader's goroutine began
	index     int32         // of the connection in sweeper.all
	pinged    bool          // the peer has been pinged since readAt
	heartbeat time.Duration // silence after which the peer is pinged, and given up after twice as long; 0 for never

	// At the last look for slow handlers.
	turn  turn.Token
	batch uint64 // progress.reads

	queued uint64        // frames for the peer that had been queued at the last look at all
	still  atomic.Uint64 // these and the received ones, plus 1, if none has come or gone between the last two such looks; else 0

	known uint64 // counted frames that had been received at the last look at all
	acked uint64 // known, when an ack was asked for last because no more frames had come

	reads   uint64        // progress.reads when the peer was heard last
	readAt  time.Duration // when that was noted
	alongAt time.Duration // when a ping was last queued to be written together with other frames

	stuckAt time.Duration // since when the connection waits for itself; zero if it does not

	writes  uint64        // writes of the outbox at the last progress of writing
	writeAt time.Duration // when that was noted
}

func newSweeper(period time.Duration) *sweeper {
	return &sweeper{
		period: period,
		tick:   handlerTick,
		wake:   make(chan struct{}, 1),
		stop:   make(chan struct{}),
		done:   make(chan struct{}),
	}
}

// sweepPeriod returns the period of a sweeper that must notice when the given times have passed: a quarter of the least,
// and at least a millisecond. A time of zero does not count. It returns 0 if all are zero.
func sweepPeriod(times ...time.Duration) time.Duration {
	var period time.Duration
	for _, d := range times {
		if d > 0 && (period == 0 || d/4 < period) {
			period = max(d/4, time.Millisecond)
		}
	}
	return period
}

// start starts the sweeper's goroutine; close ends it and waits until it has ended.
func (s *sweeper) start() { go s.run() }

func (s *sweeper) close() {
	close(s.stop)
	<-s.done
	if hasCrowd {
		s.fair.close()
	}
}

func (s *sweeper) add(c *Conn, heartbeat time.Duration) {
	s.mu.Lock()
	c.watch.heartbeat = heartbeat
	c.watch.index = int32(len(s.all))
	s.all = append(s.all, c)
	s.mu.Unlock()
}

func (s *sweeper) remove(c *Conn) {
	s.mu.Lock()
	last := len(s.all) - 1
	moved := s.all[last]
	s.all[c.watch.index] = moved
	moved.watch.index = c.watch.index
	s.all[last] = nil
	s.all = s.all[:last]
	s.mu.Unlock()
}

// conns returns all connections that have not finished.
func (s *sweeper) conns() []*Conn {
	s.mu.Lock()
	all := append([]*Conn(nil), s.all...)
	s.mu.Unlock()
	return all
}

// busy notes that a connection is active, since its reader has begun a turn.
func (s *sweeper) busy(c *Conn) {
	if c.watch.active.Load() {
		return
	}
	s.mu.Lock()
	first := len(s.active) == 0
	if !c.watch.active.Swap(true) {
		s.active = append(s.active, c)
		if hasCrowd {
			s.fair.count(len(s.active))
		}
	}
	s.mu.Unlock()
	if first {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
}

func (s *sweeper) run() {
	defer close(s.done)
	start := time.Now()
	tick := time.NewTimer(time.Hour)
	tick.Stop()
	defer tick.Stop()
	var slow <-chan time.Time
	if s.period > 0 {
		t := time.NewTicker(s.period)
		defer t.Stop()
		slow = t.C
	}
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
			tick.Reset(s.tick)
		case <-tick.C:
			if s.sweepActive() {
				tick.Reset(s.tick)
			}
		case <-slow:
			s.sweepAll(time.Since(start))
		}
	}
}

// sweepActive takes the reading from handlers that have run for a whole tick, and leaves the replies of
// a batch that takes that long to a writer. It reports whether any connection is still active.
func (s *sweeper) sweepActive() bool {
	found, left := s.lookAtActive()
	for _, f := range found {
		switch f.motion {
		case busyTurn:
			f.c.handOver(f.c.watch.turn)
		case busyBatch:
			f.c.endBatch()
		case idle:
			f.c.checkStandstill()
		}
	}
	return left
}

// A motion is how far a connection has come in a tick.
type motion byte

const (
	goesOn    motion = iota // more was read
	busyBatch               // handlers of frames that were read together have taken the whole tick
	busyTurn                // one handler or one write has taken the whole tick
	idle                    // the reader has waited, or another goroutine runs a handler
)

// A finding is an active connection that the sweeper has to act on.
type finding struct {
	c *Conn
	motion
}

// lookAtActive returns the connections that are slow, and the idle connections whose handlers wait for their peers. All
// idle connections leave the list of active ones. It reports whether any connection is left in that list.
func (s *sweeper) lookAtActive() (found []finding, left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slow, n := false, 0
	for _, c := range s.active {
		m := c.look()
		if m != idle {
			s.active[n] = c
			n++
			slow = slow || m != goesOn
		}
		if m == busyBatch || m == busyTurn || m == idle && hasStandstill && c.waits.Len() > 0 {
			found = append(found, finding{c, m})
		}
	}
	clear(s.active[n:])
	s.active = s.active[:n]
	if hasCrowd {
		s.fair.count(n)
	}
	if s.idleTicks++; slow {
		s.idleTicks = 0
	}
	s.tick = handlerTick << min(s.idleTicks/4, 4)
	return found, n > 0
}

// look returns how far a connection has come since the last tick. A connection that is idle is no longer active.
func (c *Conn) look() motion {
	w := &c.watch
	tok, reads := c.turn.Now(), c.progress.reads.Load()
	sameTurn, sameBatch := tok == w.turn, reads == w.batch
	w.turn, w.batch = tok, reads
	switch state := tok.State(); {
	case sameTurn && (state == turn.Reading || state == turn.Handed):
		// Look at the turn again once active is false: a reader begins its turn before it looks at active.
		w.active.Store(false)
		if c.turn.Now() == tok || w.active.Swap(true) {
			return idle
		}
		return goesOn
	case sameTurn:
		return busyTurn
	case sameBatch:
		return busyBatch
	}
	return goesOn
}

// sweepAll gives up the connections whose peers have been silent, or have read nothing, for too long, and pings peers
// that have been silent for half that time.
func (s *sweeper) sweepAll(now time.Duration) {
	late := now-s.swept > 3*s.period
	s.swept = now
	for _, c := range s.conns() {
		if c.Suspended() {
			continue // it has no stream to watch
		}
		c.checkIdle() // first: the other checks may queue frames for an idle connection
		c.checkReads(now, late)
		c.checkStuck(now)
		c.checkWrites(now)
		c.checkAck()
		c.legacy.sweep(c, now)
		c.checkStandstill()
		if hasCrowd && c.guard != nil {
			c.checkGuard(now)
		}
	}
}

// checkIdle frees memory of a connection that has become idle: most of a block whose answer is kept, and
// the reader's stack or the reader itself, when the reader has read once more. It comes before checkAck.
func (c *Conn) checkIdle() {
	if browser {
		return
	}
	w := &c.watch
	before := w.queued + w.known
	w.queued = c.out.Tighten(w.queued)
	still := uint64(0)
	if now := w.queued + c.sess.Handled(); now == before {
		still = now + 1
	}
	w.still.Store(still)
	w.stale.Store(true)
	c.calls.forgetFree()
}

// checkReads is told with late that this program was frozen, such as a hidden page: then what the peer has sent may not have
// been delivered yet, and the peer is asked before it is given up.
func (c *Conn) checkReads(now time.Duration, late bool) {
	w := &c.watch
	if w.heartbeat == 0 {
		return
	}
	if late && w.readAt > 0 {
		w.readAt, w.pinged = max(w.readAt, now-w.heartbeat), false
	}
	reads := c.progress.reads.Load()
	if !c.progress.awaitsPeer.Load() {
		// It says nothing about the peer that the reader does not read: a handler runs, or the inbox is full.
		// A ping of the peer would not be read, so ping it to show that this end lives.
		held := reads == w.reads && w.readAt > 0 && c.turn.Now().State() == turn.Handling
		w.reads, w.readAt, w.pinged = reads, now, false
		c.out.Ping(0)
		if held { // the ping would wait for the end of a batch that has lasted since the last look
			c.endBatch()
		}
		return
	}
	if reads != w.reads || w.readAt == 0 {
		w.reads, w.readAt, w.pinged = reads, now, false
		if now-w.alongAt >= w.heartbeat {
			w.alongAt = now
			c.out.PingAlong()
		}
		return
	}
	switch silent := now - w.readAt; {
	case silent >= 2*w.heartbeat:
		c.silent(NewError(CodeHeartbeat, "nothing heard for "+seconds(silent)))
	case silent >= w.heartbeat && !w.pinged:
		w.pinged = true
		c.legacy.probe(c, reads)
	}
}

// checkStuck ends a connection that waits for itself: a handler waits for an answer of its peer, and the reader, with a
// full inbox, waits for the handler and does not read the answer.
func (c *Conn) checkStuck(now time.Duration) {
	w := &c.watch
	stuck := c.progress.awaitsRoom.Load() && (c.progress.asking.Load() > 0 || c.progress.awaitsReceiver.Load() && c.calls.len() > 0)
	switch limit := c.eng.writeTimeout; {
	case !stuck || limit == 0:
		w.stuckAt = 0
	case w.stuckAt == 0:
		w.stuckAt = now
	case now-w.stuckAt >= limit:
		c.endWith(NewError(CodeSlowConsumer, "a handler waits for an answer that comes after more than the inbox holds"))
	}
}

func (c *Conn) checkWrites(now time.Duration) {
	w := &c.watch
	limit := c.eng.writeTimeout
	if limit == 0 {
		return
	}
	if writing, writes := c.out.Writing(); writes != w.writes || !writing || w.writeAt == 0 {
		w.writes, w.writeAt = writes, now
		return
	}
	if stalled := now - w.writeAt; stalled >= limit {
		c.silent(NewError(CodeWriteTimeout, "nothing could be written for "+seconds(stalled)))
	}
}

func seconds(d time.Duration) string {
	tenths := int(d / (100 * time.Millisecond))
	return strconv.Itoa(tenths/10) + "." + strconv.Itoa(tenths%10) + " s"
}
