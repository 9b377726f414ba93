//go:build !js

package tcp

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/socket"
)

// NewConn makes a connection from a net.Conn that the program has accepted, as a [Listener] does with the
// connections of its net.Listener. It takes c over, and closes c if it fails. It
// fails if c is nil or the options are invalid.
//
// A TCP or Unix socket is used directly, and on Unix waits for input without a buffer. A type that wraps a
// socket is read with its own methods, and waits with a buffer of 256 bytes. If such a type has no CloseWrite
// method, ending one direction ends both. [transport.Info.TLS] has the state of a [*tls.Conn], which may be a
// client's or a server's. A *tls.Conn does not always notice that its stream was cut short, so it is better to
// give NewConn the connection below it, and [Options.TLS].
func NewConn(c net.Conn, opts *Options) (transport.Conn, error) {
	s, err := opts.resolve()
	switch _, secure := c.(*tls.Conn); {
	case c == nil:
		return nil, errors.New("tcp: there is no connection to take over")
	case err != nil:
	case s.TLS != nil && secure:
		err = errDoubleTLS
	case s.TLS != nil && !hasCertificate(s.TLS):
		err = errNoCertificate
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return s.accepted(c, true)
}

var (
	errNoCertificate = errors.New("tcp: the TLS configuration has no certificate")
	errDoubleTLS     = errors.New("tcp: Options.TLS is set for a connection that speaks TLS already")
)

// accepted makes a connection from an accepted stream. wrapped says that the keep-alive has not been set.
func (s *settings) accepted(stream net.Conn, wrapped bool) (transport.Conn, error) {
	s.apply(stream, wrapped)
	info := transport.Info{Local: socket.LocalAddr(stream.LocalAddr()), Remote: socket.RemoteAddr(stream.RemoteAddr())}
	src := s.sourceOf(stream)
	if s.TLS != nil {
		return newTLSConn(stream, info, src, func(c net.Conn) *tls.Conn { return tls.Server(c, s.TLS) }), nil
	}
	return newConn(stream, info, src)
}

// newConn makes a connection from a stream, without adding TLS.
func newConn(stream net.Conn, info transport.Info, src *source) (transport.Conn, error) {
	switch c := stream.(type) {
	case *net.TCPConn:
		info.Transport = "tcp"
		return newSocketConn(c, info, src)
	case *net.UnixConn:
		info.Transport = "unix"
		return newSocketConn(c, info, src)
	case *tls.Conn:
		s := &tlsStream{Conn: c}
		info.Transport, info.HandshakeFunc = "tls", s.handshake
		return newStreamConn(s, info, src), nil
	}
	info.Transport = "tcp"
	if socket.IsUnix(stream.LocalAddr()) {
		info.Transport = "unix"
	}
	return newStreamConn(stream, info, src), nil
}
