package transport

import "time"

// errDeadline is what an operation past its deadline fails with. It stands in for
// os.ErrDeadlineExceeded, which this package cannot import.
var errDeadline error = deadlineError{}

type deadlineError struct{}

func (deadlineError) Error() string   { return "transport: pipe: deadline exceeded" }
func (deadlineError) Timeout() bool   { return true }
func (deadlineError) Temporary() bool { return true }

// A pipeDeadline is one of the two deadlines of a [pipeHalf], whose lock guards it.
type pipeDeadline struct {
	passed bool
	timer  *time.Timer
	serial int // tells the timer of this deadline from one of an earlier deadline
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

// setLocked replaces the deadline d of h, for an operation under way too.
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

// stop takes the deadline away.
func (d *pipeDeadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.passed = false
	d.serial++
}
