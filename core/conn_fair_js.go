package core

// A page has one connection and one processor, so nobody else is kept waiting.
const fairFrames = 1 << 62

type (
	share    struct{}
	clock    struct{}
	fairness struct{}
)

func (fairness) count(int)                   {}
func (fairness) close()                      {}
func (*Conn) letOthers(*reader, *clock) bool { return true }
func (*Conn) hadBatch(uint64, int)           {}
