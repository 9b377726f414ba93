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

// closeGrace is how long CloseWrite waits for its close frame to go out. A peer that
// reads takes it at once; for another it waits in a goroutine of the conn until Close.
const closeGrace = 250 * time.Millisecond

// A conn is the native [transport.Conn]: the frames of one WebSocket, whose handshake is
// over, on a connection that belongs to it.
type conn struct {
	stream net.Conn
	info   transport.Info

	reader
	writer

	ending    atomic.Pointer[opError] // why writing fails, once this side ends
	peerClose atomic.Pointer[CloseError]
	lost      atomic.Pointer[opError] // why the conn has cut the stream by itself
	closed    atomic.Bool
	closeOnce sync.Once
	closeErr  error

	mu      sync.Mutex    // guards what follows, and that running grows only before closed
	ended   chan struct{} // made when this side ends, closed when its close frame is out
	endErr  error         // set before ended is closed
	running sync.WaitGroup
}

// newConn takes over stream. unread is what the peer has sent already behind its
// handshake.
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
	case *net.TCPConn, *net.UnixConn: // and nothing that wraps one, which may change its bytes
		c.plain = true
		c.polled = ready.Supported && c.ready.Init(stream.(ready.Conn)) == nil
	case *tls.Conn:
		c.layered = true
	}
	return c
}

func (c *conn) Info() transport.Info { return c.info }

func (c *conn) SetReadDeadline(t time.Time) error {
	return c.opError("set read deadline", c.readDeadline.Set(c.stream.SetReadDeadline, t))
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.opError("set write deadline", c.writeDeadline.Set(c.stream.SetWriteDeadline, t))
}

// CloseWrite sends a close frame. It returns before that has gone out if the peer
// reads nothing for 250 ms; then Close cuts it off, so whoever wants the
// stream to end in order reads up to the peer's end before that.
func (c *conn) CloseWrite() error {
	return c.opError("close write", c.end(&CloseError{Code: codeNormal}, errWriteEnded, true))
}

// end sends a close frame, if it is the first to do so, and waits for that. Writing
// fails with why afterwards. asked says that the caller wants it, whose write deadline
// holds then.
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
		err := cut(c.stream)
		c.running.Wait()
		if !errors.Is(err, net.ErrClosed) {
			c.closeErr = c.opError("close", err)
		}
	})
	return c.closeErr
}

// cut closes the connection below all others: closing a TLS connection in order would
// wait up to 5 s for a peer that does not read. A WebSocket is ended in order by its
// close frame.
func cut(stream net.Conn) error {
	for {
		upper, ok := stream.(interface{ NetConn() net.Conn })
		if !ok {
			return stream.Close()
		}
		stream = upper.NetConn()
	}
}

// opError says for what reason op failed, nil if it did not.
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
