//go:build !js

package core

import "github.com/hisock/hisock/core/wire"

// turnedDown answers a call of a peer that has as many unanswered as it may, and reports
// whether it did. Otherwise the frame is handled as any other.
func (c *Conn) turnedDown(f wire.Frame) bool {
	if f.Kind != wire.KindRequest || c.eng.maxCalls == 0 || c.callsOpen() < c.eng.maxCalls {
		return false
	}
	id, _, _, err := wire.ParseRequest(f.Body)
	if err != nil {
		return false // which ends the connection
	}
	c.fail(id, errTooManyCalls)
	return true
}

var errTooManyCalls = NewError(CodeTooManyCalls, "too many calls are not answered yet")

// callsOpen is how many calls of the peer run or wait for their turn.
func (c *Conn) callsOpen() int {
	if c.slots == nil && c.turn.Load()&turnMask != turnHanded {
		return 0 // each is answered before the next is read
	}
	c.serving.mu.Lock()
	n := len(c.serving.calls)
	c.serving.mu.Unlock()
	c.inbox.mu.Lock()
	defer c.inbox.mu.Unlock()
	return n + c.inbox.calls
}
