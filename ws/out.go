//go:build !js

package ws

import (
	"net"
	"sync"

	"github.com/hisock/hisock/transport/ready"
)

const (
	// copySize is up to how many bytes a message is copied behind its header and written
	// as one; a larger one goes out as it is where it can.
	copySize = smallOut - maxHeader

	// partSize is up to how many bytes a buffer of a large message is copied all the same:
	// that costs less than one more part in a system call.
	partSize = 1 << 10

	// maxParts is how many parts go into one system call.
	maxParts = 16

	smallOut = 16 << 10
	largeOut = 64 << 10
)

// An outBuffer is where a frame is put together. It is borrowed while somebody writes.
type outBuffer struct {
	bytes []byte
	pool  *sync.Pool

	// Used by sendParts.
	array  [maxParts][]byte
	parts  [][]byte // of array
	writer ready.Writer
}

var smallOuts, largeOuts = newOuts(smallOut), newOuts(largeOut)

func newOuts(size int) *sync.Pool {
	pool := &sync.Pool{}
	pool.New = func() any { return &outBuffer{bytes: make([]byte, size), pool: pool} }
	return pool
}

// borrowOut borrows a buffer to copy a message of that size to.
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

// add puts b, which is in o.bytes, behind the other parts, and returns the room behind it.
func (o *outBuffer) add(b []byte) []byte {
	if len(b) > 0 {
		o.parts = append(o.parts, b)
	}
	return b[len(b):]
}

// sendTo sends the parts and b, and returns the room for more.
func (o *outBuffer) sendTo(stream net.Conn, b []byte) ([]byte, error) {
	o.add(b)
	_, err := o.writer.WriteBuffers(stream, o.parts)
	o.reset()
	return o.bytes[:0], err
}
