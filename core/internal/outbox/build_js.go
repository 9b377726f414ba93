package outbox

// What a browser build lacks: a page has one outbox, and pays for each byte of the program.
const (
	browser      = true
	hasDroppable = false // what a page sends is never dropped
	hasBudget    = false // there is no bound on memory
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
