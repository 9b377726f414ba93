//go:build !js

package tcp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// closeWait is how long Close tries to send TLS's own close.
const closeWait = 500 * time.Millisecond

// errCut is the error for an end of the connection below TLS without TLS's own close. It wraps
// io.ErrUnexpectedEOF, because crypto/tls takes io.ErrUnexpectedEOF itself for an orderly end.
var errCut = fmt.Errorf("tcp: connection ended without TLS's close: %w", io.ErrUnexpectedEOF)

// errDry is the error of a read that may not wait. It is temporary, so the
// TLS connection can be read again.
var errDry net.Error = dryError{}

type dryError struct{}

func (dryError) Error() string   { return "tcp: read would wait" }
func (dryError) Timeout() bool   { return false }
func (dryError) Temporary() bool { return true }

// A carrier is the connection below TLS.
type carrier struct {
	net.Conn
	source *source // nil if there is no proxy

	closing atomic.Bool // tlsStream.Close has begun
	broken  atomic.Bool // a write has failed, so Close sends nothing more

	closeOnce sync.Once // package tls may close several times
	closeErr  error

	// Owned by the reader.
	dry bool // Read fails with errDry
}

// Read reads for TLS. It replaces io.EOF by errCut: the end of a TLS stream is TLS's own close, and not the
// end of the connection below it.
func (c *carrier) Read(p []byte) (int, error) {
	if c.dry {
		return 0, errDry
	}
	if err := c.source.read(); err != nil {
		if errors.Is(err, io.EOF) {
			err = errCut
		}
		return 0, err
	}
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = errCut
	}
	return n, err
}

func (c *carrier) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		c.broken.Store(true)
	}
	return n, err
}

// SetWriteDeadline shortens the deadline under which package tls sends TLS's own close.
func (c *carrier) SetWriteDeadline(t time.Time) error {
	if c.closing.Load() {
		limit := time.Now()
		if !c.broken.Load() {
			limit = limit.Add(closeWait)
		}
		if t.After(limit) {
			t = limit
		}
	}
	return c.Conn.SetWriteDeadline(t)
}

func (c *carrier) Close() error {
	c.closeOnce.Do(func() { c.closeErr = c.Conn.Close() })
	return c.closeErr
}
