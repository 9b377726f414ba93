package core

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/internal/turn"
)

// handlerTick is how long a handler may keep its goroutine from reading where handlers are
// slow at times: between one and two ticks. Where none has been for a while a tick becomes
// longer, up to quickTick: each takes a processor away from those who exchange messages, and
// lets what comes next find its goroutine on another one.
const (
	handlerTick = 5 * time.Millisecond
	quickTick   = 16 * handlerTick
)

// A sweeper looks after the connections of one Server or Client with one goroutine and no
// timer per connection. While any is busy it looks every tick for handlers that
// take long; and a few times a heartbeat it looks at all for peers that have fallen silent or
// have stopped reading.
type sweeper struct {
	period    time.Duration // between two looks at all connections; 0 for never
	tick      time.Duration // between two looks at those that are busy
	idleTicks int           // since a look found something slow
	wake      chan struct{}
	stop      chan struct{}
	done      chan struct{}

	fair fairness

	mu     lock.Mutex[lock.Sweeper] // guards the fields below
	all    []*Conn
	active []*Conn // those that were busy lately
}

// A progress is what the reader and the handlers of a connection tell the sweeper, which finds out whether the
// peer is silent or this end does not go on.
type progress struct {
	reads          atomic.Uint64 // reads that returned
	bytes          atomic.Uint64 // bytes that these returned, and those that came with the hello
	partial        atomic.Int64  // bytes of the buffer in which the rest of a frame is awaited
	awaitsPeer     atomic.Bool   // the reader waits for input
	awaitsRoom     atomic.Bool   // the reader waits until there is room for what it has read
	awaitsReceiver atomic.Bool   // so it does until somebody receives a raw message
	asking         atomic.Int32  // handlers of the connection that wait for its peer
	queuing        atomic.Int32  // handlers of the connection that wait for room in its outbox
}

// A watch is what the sweeper knows of a connection. Only active and stale are touched by others. Times are since the
// sweeper began; zero is not noted yet.
type watch struct {
	active    atomic.Bool   // the connection is in the sweeper's list of active ones
	stale     atomic.Bool   // the sweeper has looked at all connections since the reader's goroutine began
	index     int           // of the connection in the list of all
	heartbeat time.Duration // after which a silent peer is asked, and after twice as long given up; 0 for never

	// At the last look for slow handlers.
	turn  turn.Token
	batch uint64 // reads

	queued uint64 // frames for the peer that had been queued at the last look at all

	known uint64 // counted frames that had been received at the last look at all
	acked uint64 // counted frames that were acknowledged since no more came

	reads   uint64        // when the peer was heard last
	readAt  time.Duration // of that
	pinged  bool          // the peer has been asked since
	alongAt time.Duration // of the last ping that was to be written with something else

	stuckAt time.Duration // since when the connection waits for itself

	writes  uint64        // when something could be written last, or nothing was to be
	writeAt time.Duration // of that
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

// sweepPeriod is how often connections are looked at that are to be found out after the
// given times, of which zero ones do not count.
func sweepPeriod(times ...time.Duration) time.Duration {
	var period time.Duration
	for _, d := range times {
		if d > 0 && (period == 0 || d/4 < period) {
			period = max(d/4, time.Millisecond)
		}
	}
	return period
}

// start begins to sweep; close ends it and waits for that.
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
	c.watch.index = len(s.all)
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

// busy says that a connection's reader has something to do.
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

// sweepActive takes the reading from handlers that have had a whole tick, and sees to it that
// a batch which takes that long does not keep its replies waiting. It reports whether any
// connection is still worth watching.
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
	busyTurn                // one handler has, or one write
	idle                    // the reader has waited, or somebody else runs a handler
)

// A finding is a busy connection for which something is to be done.
type finding struct {
	c *Conn
	motion
}

// lookAtActive returns the connections that have not gone on. Of the idle ones it returns those whose handlers wait
// for their peers; all of them leave the list. It reports whether any connection is left there.
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

// look says how far a connection has come since the last tick. One that is idle is no longer active.
func (c *Conn) look() motion {
	w := &c.watch
	tok, reads := c.turn.Now(), c.progress.reads.Load()
	sameTurn, sameBatch := tok == w.turn, reads == w.batch
	w.turn, w.batch = tok, reads
	switch state := tok.State(); {
	case sameTurn && (state == turn.Reading || state == turn.Handed):
		// Look again once it is not active: a reader begins its turn before it looks whether it is.
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

// sweepAll ends the connections whose peers have been silent, or have read nothing, for too long, and asks peers
// that have been silent half as long.
func (s *sweeper) sweepAll(now time.Duration) {
	for _, c := range s.conns() {
		if c.Suspended() {
			continue // nothing can be said of its peer
		}
		c.checkIdle() // before anything is written to an idle connection
		c.checkReads(now)
		c.checkStuck(now)
		c.checkWrites(now)
		c.checkAck()
		if hasLegacy {
			c.legacy.sweep(c, now)
		}
		c.checkStandstill()
		if hasCrowd && c.guard != nil {
			c.checkGuard(now)
		}
	}
}

// checkIdle lets go of what a connection holds that was busy: much of a block for an answer that is kept, and
// the reader's stack, as soon as it has read again.
func (c *Conn) checkIdle() {
	if browser {
		return
	}
	c.watch.queued = c.out.Tighten(c.watch.queued)
	c.watch.stale.Store(true)
}

func (c *Conn) checkReads(now time.Duration) {
	w := &c.watch
	if w.heartbeat == 0 {
		return
	}
	reads := c.progress.reads.Load()
	if !c.progress.awaitsPeer.Load() {
		// The peer is not silent: handlers run, or nobody takes the frames that were read.
		// A question of the peer would not be seen, so let it hear from us unasked.
		w.reads, w.readAt, w.pinged = reads, now, false
		c.out.Ping(0)
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
		c.probe(reads)
	}
}

// checkStuck ends a connection that waits for itself: a handler waits for its peer, whose
// answer comes after more than is read ahead. It gives a link up that is mute if a handler waits for room, which
// comes by writing only, and the reader waits for the handler, so that nothing is read to the link's end.
func (c *Conn) checkStuck(now time.Duration) {
	w := &c.watch
	if l := c.sess.Link(); l.State() == session.Mute && c.progress.awaitsRoom.Load() && c.progress.queuing.Load() > 0 {
		c.lost(l, l.WriteError())
		return
	}
	stuck := c.progress.awaitsRoom.Load() && (c.progress.asking.Load() > 0 || c.progress.awaitsReceiver.Load() && c.calls.len() > 0)
	switch limit := c.eng.writeTimeout; {
	case !stuck || limit == 0:
		w.stuckAt = 0
	case w.stuckAt == 0:
		w.stuckAt = now
	case now-w.stuckAt >= limit:
		c.endWith(NewError(CodeSlowConsumer, "a handler waits for an answer behind more than is read ahead"))
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
