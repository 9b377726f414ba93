//go:build !js

package ws

import (
	"errors"
	"math/rand/v2"
	"net"
	"sync"

	"github.com/hisock/hisock/transport"
)

// errWriteEnded is the error of a write after CloseWrite.
var errWriteEnded = &opError{"after CloseWrite", transport.ErrClosed}

var errConnEnded = errors.New("the connection has ended")

// A writer has the fields of a conn for writing. One frame is written at a time: the goroutine that holds
// writeMu owns the writing side of the stream.
type writer struct {
	writeDeadline deadline
	pongWaiting   waitingPong

	writeMu  sync.Mutex    // guards the fields below and the writing side of the stream
	writeErr error         // error of all later writes; nil while writing works
	keys     *rand.ChaCha8 // source of masking keys; nil for a server, which does not mask
	single   [1][]byte     // argument of writeMessage in Write
}

// Write sends p as one message.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.mayWrite(); err != nil {
		return 0, err
	}
	c.writeMu.Lock()
	defer c.unlockWriting()
	c.single[0] = p
	n, err := c.writeMessage(c.single[:])
	c.single[0] = nil
	return int(n), err
}

// WriteBuffers sends bufs as one message, in one frame, or in several messages if they are compressed. If it fails it
// returns 0, because it does not know how much the peer has received.
func (c *conn) WriteBuffers(bufs [][]byte) (int64, error) {
	if err := c.mayWrite(); err != nil {
		return 0, err
	}
	c.writeMu.Lock()
	defer c.unlockWriting()
	return c.writeMessage(bufs)
}

// mayWrite returns the error of a write that must fail now, or nil. So a writer does not wait for a close frame
// that the peer does not read.
func (c *conn) mayWrite() error {
	if c.closed.Load() {
		return transport.ErrClosed
	}
	if why := c.ending.Load(); why != nil {
		return why
	}
	return nil
}

// writeMessage is called with writeMu held.
func (c *conn) writeMessage(bufs [][]byte) (int64, error) {
	if c.writeErr != nil {
		return 0, c.writeErr
	}
	var size int64
	for _, p := range bufs {
		size += int64(len(p))
	}
	if size == 0 {
		return 0, nil
	}
	var err error
	if c.deflate != nil && c.deflate.tries(size) {
		err = c.sendCompressed(bufs, size)
	} else {
		err = c.sendAsIs(bufs, size)
	}
	if err != nil {
		return 0, c.endWriting(err)
	}
	return size, nil
}

// sendAsIs sends bufs, of size bytes in all, in one message that is not compressed.
func (c *conn) sendAsIs(bufs [][]byte, size int64) error {
	h := c.masking()
	h.opcode, h.fin, h.length = opBinary, true, size
	if c.plain && c.keys == nil && size > copySize {
		return c.sendParts(h, bufs)
	}
	return c.sendCopy(h, bufs)
}

// masking returns a header with its fields for masking set. Every frame of a client has a new key
// that nobody can predict (RFC 6455, sections 5.3 and 10.3). masking is called with writeMu held.
func (c *conn) masking() header {
	if c.keys == nil {
		return header{}
	}
	return header{masked: true, key: uint32(c.keys.Uint64())}
}

// sendCopy copies a frame to an outBuffer and sends it, in several writes if it is larger.
func (c *conn) sendCopy(h header, bufs [][]byte) error {
	out := borrowOut(h.length)
	defer out.giveBack()
	b := appendHeader(out.bytes[:0], h)
	for _, p := range bufs {
		for len(p) > 0 {
			if len(b) == cap(b) {
				if _, err := c.stream.Write(b); err != nil {
					return err
				}
				b = b[:0]
			}
			n := min(len(p), cap(b)-len(b))
			room := b[len(b) : len(b)+n]
			if h.masked {
				h.key = mask(room, p[:n], h.key)
			} else {
				copy(room, p)
			}
			b, p = b[:len(b)+n], p[n:]
		}
	}
	_, err := c.stream.Write(b)
	return err
}

// sendParts sends a frame without copying large buffers, in system calls of up to
// maxParts parts.
func (c *conn) sendParts(h header, bufs [][]byte) (err error) {
	out := smallOuts.Get().(*outBuffer)
	defer out.giveBack()
	b := appendHeader(out.bytes[:0], h)
	for _, p := range bufs {
		fits := len(p) <= partSize && len(p) <= cap(b)-len(b)
		if !fits && len(out.parts) > maxParts-3 {
			if b, err = out.sendTo(c.stream, b); err != nil {
				return err
			}
			fits = len(p) <= partSize
		}
		if fits {
			b = append(b, p...)
		} else {
			b = out.add(b)
			out.parts = append(out.parts, p)
		}
	}
	_, err = out.sendTo(c.stream, b)
	return err
}

// endWriting ends the writing because of err: after a part of a frame no other frame can
// follow. It returns the error of this write and of all later writes.
func (c *conn) endWriting(err error) error {
	if errors.Is(err, net.ErrClosed) {
		err = errConnEnded
	}
	c.writeErr = c.opError("write", err)
	return c.writeErr
}
