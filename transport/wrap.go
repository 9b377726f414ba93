package transport

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// A Stream is the argument of [Wrap]. Every net.Conn is a Stream.
type Stream interface {
	io.ReadWriteCloser
	Deadlines
}

// Wrap makes a [Conn] from a connected stream. info is the Conn's Info. Wrap takes the
// stream over, and adds what a stream may lack:
//
//   - WriteBuffers, unless the stream is a [BuffersWriter]: small buffers are joined
//     to writes of 16 KiB.
//   - CloseWrite, unless the stream has such a method: it closes the stream, and
//     Read then returns [io.EOF], whatever the peer has still sent.
//   - [ErrClosed] after Close, and a Close that may be called again.
//
// The stream must allow one goroutine to read while another writes, and Close during both.
func Wrap(s Stream, info Info) Conn {
	return &wrapped{stream: s, info: info}
}

type wrapped struct {
	stream Stream
	info   Info

	ended     atomic.Bool // CloseWrite had to close the stream
	closed    atomic.Bool
	closeOnce sync.Once
	closeErr  error
}

func (c *wrapped) Read(p []byte) (int, error) {
	n, err := c.stream.Read(p)
	if err != nil && c.ended.Load() && !c.closed.Load() {
		return n, io.EOF
	}
	return n, c.ownClose(err)
}

func (c *wrapped) Write(p []byte) (int, error) {
	n, err := c.stream.Write(p)
	return n, c.ownClose(err)
}

func (c *wrapped) WriteBuffers(bufs [][]byte) (int64, error) {
	if w, ok := c.stream.(BuffersWriter); ok {
		n, err := w.WriteBuffers(bufs)
		return n, c.ownClose(err)
	}
	n, err := writeJoined(c.stream, bufs)
	return n, c.ownClose(err)
}

func (c *wrapped) CloseWrite() error {
	if c.closed.Load() {
		return ErrClosed
	}
	if s, ok := c.stream.(interface{ CloseWrite() error }); ok {
		return c.ownClose(s.CloseWrite())
	}
	c.ended.Store(true)
	return c.closeStream()
}

func (c *wrapped) Close() error {
	c.closed.Store(true)
	return c.closeStream()
}

// closeStream closes the stream once. Each call returns the result of the first.
func (c *wrapped) closeStream() error {
	c.closeOnce.Do(func() { c.closeErr = c.stream.Close() })
	return c.closeErr
}

func (c *wrapped) SetReadDeadline(t time.Time) error {
	return c.ownClose(c.stream.SetReadDeadline(t))
}

func (c *wrapped) SetWriteDeadline(t time.Time) error {
	return c.ownClose(c.stream.SetWriteDeadline(t))
}

func (c *wrapped) Info() Info { return c.info }

// ownClose replaces err by ErrClosed if the stream was closed here.
func (c *wrapped) ownClose(err error) error {
	if err != nil && c.closed.Load() {
		return ErrClosed
	}
	return err
}

// joinSize is how many bytes of small buffers are joined for one write: the size of a TLS record.
const joinSize = 16 << 10

var joinPool = sync.Pool{New: func() any { return new([joinSize]byte) }}

// writeJoined writes bufs in writes of at least joinSize bytes, except the last one.
func writeJoined(w io.Writer, bufs [][]byte) (written int64, err error) {
	if len(bufs) == 1 {
		n, err := w.Write(bufs[0])
		return int64(n), err
	}
	array := joinPool.Get().(*[joinSize]byte)
	defer joinPool.Put(array)
	joined := array[:0]
	flush := func(p []byte) error {
		n, err := w.Write(p)
		written += int64(n)
		return err
	}
	for _, p := range bufs {
		for len(p) > 0 {
			if len(joined) == 0 && len(p) >= joinSize {
				if err := flush(p); err != nil {
					return written, err
				}
				break
			}
			n := min(len(p), joinSize-len(joined))
			joined, p = append(joined, p[:n]...), p[n:]
			if len(joined) == joinSize {
				if err := flush(joined); err != nil {
					return written, err
				}
				joined = array[:0]
			}
		}
	}
	if len(joined) == 0 {
		return written, nil
	}
	return written, flush(joined)
}
