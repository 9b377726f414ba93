package core

// What a page sends is never dropped, and nothing there waits: a browser build does without all this.
const hasOverflow = false

type (
	overflowRules struct{}
	spareFrames   struct{ first, holes int64 }
	spareName     struct{}
)

func (*overflowRules) of(string) Overflow                                 { return OverflowDefault }
func (*overflowRules) newBlock(_ string, _ *sending, frame []byte) *block { return shared(frame) }
func (*spareFrames) writes()                                              {}
func (*spareFrames) wrote()                                               {}
func (*block) extra() int                                                 { return 0 }
func (*queue) protectLocked()                                             {}
func (c *Conn) makeRoomLocked(int) bool                                   { return false }
func (c *Conn) sendSpare(_ string, k *block, _ *sending) error {
	return c.sendAll(k, OverflowDefault, nil)
}
func (Overflow) drops() bool { return false }

func newOverflowRules(Overflow, map[string]Overflow, Overflow) *overflowRules { return nil }

var _ = block{}.spare // of which nothing here makes use
