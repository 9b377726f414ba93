package admit

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
)

// Grace is how long the program may still take to decide after the context of the decision has ended. Then the server
// goes on without the decision.
const Grace = time.Second

// A Decision is the state of the program's decision about one newcomer:
//
//	undecided → pending   Begin: the program is asked
//	          → decided   Done: there was nothing to ask
//	pending   → decided   Done: the program has answered
//	          → given up  GiveUp: the program does not answer, or nobody waits for the answer
//
// The first call of Done or GiveUp wins, and its caller goes on with the newcomer. The zero value is undecided. All
// methods are safe for concurrent use.
type Decision struct {
	mu      lock.Mutex[lock.Decision] // guards the fields below
	state   decisionState
	hurried bool               // Hurry has been called
	cancel  context.CancelFunc // ends the context of a pending decision
	unwatch func() bool        // stops waiting for the end of this context
}

type decisionState uint8

const (
	undecided decisionState = iota
	pending
	decided
	givenUp
)

// Begin returns the context in which the program decides. The context ends with base, at the time by unless that is zero,
// with [Decision.Hurry], and with the decision. If the decision is still pending [Grace]
// later, late is called on a goroutine of its own.
func (d *Decision) Begin(base context.Context, by time.Time, late func()) context.Context {
	ctx, cancel := context.WithCancel(base)
	if !by.IsZero() {
		ctx, cancel = context.WithDeadline(base, by)
	}
	unwatch := context.AfterFunc(ctx, func() { time.AfterFunc(Grace, late) })
	d.mu.Lock()
	d.state, d.cancel, d.unwatch = pending, cancel, unwatch
	hurried := d.hurried
	d.mu.Unlock()
	if hurried {
		cancel()
	}
	return ctx
}

// Hurry ends the context of the decision, also if the decision begins later.
func (d *Decision) Hurry() {
	d.mu.Lock()
	d.hurried = true
	cancel := d.cancel
	d.mu.Unlock()
	if cancel != nil {
		cancel()
	}
}

// Done notes that the program has decided, or was not asked. It reports false if the decision has been given up.
func (d *Decision) Done() bool {
	d.mu.Lock()
	state, cancel, unwatch := d.state, d.cancel, d.unwatch
	if state != givenUp {
		d.state = decided
	}
	d.mu.Unlock()
	if state == pending {
		unwatch()
		cancel()
	}
	return state != givenUp
}

// GiveUp gives a pending decision up. It reports false if it was not pending.
func (d *Decision) GiveUp() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.state != pending {
		return false
	}
	d.state = givenUp
	return true
}
