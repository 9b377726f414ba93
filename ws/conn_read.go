//go:build !js

package ws

import (
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/ready"
)

// A reader is what a conn keeps for reading. Owned by whoever reads.
type reader struct {
	decoder decoder
	failure error // found behind payload that is to be read first
	readErr error // why reading ended

	plain   bool // the stream is a socket
	polled  bool // and ready can wait for it
	layered bool // the stream is TLS
	ready   ready.Reader

	unread []byte          // what was read and not decoded
	ahead  *readAhead      // borrowed, if unread is in it
	few    *[waitSize]byte // nil before the first wait without ready

	answering *outBuffer // borrowed while the reader holds writeMu, to answer pings
	answers   []byte     // pongs, in answering

	readDeadline deadline // anybody's
}

const (
	// waitSize is how many bytes a conn has room for while it waits, where it cannot wait
	// without. A small message fits.
	waitSize = 64

	// aheadSize is how much a conn reads at once for a Read of less.
	aheadSize = 4 << 10
)

type readAhead [aheadSize]byte

// aheadPool is a [transport.BufferPool] of what Read borrows while there is something in it.
type aheadPool struct{ sync.Pool }

func (p *aheadPool) Get() []byte    { return p.Pool.Get().(*readAhead)[:] }
func (p *aheadPool) Put(buf []byte) { p.Pool.Put((*readAhead)(buf)) }

var readAheads = &aheadPool{sync.Pool{New: func() any { return new(readAhead) }}}

// Read reads and decodes in p itself if that is large, else ahead in a borrowed buffer,
// for a frame's header takes room too.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if err := c.mayRead(); err != nil {
			return 0, err
		}
		n, err := c.fill(p)
		n = c.decode(p[:n], err)
		if n > 0 {
			return n, nil
		}
	}
}

// fill reads bytes of the stream, not yet decoded.
func (c *conn) fill(p []byte) (int, error) {
	if len(c.unread) == 0 {
		if len(p) >= aheadSize {
			return c.stream.Read(p)
		}
		buf, n, err := c.borrow(readAheads)
		if n == 0 {
			return 0, err
		}
		c.unread, c.ahead = buf[:n], (*readAhead)(buf)
	}
	return c.takeUnread(p), nil
}

func (c *conn) takeUnread(p []byte) int {
	n := copy(p, c.unread)
	if c.unread = c.unread[n:]; len(c.unread) > 0 {
		return n
	}
	c.unread = nil
	if c.ahead != nil {
		readAheads.Put(c.ahead[:])
		c.ahead = nil
	}
	return n
}

// ReadReady is as in [transport.ReadyReader].
func (c *conn) ReadReady(pool transport.BufferPool) ([]byte, int, error) {
	for {
		if err := c.mayRead(); err != nil {
			return nil, 0, err
		}
		buf, n, err := c.borrow(pool)
		if n = c.decode(buf[:n], err); n > 0 {
			return buf, n, nil
		}
		if buf != nil {
			pool.Put(buf)
		}
	}
}

// borrow fills a buffer of the pool with bytes of the stream, not yet decoded. There is at
// least one, or else an error and no buffer. It waits without a buffer.
func (c *conn) borrow(pool transport.BufferPool) (buf []byte, n int, err error) {
	if len(c.unread) == 0 && c.polled {
		return c.ready.Read(pool)
	}
	waited := len(c.unread) == 0
	if waited {
		if c.few == nil {
			c.few = new([waitSize]byte)
		}
		n, err := c.stream.Read(c.few[:])
		if n == 0 {
			return nil, 0, err // TLS returns nothing for an empty record
		}
		c.unread = c.few[:n]
	}
	if buf = pool.Get(); len(buf) == 0 {
		pool.Put(buf)
		return nil, 0, io.ErrShortBuffer
	}
	if n = c.takeUnread(buf); waited && c.layered && n == len(c.few) {
		n += c.readMore(buf[n:])
	}
	return buf, n, nil
}

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// readMore reads what TLS has decrypted already, without waiting.
func (c *conn) readMore(p []byte) int {
	c.readDeadline.replace(c.stream.SetReadDeadline, past)
	n, _ := c.stream.Read(p) // an error other than the deadline's comes again
	c.readDeadline.restore(c.stream.SetReadDeadline)
	return n
}

// mayRead returns why a read fails.
func (c *conn) mayRead() error {
	if c.closed.Load() {
		return transport.ErrClosed
	}
	if c.readErr != nil || c.failure == nil {
		return c.readErr
	}
	err := c.failure
	c.failure = nil
	return c.endReading(err)
}

// decode makes payload of what has been read, at the start of p, and answers pings. What ends
// the reading, err or in p, is for mayRead to say once the payload has been read.
func (c *conn) decode(p []byte, err error) int {
	c.failure = err
	to, from := 0, 0
	for from < len(p) {
		var control byte
		to, from, control, err = c.decoder.next(p, to, from)
		if err == nil && control != 0 {
			err = c.gotControl(control)
		}
		if err != nil {
			c.failure = err
			break
		}
	}
	c.sendPongs()
	if to == 0 && len(p) > 0 {
		runtime.Gosched() // so that who sends nothing but headers does not keep others waiting
	}
	return to
}

// gotControl handles the control frame in the decoder. A close frame is an error, a
// [*CloseError].
func (c *conn) gotControl(opcode byte) error {
	payload := c.decoder.control[:c.decoder.size]
	switch opcode {
	case opPing:
		c.gotPing(payload)
	case opClose:
		closed, err := parseClosePayload(payload)
		if err != nil {
			return err
		}
		return closed
	}
	return nil
}

// endReading keeps the reason for the next read, and tells the peer.
func (c *conn) endReading(err error) error {
	var closed *CloseError
	var broken *ProtocolError
	switch {
	case errors.As(err, &closed):
		c.peerClose.Store(closed)
		c.end(closed, &opError{"write", closed}, false)
		c.readErr = endOfStream(closed)
	case errors.As(err, &broken):
		c.end(&CloseError{broken.Code, broken.Reason}, &opError{"write", broken}, false)
		c.readErr = broken
	case errors.Is(err, ErrText):
		c.end(&CloseError{codeUnsupported, "only binary messages are understood"}, &opError{"write", ErrText}, false)
		c.readErr = ErrText
	case c.lost.Load() != nil && !c.closed.Load():
		c.readErr = c.lost.Load()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		if c.closed.Load() {
			return transport.ErrClosed
		}
		c.readErr = errBrokenOff
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, io.ErrShortBuffer):
		return c.opError("read", err) // nothing is lost
	default:
		c.readErr = c.opError("read", err)
	}
	return c.readErr
}
