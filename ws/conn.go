//go:build !js

package ws

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	mathrand "math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/ready"
)

// closeGrace is how long CloseWrite waits until its close frame is written. If the peer reads, that takes no
// time. Otherwise a goroutine of the conn goes on to write the frame until Close.
const closeGrace = 250 * time.Millisecond

// A conn is the native [transport.Conn]: one WebSocket after its handshake. It owns its stream.
type conn struct {
	stream net.Conn
	info   transport.Info

	reader
	writer
	deflate *deflate // nil unless compression was agreed on; does not change

	ending    atomic.Pointer[opError]    // error of writes since this side began to end; nil before
	peerClose atomic.Pointer[CloseError] // close frame of the peer; nil before
	lost      atomic.Pointer[opError]    // why the conn has cut the stream by itself; nil if it has not
	closed    atomic.Bool
	closeOnce sync.Once
	closeErr  error

	mu      sync.Mutex    // guards the fields below; running grows only under it and before closed
	ended   chan struct{} // made when this side begins to end, closed when its close frame is written
	endErr  error         // set before ended is closed
	running sync.WaitGroup
}

// newConn makes a conn and takes stream over. unread are the bytes that the peer has sent after its part of
// the handshake.
func newConn(stream net.Conn, unread []byte, info transport.Info, client bool) *conn {
	c := &conn{stream: stream, info: info}
	c.decoder.masked = !client
	c.unread = unread
	if client {
		var seed [32]byte
		rand.Read(seed[:])
		c.keys = mathrand.NewChaCha8(seed)
	}
	switch stream.(type) {
	case *net.TCPConn, *net.UnixConn: // a type that wraps a socket may change its bytes
		c.plain = true
		c.polled = ready.Supported && c.ready.Init(stream.(ready.Conn)) == nil
	case *tls.Conn:
		c.layered = true
	}
	return c
}

func (c *conn) Info() transport.Info { return c.info }

func (c *conn) SetReadDeadline(t time.Time) error {
	err := c.readDeadline.Set(c.stream.SetReadDeadline, t)
	c.ready.Bound(!t.IsZero())
	return c.opError("set read deadline", err)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.opError("set write deadline", c.writeDeadline.Set(c.stream.SetWriteDeadline, t))
}

// CloseWrite sends a close frame. If the peer reads nothing for 250 ms, CloseWrite returns before
// the frame is written, and Close gives the frame up. For an orderly end, read up to the peer's end before
// Close.
func (c *conn) CloseWrite() error {
	return c.opError("close write", c.end(&CloseError{Code: codeNormal}, errWriteEnded, true))
}

// end sends a close frame, unless this side has sent one, and waits up to closeGrace until it is written.
// Writes fail with why afterwards. asked says that the program called CloseWrite: then the program's write
// deadline holds for the frame, and otherwise answerTime.
func (c *conn) end(with *CloseError, why *opError, asked bool) error {
	c.mu.Lock()
	if c.closed.Load() {
		c.mu.Unlock()
		return transport.ErrClosed
	}
	if c.ended == nil {
		c.ended = make(chan struct{})
		c.ending.Store(why)
		c.running.Go(func() {
			c.endErr = c.sendClose(with, why, asked)
			close(c.ended)
		})
	}
	c.mu.Unlock()

	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-c.ended:
		return c.endErr
	case <-grace.C:
		return nil
	}
}

// Close cuts the connection and waits for the goroutines of the conn. It never waits
// for the peer.
func (c *conn) Close() error {
	c.closeOnce.Do(func() {
		c.mu.Lock()
		c.closed.Store(true)
		c.mu.Unlock()
		c.ready.Close()
		err := cut(c.stream)
		c.running.Wait()
		if !errors.Is(err, net.ErrClosed) {
			c.closeErr = c.opError("close", err)
		}
	})
	return c.closeErr
}

// cut closes the lowest connection below stream. An orderly close of a TLS connection would
// wait up to 5 s for a peer that does not read, and a WebSocket has its close frame for an orderly end.
func cut(stream net.Conn) error {
	for {
		upper, ok := stream.(interface{ NetConn() net.Conn })
		if !ok {
			return stream.Close()
		}
		stream = upper.NetConn()
	}
}

// opError returns the error of op, which failed with err. It returns nil if err is nil.
func (c *conn) opError(op string, err error) error {
	if err == nil {
		return nil
	}
	wrapped := opError{op, err}
	switch {
	case errors.Is(err, transport.ErrClosed):
	case c.closed.Load():
		wrapped.err = transport.ErrClosed
	case errors.Is(err, os.ErrDeadlineExceeded):
		wrapped.err = os.ErrDeadlineExceeded
		return &timeoutError{wrapped}
	default:
		if peer := c.peerClose.Load(); peer != nil {
			wrapped.err = peer
		}
	}
	return &wrapped
}
