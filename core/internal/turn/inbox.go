package turn

import (
	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/wire"
)

// JobCost is how much a job counts beside its body, in bytes, so that many small jobs are bounded too.
const JobCost = 128

// A Job is a frame that waits, or a barrier. The jobs after a barrier are not run before its channel is closed.
type Job struct {
	Kind     wire.Kind
	Canceled bool // the job does not run: the call was given up, or the raw message received before its turn
	Body     []byte
	ID       uint64 // of a call or a request for a change; 0 for others

	Barrier <-chan struct{} // nil for a frame
}

// An inbox holds copies of frames that wait for a slow handler to return, in order. Turn.mu guards it.
type inbox struct {
	limit  int            // of bytes; it does not change
	budget *budget.Budget // nil after Uncount

	jobs    []Job
	head    int          // index of the first job that waits
	bytes   int          // of the jobs that wait, with JobCost for each
	mem     budget.Meter // counts bytes
	calls   int          // jobs that wait, must be answered and are not given up
	replays int          // jobs that wait and say that a replay begins or ends

	// Jobs are numbered in their order, so that neither Cancel nor takeRawLocked looks at all of them.
	popped  uint64            // number of jobs[head]
	byID    map[uint64]uint64 // number of each call that waits and is not given up; nil until one is given up
	rawFrom uint64            // number of the first job that may be a raw message which nobody has received

	poppedID       uint64 // the ID of the job that was popped last
	poppedCanceled bool   // that job was given up
}

// A Put is the outcome of a Push or a Bar.
type Put uint8

const (
	Stored  Put = iota // the job waits
	Held               // the job waits, and Free will count it
	Yours              // no other goroutine runs handlers: Push has not stored the frame, Bar has stored the barrier
	Full               // there is no room for the frame
	Dropped            // no job runs any more
)

// Push stores a copy of the frame if another goroutine runs handlers. The caller is the reader. If somebody waits for a
// raw message, it gets the frame's payload at once.
func (t *Turn) Push(f wire.Frame) Put {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case !t.Handed():
		return Yours
	case t.drop.Load():
		return Dropped
	case t.fullLocked(len(f.Body)):
		return Full
	}
	t.addLocked(f)
	if len(t.waiters) > 0 && (f.Kind == wire.KindRaw || f.Kind == wire.KindGroupRaw) {
		if payload, ok := t.take(t); ok {
			t.handLocked(payload)
		}
	}
	return t.storedLocked()
}

func (t *Turn) storedLocked() Put {
	if t.held {
		return Held
	}
	return Stored
}

// Add stores a copy of the frame, on a connection that nobody reads yet.
func (t *Turn) Add(f wire.Frame) {
	t.mu.Lock()
	t.addLocked(f)
	t.mu.Unlock()
}

// Bar stores a barrier after the jobs that wait. The caller is the reader, or nobody reads. If it returns Yours, the
// turn is Handed, and the caller must start a goroutine that pops until no job waits.
func (t *Turn) Bar(until <-chan struct{}) Put {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.drop.Load() {
		return Dropped
	}
	t.putLocked(Job{Barrier: until})
	if !t.Handed() {
		t.word.Store(t.word.Load()&^mask + 2*step + uint64(Handed)) // as no turn that was taken over leaves it; see Lasts
		return Yours
	}
	return t.storedLocked()
}

func (t *Turn) addLocked(f wire.Frame) {
	j := Job{Kind: f.Kind, Body: append([]byte(nil), f.Body...)}
	if f.Kind.Answered() {
		j.ID, _, _, _ = wire.ParseRequest(j.Body) // a request for a change begins like a call
		t.calls++
		if t.byID != nil {
			t.byID[j.ID] = t.popped + uint64(len(t.jobs)-t.head)
		}
	}
	if isReplay(j.Kind) {
		t.replays++
	}
	t.putLocked(j)
}

func (t *Turn) putLocked(j Job) {
	t.jobs = append(t.jobs, j)
	t.bytes += len(j.Body) + JobCost
	t.mem.Set(t.budget, t.bytes)
}

// fullLocked reports whether a frame of n bytes has to wait for room. In an empty inbox no frame has to.
func (t *Turn) fullLocked(n int) bool {
	return t.bytes > 0 && t.bytes+n+JobCost > t.limit && t.Handed() && !t.over
}

// IsFull reports whether a frame of n bytes has to wait for room. The caller is the reader: nobody else takes
// the room. Before it waits, the caller checks that the link is not lost, and then gives AwaitRoom the
// ticket, so that it misses no Wake in between.
func (t *Turn) IsFull(n int) (ticket int, full bool) {
	t.mu.Lock()
	ticket, full = t.wakes, t.fullLocked(n)
	t.mu.Unlock()
	return ticket, full
}

// AwaitRoom waits until there is room for a frame of n bytes, or until somebody has called Wake since the
// ticket was given.
func (t *Turn) AwaitRoom(n, ticket int) {
	t.mu.Lock()
	for t.wakes == ticket && t.fullLocked(n) {
		t.changed.Wait()
	}
	t.mu.Unlock()
}

