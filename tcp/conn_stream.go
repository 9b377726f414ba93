//go:build !js

package tcp

import (
	"io"
	"sync/atomic"

	"github.com/hisock/hisock/transport"
)

// A streamConn is a connection over a stream that may not be a socket. It adds ReadReady and
// the proxy's header to the Conn that [transport.Wrap] makes.
type streamConn struct {
	transport.Conn
	source *source // nil if there is no proxy
	closed atomic.Bool

	// Owned by the reader.
	few    [waitSize]byte
	unread []byte // bytes in few that have not been returned
	more   bool   // the last read has filled its buffer, so there is probably more to read
}

// waitSize is the size, in bytes, of the buffer with which a streamConn waits. It cannot wait without a
// buffer. A small message fits.
const waitSize = 256

var (
	_ transport.ReadyReader  = (*streamConn)(nil)
	_ transport.SourceReader = (*streamConn)(nil)
)

func newStreamConn(stream transport.Stream, info transport.Info, src *source) *streamConn {
	return &streamConn{Conn: transport.Wrap(stream, info), source: src}
}

func (c *streamConn) Info() transport.Info { return c.source.amend(c.Conn.Info()) }

// ReadSource implements [transport.SourceReader].
func (c *streamConn) ReadSource() error {
	if err := c.source.read(); err != nil {
		if c.closed.Load() {
			return transport.ErrClosed
		}
		return err
	}
	return nil
}

func (c *streamConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

func (c *streamConn) Read(p []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(p, c.unread)
		c.unread = c.unread[n:]
		return n, nil
	}
	if err := c.ReadSource(); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

// ReadReady implements [transport.ReadyReader]. It waits with the small buffer, except if there is probably
// more to read already: then it reads into a buffer of the pool.
func (c *streamConn) ReadReady(pool transport.BufferPool) ([]byte, int, error) {
	if !c.more && len(c.unread) == 0 {
		for n := 0; n == 0; {
			var err error
			if n, err = c.Read(c.few[:]); n == 0 && err != nil {
				return nil, 0, err
			}
			c.unread = c.few[:n]
		}
		c.more = len(c.unread) == len(c.few)
	}
	buf := pool.Get()
	if len(buf) == 0 {
		pool.Put(buf)
		return nil, 0, io.ErrShortBuffer
	}
	if len(c.unread) > 0 {
		n := copy(buf, c.unread)
		c.unread = c.unread[n:]
		return buf, n, nil
	}
	n, err := c.Read(buf)
	if n == 0 {
		if err == nil {
			err = io.ErrNoProgress
		}
		pool.Put(buf)
		return nil, 0, err
	}
	c.more = n == len(buf)
	return buf, n, nil
}
