package core

import "sync/atomic"

const (
	// readBufferSize is what a connection borrows while it has input, bigReadBufferSize
	// what it borrows when frames are larger than that.
	readBufferSize    = 16 << 10
	bigReadBufferSize = 136 << 10

	// smallBlock and largeBlock are what a queue borrows while it has output: most
	// connections send little at a time, busy ones fill large blocks. A frame larger than
	// that gets a huge one, or memory of its own beyond.
	smallBlock = 4 << 10
	largeBlock = 32 << 10
	hugeBlock  = bigReadBufferSize
)

// The pools of read buffers keep pointers to arrays, so that borrowing and giving back allocate
// nothing. What has another size is left to the garbage collector.
type (
	smallPool struct{ free spares } // *[readBufferSize]byte
	bigPool   struct{ free spares } // *[bigReadBufferSize]byte
)

var (
	readBuffers    smallPool
	bigReadBuffers bigPool
)

func (p *smallPool) Get() []byte {
	if b, ok := p.free.Get().(*[readBufferSize]byte); ok {
		return b[:]
	}
	return make([]byte, readBufferSize)
}

func (p *smallPool) Put(b []byte) {
	if cap(b) == readBufferSize {
		p.free.Put((*[readBufferSize]byte)(b[:readBufferSize]))
	}
}

func (p *bigPool) Get() []byte {
	if b, ok := p.free.Get().(*[bigReadBufferSize]byte); ok {
		return b[:]
	}
	return make([]byte, bigReadBufferSize)
}

func (p *bigPool) Put(b []byte) {
	if cap(b) == bigReadBufferSize {
		p.free.Put((*[bigReadBufferSize]byte)(b[:bigReadBufferSize]))
	}
}

// A block is a piece of output, of whole frames: memory that one queue has borrowed and
// fills, or a frame that several queues share and that nobody changes.
type block struct {
	b      []byte
	frames int32
	owned  bool       // borrowed
	spare  *spareName // of a frame that may be dropped while it waits; nil of others
}

// blockCost is what a block that is shared weighs beside its bytes.
const blockCost = 64

// weight is how much memory a block takes.
func (k *block) weight() int {
	if k.owned {
		return cap(k.b)
	}
	return len(k.b) + blockCost
}

// shared returns a block of one frame, which must not be changed any more.
func shared(frame []byte) *block { return &block{b: frame, frames: 1} }

// A blockPool lends blocks of one size.
type blockPool struct {
	size int
	free spares // *block
}

var (
	smallBlocks = &blockPool{size: smallBlock}
	largeBlocks = &blockPool{size: largeBlock}
	hugeBlocks  = &blockPool{size: hugeBlock}
)

// getBlock borrows a block with room for n bytes, or makes one if that is too many to lend.
func getBlock(n int) *block {
	var p *blockPool
	switch {
	case n <= smallBlock:
		p = smallBlocks
	case n <= largeBlock:
		p = largeBlocks
	case n <= hugeBlock:
		p = hugeBlocks
	default:
		return &block{b: make([]byte, 0, n), owned: true}
	}
	if k, ok := p.free.Get().(*block); ok {
		return k
	}
	return &block{b: make([]byte, 0, p.size), owned: true}
}

// release gives back what getBlock returned.
func (k *block) release() {
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
	default:
		return
	}
	k.b, k.frames = k.b[:0], 0
	p.free.Put(k)
}

// Packs are blocks in which one write puts small frames together that queues share. A write to a
// peer that does not read keeps its pack as long as it lasts, beside the frames themselves, so
// the more bytes are lent as packs, the smaller packs become: writes that make progress are few at a
// time, and get the large ones.
const (
	manyPacks    = 2 << 20 // bytes; beyond, a pack is a large block at most
	tooManyPacks = 4 << 20 // bytes; beyond, it is a small one
)

var packs atomic.Int64 // bytes that are lent as packs

// getPack borrows a pack for n bytes, or for fewer.
func getPack(n int) *block {
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

// putPack gives back what getPack returned.
func putPack(k *block) {
	packs.Add(-int64(cap(k.b)))
	k.release()
}

// getRead borrows a buffer for n bytes of input, or makes one if that is too many to lend.
func getRead(n int) []byte {
	switch {
	case n <= readBufferSize:
		return readBuffers.Get()
	case n <= bigReadBufferSize:
		return bigReadBuffers.Get()
	}
	return make([]byte, n)
}

// putRead gives back what getRead returned.
func putRead(b []byte) {
	if cap(b) == readBufferSize {
		readBuffers.Put(b)
		return
	}
	bigReadBuffers.Put(b)
}
