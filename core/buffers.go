package core

import "github.com/hisock/hisock/core/internal/pool"

// A connection borrows readBufferSize while it has input, and bigReadBufferSize when frames are larger than that.
const (
	readBufferSize    = 16 << 10
	bigReadBufferSize = 136 << 10
)

// The pools of read buffers keep pointers to arrays, so that borrowing and giving back allocate
// nothing. What has another size is left to the garbage collector.
type (
	smallPool struct{ free pool.Pool } // *[readBufferSize]byte
	bigPool   struct{ free pool.Pool } // *[bigReadBufferSize]byte
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
