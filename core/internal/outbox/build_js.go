package outbox

// A browser build lacks the features below: a page has one outbox, and must download each byte of the program.
const (
	browser      = true
	hasDroppable = false // no frame of a page is ever dropped
	hasBudget    = false // memory is not bounded
)

type (
	droppable struct{ first, holes int64 }
	topic     struct{}
)

func NewDroppable(frame []byte) *Block           { return NewBlock(frame) }
func NewLatest(frame []byte, _, _ string) *Block { return NewBlock(frame) }

func (o *Outbox) ShareDroppable(k *Block) *Refusal { return o.Share(k, Data) }

func (*droppable) writes()              {}
func (*droppable) wrote()               {}
func (*Block) extra() int               { return 0 }
func (*Outbox) protectLocked()          {}
func (*Outbox) makeRoomLocked(int) bool { return false }

// Free returns how many bytes more may wait of frames whose sender can wait. It exists only in a browser build.
func (o *Outbox) Free() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return 0
	}
	return min(o.limit/2-o.bytes, o.limit-o.bytes-o.keep.bytes)
}
