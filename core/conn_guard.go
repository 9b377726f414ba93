package core

import (
	"time"

	"github.com/hisock/hisock/core/internal/guard"
	"github.com/hisock/hisock/core/wire"
)

// What a connection shows its guard, and what becomes of it when the guard has seen enough. Only a
// server's connections have a guard, and only if an option wants one.

// admits shows a frame to the guard. It reports false if that has ended the connection.
func (c *Conn) admits(k wire.Kind) bool {
	asks := k == wire.KindCommand || k == wire.KindRequest || k == wire.KindRaw || k == kindLegacy
	return !c.isTooFast(c.guard.Frame(asks))
}

func (c *Conn) isTooFast(e *guard.Excess) bool {
	if e == nil {
		return false
	}
	c.endWith(&Error{Code: CodeRateLimit, Message: "more than " + e.Limit + " a second", RetryAfter: max(e.Wait, time.Second)})
	return true
}

// stall tells the guard that reading had to wait for handlers.
func (c *Conn) stall() {
	if hasCrowd && c.guard != nil {
		c.guard.Stall()
	}
}

// checkGuard ends the connection if its client has asked for nothing, or has not finished a frame, for
// too long: the sweeper's part.
func (c *Conn) checkGuard(now time.Duration) {
	idle, late := c.guard.Sweep(guard.Look{Now: now, Quiet: c.isQuiet(), Waiting: c.progress.awaitsPeer.Load(), Reads: c.progress.reads.Load()})
	switch {
	case idle > 0:
		c.endWith(NewError(CodeIdle, "nothing asked for "+seconds(idle)))
	case late > 0:
		c.endWith(NewError(CodeDeadlineExceeded, "a frame that began "+seconds(late)+" ago has not come"))
	}
}
