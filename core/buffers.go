package core

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

// A bufferPool lends buffers of one size. Its slices live in boxes that are pooled
// too, so that borrowing and giving back allocate nothing.
type bufferPool struct {
	size  int
	full  spares // *[]byte
	boxes spares // *[]byte, nil inside
}

var (
	readBuffers    = &bufferPool{size: readBufferSize}
	bigReadBuffers = &bufferPool{size: bigReadBufferSize}
	smallBlocks    = &bufferPool{size: smallBlock}
	largeBlocks    = &bufferPool{size: largeBlock}
)

// Get borrows a buffer.
func (p *bufferPool) Get() []byte {
	box, ok := p.full.Get().(*[]byte)
	if !ok {
		return make([]byte, p.size)
	}
	b := *box
	*box = nil
	p.boxes.Put(box)
	return b
}

// Put gives a buffer back. One of another size is left to the garbage collector.
func (p *bufferPool) Put(b []byte) {
	if cap(b) != p.size {
		return
	}
	box, ok := p.boxes.Get().(*[]byte)
	if !ok {
		box = new([]byte)
	}
	*box = b[:p.size]
	p.full.Put(box)
}

// getBlock borrows a block with room for n bytes, or makes one if that is too many to lend.
func getBlock(n int) []byte {
	switch {
	case n <= smallBlock:
		return smallBlocks.Get()
	case n <= largeBlock:
		return largeBlocks.Get()
	case n <= hugeBlock:
		return bigReadBuffers.Get()
	}
	return make([]byte, n)
}

// putBlock gives back what getBlock returned.
func putBlock(b []byte) {
	switch cap(b) {
	case smallBlock:
		smallBlocks.Put(b)
	case largeBlock:
		largeBlocks.Put(b)
	default:
		bigReadBuffers.Put(b)
	}
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
