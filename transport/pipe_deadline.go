package transport

import "time"

// errDeadline is the error of an operation past its deadline. It stands in for
// os.ErrDeadlineExceeded, because this package does not import os.
var errDeadline error = deadlineError{}

type deadlineError struct{}

func (deadlineError) Error() string   { return "transport: pipe: deadline exceeded" }
func (deadlineError) Timeout() bool   { return true }
func (deadlineError) Temporary() bool { return true }

// A pipeDeadline is one of the two deadlines of a [pipeHalf]. The lock of the pipeHalf guards it.
type pipeDeadline struct {
	passed bool
	timer  *time.Timer
	serial int // number of this deadline: the timer of an earlier deadline has an earlier number
}

func (h *pipeHalf) setReadDeadline(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.abandoned {
		h.setLocked(&h.readLimit, t)
	}
}

func (h *pipeHalf) setWriteDeadline(t time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.ended {
		h.setLocked(&h.writeLimit, t)
	}
}

// setLocked replaces the deadline d of h, also for an operation that is under way.
func (h *pipeHalf) setLocked(d *pipeDeadline, t time.Time) {
	d.stop()
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.passed = true
		h.changed.Broadcast()
		return
	}
	serial := d.serial
	d.timer = time.AfterFunc(left, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if d.serial == serial {
			d.passed = true
			h.changed.Broadcast()
		}
	})
}

// stop removes the deadline.
func (d *pipeDeadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.passed = false
	d.serial++
}
