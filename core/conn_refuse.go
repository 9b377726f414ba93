package core

import "github.com/hisock/hisock/core/wire"

// comesTooLate takes a frame that comes while the server shuts down, and reports whether it did.
// The reader asks in its turn. So no handler will begin if, after draining was set, somebody sees neither that
// turn nor a frame in the inbox.
func (c *Conn) comesTooLate(f wire.Frame) bool {
	if !c.eng.draining.Load() {
		return false
	}
	if f.Kind.Answered() {
		c.turnDown(f, errShuttingDown)
	}
	return true
}

// turnedDown answers a call of a peer that has as many unanswered as it may, and reports
// whether it did, or took a frame that comes too late. Otherwise the frame is handled as any other.
func (c *Conn) turnedDown(f wire.Frame) bool {
	if c.comesTooLate(f) {
		return true
	}
	if !f.Kind.Answered() || c.eng.maxCalls == 0 || c.callsOpen() < c.eng.maxCalls {
		return false
	}
	c.turnDown(f, errTooManyCalls)
	return true
}

// turnDown answers a call that is not handled.
func (c *Conn) turnDown(f wire.Frame, why *Error) {
	id, _, _, err := wire.ParseRequest(f.Body) // an ask begins as a request does
	if err != nil {
		c.endWith(wireError(err))
		return
	}
	c.fail(id, why)
}

var errTooManyCalls = NewError(CodeTooManyCalls, "too many calls are not answered yet")

// callsOpen is how many calls of the peer run or wait for their turn.
func (c *Conn) callsOpen() int { return c.serving.len() + c.turn.Calls() }
