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

// A reader has the fields of a conn for reading. Only the goroutine that reads may use them.
type reader struct {
	decoder decoder
	failure error // end of reading, found after payload that must be returned first
	readErr error // end of reading, which every later read returns

	plain   bool // the stream is a socket; does not change
	polled  bool // ready can wait for the stream; does not change
	layered bool // the stream is TLS; does not change
	ready   ready.Reader

	unread []byte          // bytes of the stream that were read and not decoded
	ahead  *readAhead      // borrowed buffer that holds unread; nil if unread is not in it
	few    *[waitSize]byte // nil before the first wait without ready

	answering *outBuffer // borrowed while the reader holds writeMu to answer pings; nil otherwise
	answers   int        // bytes of pongs in answering

	readDeadline deadline // for all goroutines
}

const (
	// waitSize is the size, in bytes, of the buffer with which a conn waits if it cannot wait
	// without a buffer. A small message fits.
	waitSize = 64

	// aheadSize is how many bytes a conn reads at once for a Read into a smaller buffer.
	aheadSize = 4 << 10
)

type readAhead [aheadSize]byte

// An aheadPool is a [transport.BufferPool] of the buffers that Read borrows while they hold unread bytes.
type aheadPool struct{ sync.Pool }

func (p *aheadPool) Get() []byte    { return p.Pool.Get().(*readAhead)[:] }
func (p *aheadPool) Put(buf []byte) { p.Pool.Put((*readAhead)(buf)) }

var readAheads = &aheadPool{sync.Pool{New: func() any { return new(readAhead) }}}

// Read reads and decodes in p itself if p is large. Otherwise it reads ahead into a borrowed buffer,
// because p must have room for the frame's header too.
func (c *conn) Read(p []byte) (int, error) {
	switch {
	case len(p) == 0:
		return 0, nil
	case c.deflate != nil:
		return c.readInflated(p)
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

// fill copies bytes of the stream to p, not decoded yet.
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
	if c.unread = c.unread[n:]; len(c.unread) == 0 {
		c.releaseAhead()
	}
	return n
}

// releaseAhead gives the buffer of unread back. unread is empty.
func (c *conn) releaseAhead() {
	c.unread = nil
	if c.ahead != nil {
		readAheads.Put(c.ahead[:])
		c.ahead = nil
	}
}

// ReadReady is as in [transport.ReadyReader].
func (c *conn) ReadReady(pool transport.BufferPool) ([]byte, int, error) {
	if c.deflate != nil {
		return c.inflateReady(pool)
	}
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

// Sleep implements [transport.Sleeper].
func (c *conn) Sleep(woken func()) bool {
	ready := c.failure != nil || c.readErr != nil || len(c.unread) > 0 || c.isInflating()
	return c.polled && !ready && c.ready.Sleep(woken)
}

// borrow fills a buffer of the pool with bytes of the stream, not decoded yet. It returns a buffer with at
// least one byte, or no buffer and usually an error. It waits without a buffer of the pool.
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
			return nil, 0, err // err is nil after an empty TLS record
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

// readMore reads bytes that TLS has already decrypted. It does not wait.
func (c *conn) readMore(p []byte) int {
	c.readDeadline.replace(c.stream.SetReadDeadline, past)
	n, _ := c.stream.Read(p) // an error other than the deadline's comes again in the next read
	c.readDeadline.restore(c.stream.SetReadDeadline)
	return n
}

// mayRead returns the error of a read that must fail now, or nil.
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

// decode decodes the bytes in p, which are the result of a read with the error err. It moves the payload to the
// start of p, returns its length, and answers pings. If err, a close frame or a protocol error ends the
// reading, mayRead returns that once the payload has been returned.
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
		runtime.Gosched() // a peer that sends only headers must not keep other goroutines waiting
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

// endReading ends the reading because of err: it stores the error for later reads, and sends the peer a close
// frame if one is due.
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
		return c.opError("read", err) // the next read may go on
	default:
		c.readErr = c.opError("read", err)
	}
	return c.readErr
}
