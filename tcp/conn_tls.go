//go:build !js

package tcp

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/transport"
)

// A tlsConn is a connection with TLS. It adds ReadReady and the proxy's header to the Conn that
// [transport.Wrap] makes.
type tlsConn struct {
	transport.Conn
	stream *tlsStream

	// Owned by the reader.
	first [1]byte
}

var (
	_ transport.ReadyReader  = (*tlsConn)(nil)
	_ transport.SourceReader = (*tlsConn)(nil)
)

// newTLSConn takes stream over, and calls secure to put TLS on top of it.
func newTLSConn(stream net.Conn, info transport.Info, src *source, secure func(net.Conn) *tls.Conn) *tlsConn {
	carrier := &carrier{Conn: stream, source: src}
	s := &tlsStream{Conn: secure(carrier), carrier: carrier}
	info.Transport, info.HandshakeFunc = "tls", s.handshake
	return &tlsConn{Conn: transport.Wrap(s, info), stream: s}
}

// Info implements [transport.Conn].
func (c *tlsConn) Info() transport.Info { return c.stream.carrier.source.amend(c.Conn.Info()) }

// ReadSource implements [transport.SourceReader].
func (c *tlsConn) ReadSource() error {
	err := c.stream.carrier.source.read()
	if err != nil && c.stream.carrier.closing.Load() {
		return transport.ErrClosed
	}
	return err
}

// ReadReady implements [transport.ReadyReader]. It waits with a buffer of one byte, and then
// takes a buffer from the pool for that byte and the other bytes that were decrypted with it.
func (c *tlsConn) ReadReady(pool transport.BufferPool) ([]byte, int, error) {
	for {
		n, err := c.Read(c.first[:])
		if n > 0 {
			break
		}
		if err != nil {
			return nil, 0, err
		}
	}
	buf := pool.Get()
	if len(buf) == 0 {
		pool.Put(buf)
		return nil, 0, io.ErrShortBuffer
	}
	n := copy(buf, c.first[:])
	c.stream.carrier.dry = true
	more, _ := c.stream.Read(buf[n:]) // an error other than errDry comes again in the next read
	c.stream.carrier.dry = false
	return buf, n + more, nil
}

// A tlsStream is a [tls.Conn] that remembers whether its handshake is over. [tls.Conn.ConnectionState]
// would wait for a handshake that is under way.
type tlsStream struct {
	*tls.Conn
	carrier *carrier    // nil if the program has put TLS on the stream
	agreed  atomic.Bool // the handshake is over
}

// agree shakes hands, unless the handshake is over.
func (s *tlsStream) agree(ctx context.Context) error {
	if s.agreed.Load() {
		return nil
	}
	if err := s.HandshakeContext(ctx); err != nil {
		return err
	}
	s.agreed.Store(true)
	return nil
}

func (s *tlsStream) Read(p []byte) (int, error) {
	if err := s.agree(context.Background()); err != nil {
		return 0, err
	}
	return s.Conn.Read(p)
}

func (s *tlsStream) Write(p []byte) (int, error) {
	if err := s.agree(context.Background()); err != nil {
		return 0, err
	}
	return s.Conn.Write(p)
}

// Close sends TLS's own close if it can, and closes the connection. It is no error if the close cannot be
// sent: a program that must know calls CloseWrite first.
func (s *tlsStream) Close() error {
	if s.carrier == nil {
		late := time.AfterFunc(closeWait, func() { s.NetConn().Close() })
		defer late.Stop()
		s.Conn.Close()
		return nil
	}
	s.carrier.closing.Store(true)
	s.Conn.Close()
	return s.carrier.Close()
}

// handshake is the [transport.Info.HandshakeFunc]. It returns a [*tls.ConnectionState], or nil before
// the handshake is over.
func (s *tlsStream) handshake() any {
	if !s.agreed.Load() {
		return nil
	}
	state := s.ConnectionState()
	return &state
}
