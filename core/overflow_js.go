package core

// What a page sends is never dropped, so that a browser build does without all this.
const hasOverflow = false

type (
	overflowRules struct{}
	spareFrames   struct{ first, holes int64 }
)

func newOverflowRules(Overflow, map[string]Overflow) *overflowRules { return nil }
func (*overflowRules) of(string) Overflow                           { return OverflowDisconnect }
func (*overflowRules) newBlock(_ string, frame []byte) *block       { return shared(frame) }
func (*queue) protectLocked()                                       {}
func (c *Conn) makeRoomLocked(int) bool                             { return false }
func (c *Conn) sendSpare(_ string, k *block) error                  { return c.sendShared(k) }

var _ = block{}.spare // of which nothing here makes use
