//go:build !js

package tcp

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/socket"
)

// NewConn makes a connection of one that somebody has accepted, whatever it is made of: what a
// [Listener] does with what its listener gives. It takes c over, also if it fails. It
// fails only for options that cannot be.
//
// A TCP or Unix socket is used as it is, and waits for input without a buffer. What wraps one is
// read with its own methods, and waits with room for 256 bytes; if it has no CloseWrite, ending
// one direction ends both. A [*tls.Conn], which may be of either side, has its state
// in [transport.Info.TLS]; that it was cut short then shows only as far as it can tell,
// so that it is better to give what is below, and [Options.TLS].
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
	errDoubleTLS     = errors.New("tcp: Options.TLS for a connection that is one of TLS already")
)

// accepted takes over what somebody has accepted; wrapped says that the keep-alive has not been set.
func (s *settings) accepted(stream net.Conn, wrapped bool) (transport.Conn, error) {
	s.apply(stream, wrapped)
	info := transport.Info{Local: socket.LocalAddr(stream.LocalAddr()), Remote: socket.RemoteAddr(stream.RemoteAddr())}
	src := s.sourceOf(stream)
	if s.TLS != nil {
		return newTLSConn(stream, info, src, func(c net.Conn) *tls.Conn { return tls.Server(c, s.TLS) }), nil
	}
	return newConn(stream, info, src)
}

// newConn takes over a stream as it is.
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
