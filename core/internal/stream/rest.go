package stream

import (
	"runtime"
	"time"
)

// A rest is the wait of the reader for a receiver that it has woken. The receiver runs on the reader's processor, whose cache has the items, and the
// reader's next items come to the memory that the receiver has just left. A reader that only let others run would go on with another processor at once.
//
// A receiver may need long for its items. So the reader waits for mostRest at most, and then does without rests for a while: twice as long
// after each rest in vain.
//
//	GotItems wakes a receiver → LetTake → the receiver waits again, or ends
type rest struct {
	expected bool          // the receiver is to tell; guarded by the table's lock
	over     chan struct{} // has a token when the receiver has told

	// Owned by the reader.
	timer *time.Timer
	leave int // rests that are left out from now on
	next  int // rests that are left out after the next one in vain
}

const (
	mostRest   = 100 * time.Microsecond
	leastLeave = 16   // rests that are left out after one in vain
	mostLeave  = 1024 // rests that are left out at most
)

// LetTake lets the receivers take what has come. It returns when the receiver that was woken last waits again, or has taken long. Only
// the reader calls it.
func (t *Table) LetTake() {
	r := &t.rest
	if r.leave > 0 {
		r.leave--
		runtime.Gosched()
		return
	}
	if r.timer == nil {
		r.timer = time.NewTimer(mostRest)
	} else {
		r.timer.Reset(mostRest)
	}
	select {
	case <-r.over:
		r.timer.Stop()
		r.next = leastLeave
	case <-r.timer.C:
		r.leave = r.next
		r.next = min(2*r.next, mostLeave)
	}
}

// expectLocked notes that a receiver was woken.
func (r *rest) expectLocked() {
	r.expected = true
	select {
	case <-r.over: // an earlier receiver's
	default:
	}
}

// overLocked lets the reader go on: a receiver has taken all.
func (r *rest) overLocked() {
	if r.expected {
		r.expected = false
		token(r.over)
	}
}
