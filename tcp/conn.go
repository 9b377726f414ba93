//go:build !js

package tcp

import (
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/ready"
)

// A rawSocket is a [*net.TCPConn] or [*net.UnixConn]. A type that wraps one may change or count its
// bytes, and is not used as a rawSocket.
type rawSocket interface {
	ready.Conn
	CloseWrite() error
}

// A conn is a plain connection over a socket.
type conn struct {
	socket rawSocket
	info   transport.Info
	source *source // nil if there is no proxy
	closed atomic.Bool

	// Owned by the reader.
	ready ready.Reader

	// Owned by the writer.
	writer ready.Writer
}

// A tcpConn is a conn over TCP, which can end with a reset.
type tcpConn struct{ conn }

var (
	_ transport.SourceReader = (*conn)(nil)
	_ transport.Resetter     = (*tcpConn)(nil)
)

// newSocketConn makes a connection from a socket and takes the socket over.
func newSocketConn(s rawSocket, info transport.Info, src *source) (transport.Conn, error) {
	if _, isTCP := s.(*net.TCPConn); !isTCP {
		c := &conn{}
		return c, c.init(s, info, src)
	}
	c := &tcpConn{}
	return c, c.init(s, info, src)
}

func (c *conn) init(s rawSocket, info transport.Info, src *source) error {
	c.socket, c.info, c.source = s, info, src
	if err := c.ready.Init(s); err != nil {
		return fmt.Errorf("tcp: connection with %q: %w", info.Remote, err)
	}
	return nil
}

func (c *conn) Read(p []byte) (int, error) {
	if err := c.ReadSource(); err != nil {
		return 0, err
	}
	n, err := c.socket.Read(p)
	return n, c.ownClose(err)
}

// ReadSource implements [transport.SourceReader].
func (c *conn) ReadSource() error {
	if c.source == nil {
		return nil
	}
	return c.ownClose(c.source.read())
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.writer.Write(c.socket, p)
	return n, c.ownClose(err)
}

func (c *conn) WriteBuffers(bufs [][]byte) (int64, error) {
	n, err := c.writer.WriteBuffers(c.socket, bufs)
	return n, c.ownClose(err)
}

func (c *conn) CloseWrite() error {
	return c.ownClose(c.socket.CloseWrite())
}

// Reset implements [transport.Resetter].
func (c *tcpConn) Reset() error {
	tcp := c.socket.(*net.TCPConn)
	awaitSent(tcp)
	if err := tcp.SetLinger(0); err != nil {
		return c.ownClose(err)
	}
	return c.Close()
}

func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	c.ready.Close()
	return c.socket.Close()
}

func (c *conn) SetReadDeadline(t time.Time) error {
	err := c.socket.SetReadDeadline(t)
	c.ready.Bound(!t.IsZero())
	return c.ownClose(err)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.ownClose(c.socket.SetWriteDeadline(t))
}

func (c *conn) Info() transport.Info { return c.source.amend(c.info) }

// ownClose replaces err by ErrClosed if the connection was closed here.
func (c *conn) ownClose(err error) error {
	if err != nil && c.closed.Load() {
		return transport.ErrClosed
	}
	return err
}
