//go:build !js

package ws

import (
	"net"
	"sync"

	"github.com/hisock/hisock/transport/ready"
)

const (
	// copySize is the greatest length, in bytes, of a message that is always copied behind its header and written
	// in one piece. The buffers of a larger message are written without a copy if that is possible.
	copySize = smallOut - maxHeader

	// partSize is the greatest length, in bytes, of a buffer of a large message that is copied all the same,
	// because a copy costs less than one more part in a system call.
	partSize = 1 << 10

	// maxParts is how many parts are written in one system call.
	maxParts = 16

	smallOut = 16 << 10 // size of an outBuffer of smallOuts, in bytes
	largeOut = 64 << 10 // size of an outBuffer of largeOuts, in bytes
)

// An outBuffer is a buffer in which a frame is put together. It is borrowed during a write.
type outBuffer struct {
	bytes []byte
	pool  *sync.Pool // owner of the buffer

	// Used by sendParts.
	array  [maxParts][]byte
	parts  [][]byte // in array
	writer ready.Writer
}

var smallOuts, largeOuts = newOuts(smallOut), newOuts(largeOut)

func newOuts(size int) *sync.Pool {
	pool := &sync.Pool{}
	pool.New = func() any { return &outBuffer{bytes: make([]byte, size), pool: pool} }
	return pool
}

// borrowOut borrows a buffer for copying a message of size bytes.
func borrowOut(size int64) *outBuffer {
	if size <= copySize {
		return smallOuts.Get().(*outBuffer)
	}
	return largeOuts.Get().(*outBuffer)
}

func (o *outBuffer) giveBack() {
	o.reset()
	o.pool.Put(o)
}

func (o *outBuffer) reset() {
	clear(o.array[:len(o.parts)])
	o.parts = o.array[:0]
}

// add appends b, which is in o.bytes, to the parts, and returns the room after it.
func (o *outBuffer) add(b []byte) []byte {
	if len(b) > 0 {
		o.parts = append(o.parts, b)
	}
	return b[len(b):]
}

// sendTo writes the parts and b, and returns the empty buffer.
func (o *outBuffer) sendTo(stream net.Conn, b []byte) ([]byte, error) {
	o.add(b)
	_, err := o.writer.WriteBuffers(stream, o.parts)
	o.reset()
	return o.bytes[:0], err
}
