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

// A conn is a plain connection.
type conn struct {
	tcp    *net.TCPConn
	info   transport.Info
	closed atomic.Bool

	// Owned by the reader.
	ready ready.Reader

	// Owned by the writer.
	writer ready.Writer
}

// newConn takes over stream, which package net made of the network "tcp".
func newConn(stream net.Conn) (transport.Conn, error) {
	c := &conn{
		tcp: stream.(*net.TCPConn),
		info: transport.Info{
			Transport: "tcp",
			Local:     stream.LocalAddr().String(),
			Remote:    stream.RemoteAddr().String(),
		},
	}
	if err := c.ready.Init(c.tcp); err != nil {
		stream.Close()
		return nil, fmt.Errorf("tcp: connection with %q: %w", c.info.Remote, err)
	}
	return c, nil
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.tcp.Read(p)
	return n, c.ownClose(err)
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.writer.Write(c.tcp, p)
	return n, c.ownClose(err)
}

func (c *conn) WriteBuffers(bufs [][]byte) (int64, error) {
	n, err := c.writer.WriteBuffers(c.tcp, bufs)
	return n, c.ownClose(err)
}

func (c *conn) CloseWrite() error {
	return c.ownClose(c.tcp.CloseWrite())
}

// Reset implements [transport.Resetter].
func (c *conn) Reset() error {
	awaitSent(c.tcp)
	if err := c.tcp.SetLinger(0); err != nil {
		return c.ownClose(err)
	}
	return c.Close()
}

func (c *conn) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	return c.tcp.Close()
}

func (c *conn) SetReadDeadline(t time.Time) error {
	return c.ownClose(c.tcp.SetReadDeadline(t))
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.ownClose(c.tcp.SetWriteDeadline(t))
}

func (c *conn) Info() transport.Info { return c.info }

// ownClose tells a connection that failed because it was closed here from one that
// broke off.
func (c *conn) ownClose(err error) error {
	if err != nil && c.closed.Load() {
		return transport.ErrClosed
	}
	return err
}
