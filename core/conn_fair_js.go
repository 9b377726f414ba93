package core

const hasCrowd = false

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

var _ = (&Conn{}).share // of which nothing here makes use
