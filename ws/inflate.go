//go:build !js

package ws

import (
	"compress/flate"
	"errors"
	"io"
	"math"
	"os"
	"runtime"
	"sync"

	"github.com/hisock/hisock/transport"
)

// Bounds of a message that inflates to little or nothing, which no limit of inflated bytes finds: how many more bytes than MaxMessage it may have
// compressed, and how many of its blocks may say that they are the last one. An inflater begins anew behind each.
const (
	wireSlack = 64 << 10
	maxLasts  = 1024
)

// An inflater inflates one message. It is borrowed inside of a compressed message.
type inflater struct {
	source
	reader io.Reader // inflates what source gives
	left   int64     // bytes that the message may still inflate to
	last   bool      // reader has come to a block that says it is the last one
	lasts  int       // such blocks in the message
}

var inflaters = sync.Pool{New: func() any {
	i := &inflater{}
	i.reader = flate.NewReader(&i.source)
	return i
}}

func borrowInflater(c *conn) *inflater {
	i := inflaters.Get().(*inflater)
	i.conn, i.left = c, c.deflate.limit
	i.wire = min(c.deflate.limit, math.MaxInt64-wireSlack) + wireSlack
	i.restart()
	return i
}

func (i *inflater) giveBack() {
	i.source, i.last, i.lasts = source{}, false, 0
	inflaters.Put(i)
}

func (i *inflater) restart() {
	i.reader.(flate.Resetter).Reset(&i.source, nil) //nolint:errcheck // it is always nil
	i.last = false
}

// read inflates to p. It waits until it has at least one byte. over says that the message has come to its end.
func (i *inflater) read(p []byte) (n int, over bool, err error) {
	if i.last {
		over, err = i.afterLast()
		if over || err != nil {
			return 0, over, err
		}
	}
	n, err = i.reader.Read(p)
	if int64(n) > i.left {
		return int(i.left), false, errInflated
	}
	i.left -= int64(n)
	switch {
	case err == nil:
		return n, false, nil
	case i.failure != nil:
		return n, false, i.failure
	case err != io.EOF:
		return n, false, errInflate
	case i.ended && len(i.piece) == 0:
		return n, true, nil
	case i.ended: // a block of the tail was taken for a part of a block before it
		return n, false, errInflate
	}
	i.last = true
	return n, false, nil
}

// afterLast goes on after a block of the peer that says it is the last one. Others may follow (RFC 7692, section 7.2.3.4).
func (i *inflater) afterLast() (over bool, err error) {
	if err := i.more(); err != nil {
		return false, err
	}
	if i.ended {
		return true, nil
	}
	if i.lasts++; i.lasts > maxLasts {
		return false, errInflate
	}
	i.restart()
	return false, nil
}

// A source gives the payload of a compressed message, and then its tail. It reads and decodes frames when it needs more.
type source struct {
	conn    *conn
	wire    int64  // compressed bytes that the message may still have
	piece   []byte // payload that was not taken; in the buffer of conn.unread, or in inflateTail
	ended   bool   // piece is the tail
	failure error  // of the stream, or a protocol error
}

// inflateTail is what a peer leaves out at the end of a message (RFC 7692, section 7.2.1), and a last block,
// which is empty.
var inflateTail = []byte("\x00\x00\xff\xff\x01\x00\x00\xff\xff")

func (s *source) ReadByte() (byte, error) {
	if len(s.piece) == 0 {
		if err := s.more(); err != nil {
			return 0, err
		}
	}
	b := s.piece[0]
	s.piece = s.piece[1:]
	return b, nil
}

func (s *source) Read(p []byte) (int, error) {
	if err := s.more(); err != nil {
		return 0, err
	}
	n := copy(p, s.piece)
	s.piece = s.piece[n:]
	return n, nil
}

// more makes sure that piece is not empty. After the tail it returns io.EOF.
func (s *source) more() (err error) {
	for len(s.piece) == 0 && err == nil {
		c := s.conn
		switch {
		case s.failure != nil:
			return s.failure
		case s.ended:
			return io.EOF
		case c.decoder.over():
			s.piece, s.ended = inflateTail, true
		case len(c.unread) == 0:
			c.releaseAhead()
			c.sendPongs()
			err = c.fetch()
			runtime.Gosched() // a peer that sends much that inflates to nothing must not keep other goroutines waiting
		default:
			s.piece, err = c.piece(len(c.unread))
			if s.wire -= int64(len(s.piece)); err == nil && s.wire < 0 {
				err = errInflated
			}
		}
	}
	s.failure = err
	return err
}

