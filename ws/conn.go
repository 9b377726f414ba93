//go:build !js

package ws

import (
	"crypto/rand"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/transport"
)

// closeGrace is how long CloseWrite waits for its close frame to go out. A peer that
// reads takes it at once; for another it waits in a goroutine of the conn until Close.
const closeGrace = 250 * time.Millisecond

// A conn is the native [transport.Conn].
type conn struct {
	socket socket
	link   *link
	info   transport.Info
	client bool

	reader
	writer

	ending    atomic.Pointer[opError] // why writing fails, once this side ends
	peerClose atomic.Pointer[CloseError]
	closed    atomic.Bool
	closeOnce sync.Once
	closeErr  error

	mu      sync.Mutex    // guards what follows, and that running grows only before closed
	ended   chan struct{} // made when this side ends, closed when its close frame is out
	endErr  error         // set before ended is closed
	running sync.WaitGroup
}

func newConn(s socket, l *link, info transport.Info, client bool) *conn {
	info.Local, info.Remote = addrString(l.LocalAddr()), addrString(l.RemoteAddr())
	return &conn{socket: s, link: l, info: info, client: client}
}

func addrString(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

func (c *conn) Info() transport.Info { return c.info }

func (c *conn) SetReadDeadline(t time.Time) error {
	return c.opError("set read deadline", c.link.SetReadDeadline(t))
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.opError("set write deadline", c.link.SetWriteDeadline(t))
}

// CloseWrite sends a close frame. It returns before that has gone out if the peer
// reads nothing for 250 ms; then Close cuts it off, so whoever wants the
// stream to end in order reads up to the peer's end before that.
func (c *conn) CloseWrite() error {
	return c.opError("close write", c.end(codeNormal, "", errWriteEnded))
}

// end sends a close frame, if it is the first to do so, and waits for that. Writing
// fails with why afterwards.
func (c *conn) end(code int, reason string, why *opError) error {
	c.mu.Lock()
	if c.closed.Load() {
		c.mu.Unlock()
		return transport.ErrClosed
	}
	if c.ended == nil {
		c.ended = make(chan struct{})
		c.ending.Store(why)
		c.running.Go(func() {
			c.endErr = c.sendClose(code, reason, why)
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

// sendClose ends when the writer before it has ended and the frame is out. Close,
// which cuts the link, ends both.
func (c *conn) sendClose(code int, reason string, why *opError) error {
	var mask *[4]byte
	if c.client {
		mask = new([4]byte)
		rand.Read(mask[:])
	}
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	if c.writeErr != nil && !c.link.hasClosed() {
		return c.writeErr
	}
	c.writeErr = why
	return c.link.writeClose(appendClose(nil, code, reason, mask))
}

// Close cuts the connection and waits for the goroutines of the conn. It never waits
// for the peer.
func (c *conn) Close() error {
	c.closeOnce.Do(func() {
		c.mu.Lock()
		c.closed.Store(true)
		c.mu.Unlock()
		err := c.link.Close()
		c.socket.drop()
		c.running.Wait()
		if !errors.Is(err, net.ErrClosed) {
			c.closeErr = c.opError("close", err)
		}
	})
	return c.closeErr
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
