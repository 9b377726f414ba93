package admit

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
)

// Grace is how long a program may take to decide when the context of that has ended. Then the server goes
// on without its decision.
const Grace = time.Second

// A Decision is the program's about one newcomer:
//
//	undecided → pending   Begin: the program is asked
//	          → decided   Done: there was nothing to ask
//	pending   → decided   Done: the program has answered
//	          → given up  GiveUp: it does not answer, or nobody waits for that
//
// Of Done and GiveUp the first wins, and says what becomes of the newcomer. The zero value is undecided. All
// methods are safe for concurrent use.
type Decision struct {
	mu      lock.Mutex[lock.Decision] // guards the fields below
	state   decisionState
	hurried bool               // there is no time for it
	cancel  context.CancelFunc // ends the context of a pending decision
	unwatch func() bool        // forgets that this context may end
}

type decisionState uint8

const (
	undecided decisionState = iota
	pending
	decided
	givenUp
)

// Begin returns the context in which the program decides. It ends with base, by a time if that is not zero,
// when somebody is in a [Decision.Hurry], and with the decision. If the decision is still pending [Grace]
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

// Done notes that the program has decided, or is not asked. It reports false if the decision has been given up.
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
