package core

import (
	"sync"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/events"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// Whose turn it is. Reading a connection and running its handlers is one goroutine's
// work as long as handlers are quick, since handing each frame to another goroutine
// would cost more than most handlers do. When one is slow, the reading is taken away
// from its goroutine:
//
//	turnReading   the goroutine reads or parses; nobody may take over
//	turnHandling  it runs a handler      \  the sweeper, or the handler itself when it is
//	turnFlushing  it writes its batch    /  about to wait, may take the reading away
//	turnHanded    another goroutine reads; the first, when its handler returns, runs what
//	              the inbox holds by then and ends, and handlers are the reader's again
//
// The value of Conn.turn is a sequence number above two bits of state. The number
// changes with each turn, so that the sweeper can tell one long turn from many short ones.
const (
	turnReading uint64 = iota // zero, so that clearing the state sets it
	turnHandling
	turnFlushing
	turnHanded

	turnMask = 3
	turnStep = 4
)

// beginTurn says that the reading goroutine is about to do what may take long.
func (c *Conn) beginTurn(state uint64) uint64 {
	c.seq += turnStep
	turn := c.seq | state
	c.turn.Store(turn)
	c.eng.sweep.busy(c) // behind the store; see sweepActive
	return turn
}

// endTurn reports whether the reading is still the caller's.
func (c *Conn) endTurn(turn uint64) bool {
	return c.turn.CompareAndSwap(turn, turn&^turnMask)
}

// handOver takes the reading away from the goroutine that is in the given turn, if it still
// is, and gives it to a new one.
func (c *Conn) handOver(turn uint64) {
	switch turn & turnMask {
	case turnReading, turnHanded:
		return
	}
	c.inbox.mu.Lock()
	if !c.turn.CompareAndSwap(turn, turn&^turnMask|turnHanded) {
		c.inbox.mu.Unlock()
		return
	}
	// The slow goroutine cannot get past the inbox's lock, so that its reader is still
	// there to be copied and the count of goroutines is not yet down.
	c.inbox.writing = turn&turnMask == turnFlushing
	c.running.Add(1)
	if hasCommands {
		c.takeOver(turn)
	}
	rd := c.rd.fork()
	c.rd = rd
	c.inbox.mu.Unlock()

	c.endBatch()
	go c.read(rd)
}

// endBatch gives what waits to a writer, since the reader will not flush it soon.
func (c *Conn) endBatch() {
	c.out.Release(true)
}

// yield hands the reading over when ctx belongs to the handler that the reading goroutine
// runs: it is about to wait, perhaps for something only reading can bring.
func yield(c *Conn) {
	if c == nil {
		return
	}
	if turn := c.turn.Load(); turn&turnMask == turnHandling {
		c.handOver(turn)
	}
}

// An inbox holds what has been read and waits for a slow handler to return: a copy of each
// frame, in order. Its reader waits when it is full.
type inbox struct {
	limit  int
	budget *budget.Budget
	paused atomic.Bool // the reader waits for room

	mu    sync.Mutex // guards the fields below
	room  sync.Cond
	jobs  []job
	head  int
	bytes int
	mem   budget.Meter
	calls int // of the jobs, those that are to be answered and nobody has given up

	replays int // of the jobs, those that say that a replay begins or ends

	// Jobs are numbered in their order, so that neither a cancel nor a receiver looks at all of them.
	taken   uint64            // number of jobs[head]
	byID    map[uint64]uint64 // number of each call that waits and is not given up; nil until one is given up
	rawFrom uint64            // number of the first job that may be a raw message which nobody has received

	takenID  uint64 // of the call that was taken last
	canceled bool   // that call was given up

	writing bool // the reading was taken from one that writes, not from a handler

	over   bool // the connection has ended: nobody waits for room
	barred bool // who runs what waits waits for an event itself

	held bool // with manual dispatch, what is put here is not for Update yet

	drop atomic.Bool // run nothing any more: this side has ended the connection; set with mu held
}

// A job is a frame that waits.
type job struct {
	kind     wire.Kind
	body     []byte
	id       uint64 // of what is to be answered
	canceled bool   // it is not to be run: given up, or received out of its turn

	event *events.Event // of a barrier
}

// jobCost is what a job weighs beside its bytes, so that many small ones count.
const jobCost = 128

func (b *inbox) init(limit int, of *budget.Budget) {
	b.limit, b.budget = limit, of
	b.room.L = &b.mu
}

// push queues a copy of the frame if another goroutine is running handlers. It
// reports false if none is: then the caller must run the frame itself. A frame for which
// there is no room before its link breaks off has not been received.
func (c *Conn) push(rd *reader, f wire.Frame) bool {
	b := &c.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	if !c.awaitInboxLocked(rd, len(f.Body)) {
		return true
	}
	if c.turn.Load()&turnMask != turnHanded {
		return false
	}
	if b.drop.Load() {
		return true
	}
	b.addLocked(f)
	c.notifyLocked()
	if hasStandstill && f.Kind.Answered() && c.waits.Len() > 0 {
		c.eng.sweep.busy(c)
	}
	return true
}

// notifyLocked leaves the last job to Update if dispatch is manual. The lock is that of the inbox.
func (c *Conn) notifyLocked() {
	if hasManual && c.eng.manual != nil && !c.inbox.held {
		c.eng.manual.add(task{c: c})
	}
}

// addLocked adds a job for a copy of the frame.
func (b *inbox) addLocked(f wire.Frame) {
	j := job{kind: f.Kind, body: append([]byte(nil), f.Body...)}
	if f.Kind.Answered() {
		j.id, _, _, _ = wire.ParseRequest(j.body) // an ask begins as a request does
		b.calls++
		if b.byID != nil {
			b.byID[j.id] = b.taken + uint64(len(b.jobs)-b.head)
		}
	}
	if isReplay(j.kind) {
		b.replays++
	}
	b.jobs = append(b.jobs, j)
	b.bytes += len(j.body) + jobCost
	b.mem.Set(b.budget, b.bytes)
}

// awaitInbox waits until the inbox has room for a frame of n bytes, if another goroutine is running
// handlers, and keeps the room for the caller: nobody else puts frames there. It reports
// false if the link breaks off before: then the frame has not been received.
func (c *Conn) awaitInbox(rd *reader, n int) bool {
	c.inbox.mu.Lock()
	ok := c.awaitInboxLocked(rd, n)
	c.inbox.mu.Unlock()
	return ok
}

func (c *Conn) awaitInboxLocked(rd *reader, n int) bool {
	ok := c.inboxRoomLocked(rd, n)
	if !ok {
		c.unreceive(rd)
	}
	return ok
}

// inboxRoomLocked is awaitInboxLocked for what does not count as received.
func (c *Conn) inboxRoomLocked(rd *reader, n int) bool {
	b := &c.inbox
	for c.turn.Load()&turnMask == turnHanded && !b.over && b.bytes > 0 && b.bytes+n+jobCost > b.limit {
		if rd.link.State() == session.Lost {
			return false
		}
		b.paused.Store(true)
		c.out.Nudge() // a handler may wait for an ack, which will not be read now
		b.room.Wait()
		c.guard.stall()
		b.paused.Store(false)
	}
	return true
}

// next takes the first job. When there is none it ends the caller's turn: from then on
// handlers are run by whoever reads.
func (c *Conn) next() (job, bool) {
	b := &c.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.head == len(b.jobs) || b.drop.Load() {
		b.emptyLocked()
		c.turn.Store(c.turn.Load() &^ turnMask) // turnReading
		b.room.Broadcast()
		return job{}, false
	}
	return b.takeLocked(), true
}

// waiting is how many jobs there are.
func (b *inbox) waiting() int {
	b.mu.Lock()
	n := len(b.jobs) - b.head
	b.mu.Unlock()
	return n
}

func (b *inbox) emptyLocked() {
	b.jobs, b.head, b.bytes, b.calls, b.replays = nil, 0, 0, 0, 0
	b.taken, b.byID, b.rawFrom = 0, nil, 0
	b.mem.Set(b.budget, 0)
}

// takeLocked takes the first job, which there must be.
func (b *inbox) takeLocked() job {
	j := b.jobs[b.head]
	b.jobs[b.head] = job{}
	b.head++
	if b.head > 32 && b.head > len(b.jobs)/2 { // it may never become empty
		n := copy(b.jobs, b.jobs[b.head:])
		clear(b.jobs[n:])
		b.jobs, b.head = b.jobs[:n], 0
	}
	b.bytes -= len(j.body) + jobCost
	b.mem.Set(b.budget, b.bytes)
	if isReplay(j.kind) {
		b.replays--
	}
	if j.kind.Answered() && !j.canceled {
		b.calls--
		if b.byID[j.id] == b.taken { // else that is a later call which has the same id
			delete(b.byID, j.id)
		}
	}
	b.taken++
	b.takenID, b.canceled = j.id, j.canceled
	b.room.Broadcast()
	return j
}

// runInbox runs what waits, in order, until nothing does.
func (c *Conn) runInbox() {
	for {
		c.awaitRelief()
		j, ok := c.next()
		if !ok {
			return
		}
		c.runJob(j)
	}
}

// awaitRelief waits until the queue is no more than half full, so that handlers which send
// something for everything they get do not end their own connection.
func (c *Conn) awaitRelief() {
	for room := c.out.Relief(); room != nil; room = c.out.Relief() {
		<-room
	}
}

func (c *Conn) runJob(j job) {
	switch {
	case j.kind == kindEvent:
		c.passBarrier(j.event)
	case !j.canceled:
		c.run(wire.Frame{Kind: j.kind, Body: j.body})
	}
}

// cancel marks a call that waits, or was taken last, as given up.
func (b *inbox) cancel(id uint64) {
	b.mu.Lock()
	if b.takenID == id {
		b.canceled = true
	}
	if b.calls > 0 {
		if b.byID == nil {
			b.indexLocked()
		}
		if n, ok := b.byID[id]; ok {
			b.jobs[b.head+int(n-b.taken)].canceled = true
			b.calls--
			delete(b.byID, id)
		}
	}
	b.mu.Unlock()
}

// indexLocked notes which calls wait. From then on the index is kept until the inbox is empty.
func (b *inbox) indexLocked() {
	b.byID = make(map[uint64]uint64, b.calls)
	for i := b.head; i < len(b.jobs); i++ {
		if j := &b.jobs[i]; j.kind.Answered() && !j.canceled {
			b.byID[j.id] = b.taken + uint64(i-b.head)
		}
	}
}

// wasCanceled reports whether the call, which was taken last if it was in the inbox at all,
// has been given up.
func (b *inbox) wasCanceled(id uint64) bool {
	b.mu.Lock()
	was := b.takenID == id && b.canceled
	b.mu.Unlock()
	return was
}

func isReplay(k wire.Kind) bool { return k == wire.KindReplay || k == wire.KindReplayEnd }

// replaysWait reports whether some job says that a replay begins or ends.
func (b *inbox) replaysWait() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.replays > 0
}