// isInflating reports whether the conn is inside of a compressed message.
func (c *conn) isInflating() bool { return c.deflate != nil && c.deflate.inflating != nil }

// readInflated is Read of a conn with compression.
func (c *conn) readInflated(p []byte) (int, error) {
	for {
		if err := c.await(); err != nil {
			return 0, err
		}
		if n := c.inflate(p); n > 0 {
			return n, nil
		}
	}
}

// inflateReady is ReadReady of a conn with compression. Inside of a compressed message it waits with a buffer of the pool.
func (c *conn) inflateReady(pool transport.BufferPool) ([]byte, int, error) {
	for {
		if err := c.await(); err != nil {
			return nil, 0, err
		}
		buf := pool.Get()
		if len(buf) == 0 {
			pool.Put(buf)
			return nil, 0, c.opError("read", io.ErrShortBuffer)
		}
		if n := c.inflate(buf); n > 0 {
			return buf, n, nil
		}
		pool.Put(buf)
	}
}

// await waits for bytes of the stream, unless there are some or the conn is inside of a compressed message.
func (c *conn) await() error {
	for {
		switch err := c.mayRead(); {
		case err != nil:
			return err
		case len(c.unread) > 0 || c.isInflating():
			return nil
		}
		c.failure = c.fetch()
	}
}

// fetch reads bytes of the stream to unread, which is empty. It may read none without an error.
func (c *conn) fetch() error {
	var buf []byte
	var n int
	var err error
	if c.isInflating() && !c.polled {
		buf = readAheads.Get()
		n, err = c.stream.Read(buf)
	} else {
		buf, n, err = c.borrow(readAheads)
	}
	switch {
	case n > 0:
		c.unread, c.ahead = buf[:n], (*readAhead)(buf)
		return nil // an error comes again in the next read
	case buf != nil:
		readAheads.Put(buf)
	}
	return err
}

// piece decodes the next bytes of unread, at most most of them. It returns payload, which is in the buffer of unread until
// more is decoded.
func (c *conn) piece(most int) ([]byte, error) {
	payload, used, control, err := c.decoder.step(c.unread[:min(most, len(c.unread))])
	c.unread = c.unread[used:]
	if err == nil && control != 0 {
		err = c.gotControl(control)
	}
	return payload, err
}

// inflate decodes the bytes in unread to p and inflates compressed messages, and returns how many bytes of p it
// has filled. It waits for the stream only inside of a compressed message, and only if it has filled none. An error is for mayRead.
func (c *conn) inflate(p []byte) (n int) {
	d := c.deflate
	var err error
	for n < len(p) && err == nil {
		inside := d.inflating != nil || len(c.unread) > 0 && c.decoder.deflated()
		if inside && n > 0 && !c.hasRest() || !inside && len(c.unread) == 0 {
			break
		}
		var got int
		if inside {
			got, err = c.inflateMore(p[n:])
		} else {
			var payload []byte
			payload, err = c.piece(len(p) - n)
			got = copy(p[n:], payload)
		}
		n += got
	}
	if len(c.unread) == 0 && (d.inflating == nil || len(d.inflating.piece) == 0) {
		c.releaseAhead()
	}
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		d.inflating = nil // not given back: its reader has failed
	}
	c.failure = err
	c.sendPongs()
	if n == 0 {
		runtime.Gosched() // as in decode
	}
	return n
}

// hasRest reports whether all that is left of the current compressed message has come.
func (c *conn) hasRest() bool {
	in := c.deflate.inflating
	return in != nil && in.ended || c.decoder.holds(len(c.unread))
}

// inflateMore inflates to p. The next byte of the stream is payload of a compressed message, or the message has an inflater already.
func (c *conn) inflateMore(p []byte) (int, error) {
	d := c.deflate
	if d.inflating == nil {
		d.inflating = borrowInflater(c)
	}
	n, over, err := d.inflating.read(p)
	if over {
		d.inflating.giveBack()
		d.inflating = nil
	}
	return n, err
}
