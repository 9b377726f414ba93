package turn

import (
	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/wire"
)

// JobCost is how many bytes a job weighs beside its body, so that many small ones count.
const JobCost = 128

// A Job is a frame that waits, or a barrier. The jobs after a barrier are not run before its channel is closed.
type Job struct {
	Kind     wire.Kind
	Canceled bool // it is not to be run: it was given up, or received out of its turn
	Body     []byte
	ID       uint64 // of a call or an ask; else 0

	Barrier <-chan struct{} // nil for a frame
}

// An inbox holds copies of frames that wait for a slow handler to return, in order. Turn.mu guards it.
type inbox struct {
	limit  int            // in bytes; it does not change
	budget *budget.Budget // nil at the end

	jobs    []Job
	head    int // index of the first that waits
	bytes   int
	mem     budget.Meter
	calls   int // that wait, are to be answered and are not given up
	replays int // jobs that say that a replay begins or ends

	// Jobs are numbered in their order, so that neither Cancel nor takeRawLocked looks at all of them.
	popped  uint64            // number of jobs[head]
	byID    map[uint64]uint64 // number of each call that waits and is not given up; nil until one is given up
	rawFrom uint64            // number of the first job that may be a raw message which nobody has received

	poppedID       uint64 // of the call that was popped last
	poppedCanceled bool   // that call was given up
}

// A Put is the outcome of a Push or a Bar.
type Put uint8

const (
	Stored  Put = iota // it waits
	Held               // it waits, and is counted by Free
	Yours              // nobody but the caller runs handlers: Push stores no frame then, Bar stores its barrier
	Full               // there is no room for it
	Dropped            // nothing is run any more
)

// Push lets a copy of the frame wait if another goroutine runs handlers. The caller is the reader. Whoever
// waits for a raw message gets the frame's at once.
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

// Add lets a copy of the frame wait, on a connection that nobody reads yet.
func (t *Turn) Add(f wire.Frame) {
	t.mu.Lock()
	t.addLocked(f)
	t.mu.Unlock()
}

// Bar puts a barrier after the jobs that wait. The caller is the reader, or nobody reads. If it returns Yours, the
// reading counts as handed over, and the caller sees to it that a goroutine pops until nothing waits.
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
		j.ID, _, _, _ = wire.ParseRequest(j.Body) // an ask begins as a request does
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

// fullLocked reports whether a frame of n bytes has to wait for room. A single one never does.
func (t *Turn) fullLocked(n int) bool {
	return t.bytes > 0 && t.bytes+n+JobCost > t.limit && t.Handed() && !t.over
}

// IsFull reports whether a frame of n bytes has to wait for room. The caller is the reader: nobody else takes
// the room. If it is to wait, it looks whether there is still something to wait for, and hands AwaitRoom the
// ticket.
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

// Wake lets a reader that waits for room look whether it still should.
func (t *Turn) Wake() {
	t.mu.Lock()
	t.wakes++
	t.changed.Broadcast()
	t.mu.Unlock()
}

// Pop takes the first job. When there is none it ends the caller's turn, unless dispatch is manual: from
// then on handlers are run by whoever reads.
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
	if t.head > 32 && t.head > len(t.jobs)/2 { // it may never become empty
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
		if t.byID[j.ID] == t.popped { // else that is a later call which has the same id
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

// Uncount notes that the connection, of which nothing runs any more, holds nothing: raw messages may still be
// received.
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

// IsCanceled reports whether the call, which was popped last if it waited at all, has been given up.
func (t *Turn) IsCanceled(id uint64) bool {
	t.mu.Lock()
	canceled := t.poppedID == id && t.poppedCanceled
	t.mu.Unlock()
	return canceled
}

func isReplay(k wire.Kind) bool { return k == wire.KindReplay || k == wire.KindReplayEnd }

// ReplaysWait reports whether some job says that a replay begins or ends.
func (t *Turn) ReplaysWait() bool {
	t.mu.Lock()
	wait := t.replays > 0
	t.mu.Unlock()
	return wait
}

// Calls is how many calls wait that are not given up. While the reader runs handlers itself there are none:
// one is answered before the next is read.
func (t *Turn) Calls() int {
	if !t.Handed() {
		return 0
	}
	t.mu.Lock()
	n := t.calls
	t.mu.Unlock()
	return n
}

// Bytes is the weight of the jobs and of the raw messages that wait.
func (t *Turn) Bytes() int {
	t.mu.Lock()
	n := t.bytes + t.size
	t.mu.Unlock()
	return n
}

// Standing returns the ids of the calls that wait and are not given up: the latest, the last one first, and no more
// than most. It reports whether the goroutine that runs jobs is at a barrier.
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