// takeRaw takes the first raw message out of its turn.
func (b *inbox) takeRaw() ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rawFrom = max(b.rawFrom, b.taken)
	for i := b.head + int(b.rawFrom-b.taken); i < len(b.jobs); i++ {
		b.rawFrom++
		switch j := &b.jobs[i]; j.kind {
		case wire.KindRaw:
			j.canceled = true
			return j.body, true
		case wire.KindGroupRaw: // of which it remains that it has passed
			f := wire.Frame{Kind: j.kind, Body: j.body}
			_, _, payload, _ := wire.ParseGroup(f.Kind, f.Body)
			j.kind, j.body = wire.KindGroupPassed, passed(f, payload).Body
			b.bytes -= len(payload)
			b.mem.Set(b.budget, b.bytes)
			return payload, true
		}
	}
	return nil, false
}

// wake lets a reader that waits for room look whether it still should.
func (b *inbox) wake() {
	b.mu.Lock()
	b.room.Broadcast()
	b.mu.Unlock()
}

// end wakes a reader that waits for room. If drop is set, what waits is not run.
func (b *inbox) end(drop bool) {
	b.mu.Lock()
	b.over = true
	if drop {
		b.drop.Store(true)
		b.emptyLocked() // a handler may not return for long
	}
	b.mu.Unlock()
	b.room.Broadcast()
}

// isQuiet reports whether no handler of the connection runs and none waits for its turn.
func (c *Conn) isQuiet() bool {
	b := &c.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(c.slots) > 0 || !b.drop.Load() && b.head < len(b.jobs) {
		return false
	}
	switch c.turn.Load() & turnMask {
	case turnHandling:
		return false
	case turnHanded:
		return b.writing || hasManual && c.eng.manual != nil
	}
	return true
}