// Wake makes a reader that waits for room check whether it still should.
func (t *Turn) Wake() {
	t.mu.Lock()
	t.wakes++
	t.changed.Broadcast()
	t.mu.Unlock()
}

// Pop takes the first job. If there is none it ends the caller's turn, unless dispatch is manual: from
// then on the reader runs handlers.
func (t *Turn) Pop() (j Job, ok bool) {
	t.mu.Lock()
	t.writing, t.barred = false, false
	if ok = t.head < len(t.jobs) && !t.drop.Load(); ok {
		j = t.popLocked()
		t.barred = j.Barrier != nil
	} else {
		t.emptyLocked()
		if !t.manual {
			t.word.Store(t.word.Load() &^ mask) // Reading
		}
	}
	t.changed.Broadcast()
	t.mu.Unlock()
	return j, ok
}

// popLocked takes the first job, which there must be.
func (t *Turn) popLocked() Job {
	j := t.jobs[t.head]
	t.jobs[t.head] = Job{}
	t.head++
	if t.head > 32 && t.head > len(t.jobs)/2 { // the inbox may never become empty
		n := copy(t.jobs, t.jobs[t.head:])
		clear(t.jobs[n:])
		t.jobs, t.head = t.jobs[:n], 0
	}
	t.bytes -= len(j.Body) + JobCost
	t.mem.Set(t.budget, t.bytes)
	if isReplay(j.Kind) {
		t.replays--
	}
	if j.Kind.Answered() && !j.Canceled {
		t.calls--
		if t.byID[j.ID] == t.popped { // else byID has a later call with the same id
			delete(t.byID, j.ID)
		}
	}
	t.popped++
	t.poppedID, t.poppedCanceled = j.ID, j.Canceled
	return j
}

func (t *Turn) emptyLocked() {
	t.jobs, t.head, t.bytes, t.calls, t.replays = nil, 0, 0, 0, 0
	t.popped, t.byID, t.rawFrom = 0, nil, 0
	t.mem.Set(t.budget, 0)
}

// Uncount gives back what the inbox counts in the budget, for good. Nothing of the connection runs any more; raw messages
// can still be received.
func (t *Turn) Uncount() {
	t.mu.Lock()
	t.emptyLocked()
	t.keptMem.Set(t.budget, 0)
	t.budget = nil
	t.mu.Unlock()
}

// Cancel marks a call that waits, or was popped last, as given up.
func (t *Turn) Cancel(id uint64) {
	t.mu.Lock()
	if t.poppedID == id {
		t.poppedCanceled = true
	}
	if t.calls > 0 {
		if t.byID == nil {
			t.indexLocked()
		}
		if n, ok := t.byID[id]; ok {
			t.jobs[t.head+int(n-t.popped)].Canceled = true
			t.calls--
			delete(t.byID, id)
		}
	}
	t.mu.Unlock()
}

// indexLocked notes which calls wait. From then on the index is kept until the inbox is empty.
func (t *Turn) indexLocked() {
	t.byID = make(map[uint64]uint64, t.calls)
	for i := t.head; i < len(t.jobs); i++ {
		if j := &t.jobs[i]; j.Kind.Answered() && !j.Canceled {
			t.byID[j.ID] = t.popped + uint64(i-t.head)
		}
	}
}

// IsCanceled reports whether the call has been given up. If the call waited at all, it was popped last.
func (t *Turn) IsCanceled(id uint64) bool {
	t.mu.Lock()
	canceled := t.poppedID == id && t.poppedCanceled
	t.mu.Unlock()
	return canceled
}

func isReplay(k wire.Kind) bool { return k == wire.KindReplay || k == wire.KindReplayEnd }

// ReplaysWait reports whether a job waits that says that a replay begins or ends.
func (t *Turn) ReplaysWait() bool {
	t.mu.Lock()
	wait := t.replays > 0
	t.mu.Unlock()
	return wait
}

// Calls returns the number of calls that wait and are not given up. While the reader runs handlers itself there is none,
// since each call is answered before the next frame is read.
func (t *Turn) Calls() int {
	if !t.Handed() {
		return 0
	}
	t.mu.Lock()
	n := t.calls
	t.mu.Unlock()
	return n
}

// Bytes returns how much the jobs and the raw messages that wait count, in bytes.
func (t *Turn) Bytes() int {
	t.mu.Lock()
	n := t.bytes + t.size
	t.mu.Unlock()
	return n
}

// Standing returns the ids of the calls that wait and are not given up, the latest first, at most most of them. It
// reports whether the goroutine that runs jobs waits at a barrier.
func (t *Turn) Standing(most int) (calls []uint64, barred bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.jobs) - 1; i >= t.head && t.calls > 0 && len(calls) < most; i-- {
		if j := &t.jobs[i]; j.Kind.Answered() && !j.Canceled {
			calls = append(calls, j.ID)
		}
	}
	return calls, t.barred
}
