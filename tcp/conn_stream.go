//go:build !js

package tcp

import (
	"io"
	"sync/atomic"

	"github.com/hisock/hisock/transport"
)

// A streamConn is a connection over a stream that is not known to be a socket: what
// [transport.Wrap] makes of it.
type streamConn struct {
	transport.Conn
	source *source // nil: no proxy
	closed atomic.Bool

	// Owned by the reader.
	few    [waitSize]byte
	unread []byte // of few
	more   bool   // the last read has filled its buffer, so that there is probably more
}

// waitSize is how many bytes a streamConn has room for while it waits: it cannot wait without, but
// a small message fits.
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

// ReadReady implements [transport.ReadyReader]: it waits with little room, and only where more is
// probably there already with a buffer.
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
