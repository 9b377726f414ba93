package core

// What a page sends is never dropped, so that a browser build does without all this.
const hasOverflow = false

type (
	overflowRules struct{}
	spareFrames   struct{ first int64 }
)

func newOverflowRules(Overflow, map[string]Overflow) *overflowRules { return nil }
func (*overflowRules) of(string) Overflow                           { return OverflowDisconnect }
func (*queue) takenLocked(int)                                      {}
func (c *Conn) makeRoomLocked(int) bool                             { return false }
func (c *Conn) sendSpare(_ string, frame []byte) error              { return c.sendShared(frame) }

var _ = segment{}.spare // of which nothing here makes use
