//go:build !js

package tcp

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/transport"
)

// A tlsConn is a connection with TLS: what [transport.Wrap] makes of a tlsStream.
type tlsConn struct {
	transport.Conn
	stream *tlsStream
}

// newTLSConn takes over stream and lets secure put TLS on top of it.
func newTLSConn(stream net.Conn, secure func(net.Conn) *tls.Conn) *tlsConn {
	carrier := &carrier{Conn: stream}
	s := &tlsStream{Conn: secure(carrier), carrier: carrier}
	return &tlsConn{
		Conn: transport.Wrap(s, transport.Info{
			Transport: "tls",
			Local:     stream.LocalAddr().String(),
			Remote:    stream.RemoteAddr().String(),
			Handshake: s.handshake,
		}),
		stream: s,
	}
}

// A tlsStream is a [tls.Conn] that remembers that its handshake is over, because
// asking it would wait for a handshake that is under way.
type tlsStream struct {
	*tls.Conn
	carrier *carrier
	agreed  atomic.Bool
}

// agree sees to it that the handshake is over.
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

// Close sends TLS's own end if it can, and closes.
func (s *tlsStream) Close() error {
	s.carrier.closing.Store(true)
	return s.Conn.Close()
}

// handshake is [transport.Info.Handshake]: a [*tls.ConnectionState], or nil before
// the handshake is over.
func (s *tlsStream) handshake() any {
	if !s.agreed.Load() {
		return nil
	}
	state := s.ConnectionState()
	return &state
}

// closeWait is how long Close tries to send TLS's own end.
const closeWait = 500 * time.Millisecond

// errCut is the end of the connection below TLS. It only wraps io.ErrUnexpectedEOF,
// because crypto/tls takes that one for an end in order.
var errCut = fmt.Errorf("tcp: connection ended without TLS's close: %w", io.ErrUnexpectedEOF)

// A carrier is the connection below TLS.
type carrier struct {
	net.Conn
	closing atomic.Bool
}

// Read does not let TLS take the end of the connection for the end of the stream,
// which TLS has to state itself.
func (c *carrier) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err == io.EOF {
		err = errCut
	}
	return n, err
}

// SetWriteDeadline shortens the deadline under which TLS sends its own end.
func (c *carrier) SetWriteDeadline(t time.Time) error {
	if limit := time.Now().Add(closeWait); c.closing.Load() && t.After(limit) {
		t = limit
	}
	return c.Conn.SetWriteDeadline(t)
}
