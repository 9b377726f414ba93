package outbox

import (
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/pool"
)

// Sizes of the blocks that an outbox borrows while it has output, in bytes: most connections send little at a time, busy
// ones fill large blocks. A frame larger than a large block gets a huge one, and above that a block of its own size.
const (
	smallBlock = 4 << 10
	largeBlock = 32 << 10
	hugeBlock  = 136 << 10
)

// A Block is a piece of output, of whole frames: memory that one outbox has borrowed and fills, or one
// frame that several outboxes share and that nobody changes.
type Block struct {
	b      []byte
	frames int32  // in b
	owned  bool   // borrowed by one outbox
	topic  *topic // not nil if the frame may be dropped while it waits
}

// blockCost is how much a shared block counts beside its bytes, in bytes.
const blockCost = 64

// NewBlock returns a block of one frame, which must not be changed any more.
func NewBlock(frame []byte) *Block { return &Block{b: frame, frames: 1} }

// Like returns a block of another frame that says the same as the frame of k, in the form of another peer: it may be dropped
// as k may be.
func (k *Block) Like(frame []byte) *Block {
	other := NewBlock(frame)
	other.topic = k.topic
	return other
}

// Size returns the bytes of frames that the block holds.
func (k *Block) Size() int { return len(k.b) }

// weight returns the memory that a block takes, in bytes.
func (k *Block) weight() int {
	if k.owned {
		return cap(k.b)
	}
	return len(k.b) + blockCost
}

// A blockPool lends blocks of one size.
type blockPool struct {
	size int
	free pool.Pool // *Block
}

var (
	smallBlocks = &blockPool{size: smallBlock}
	largeBlocks = &blockPool{size: largeBlock}
	hugeBlocks  = &blockPool{size: hugeBlock}
)

// lent keeps blocks without memory, for chunks that become blocks.
var lent pool.Pool // *Block

// getBlock borrows a block with room for n bytes, or makes one if n is above hugeBlock.
func getBlock(n int) *Block {
	var p *blockPool
	switch {
	case n <= smallBlock:
		p = smallBlocks
	case n <= largeBlock:
		p = largeBlocks
	case n <= hugeBlock:
		p = hugeBlocks
	default:
		return &Block{b: make([]byte, 0, n), owned: true}
	}
	if k, ok := p.free.Get().(*Block); ok {
		return k
	}
	return &Block{b: make([]byte, 0, p.size), owned: true}
}

// release gives back a block that getBlock returned.
func (k *Block) release() {
	if !k.owned {
		return
	}
	var p *blockPool
	switch cap(k.b) {
	case smallBlock:
		p = smallBlocks
	case largeBlock:
		p = largeBlocks
	case hugeBlock:
		p = hugeBlocks
	case pool.ChunkSize:
		pool.PutChunk(k.b)
		k.b = nil
		lent.Put(k)
		return
	default:
		return
	}
	k.b, k.frames = k.b[:0], 0
	p.free.Put(k)
}

// A pack is a block into which one write copies small shared frames. A write to a
// peer that does not read keeps its pack as long as it lasts, beside the frames themselves. So
// the more bytes are lent as packs, the smaller packs become: only few writes make progress at a
// time, and these get large packs.
const (
	manyPacks    = 2 << 20 // bytes lent; above, a pack is at most a large block
	tooManyPacks = 4 << 20 // bytes lent; above, a pack is a small block
)

var packs atomic.Int64 // bytes that are lent as packs

// getPack borrows a pack for n bytes, or for fewer.
func getPack(n int) *Block {
	most := hugeBlock
	switch lent := packs.Load(); {
	case lent > tooManyPacks:
		most = smallBlock
	case lent > manyPacks:
		most = largeBlock
	}
	k := getBlock(min(n, most))
	packs.Add(int64(cap(k.b)))
	return k
}

// putPack gives back a pack that getPack returned.
func putPack(k *Block) {
	packs.Add(-int64(cap(k.b)))
	k.release()
}
