//go:build !js

package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"syscall"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/socket"
)

// A Listener accepts connections. It is safe for concurrent use. Any goroutine may close it,
// and a waiting Accept then returns at once.
type Listener struct {
	listener net.Listener
	settings settings
	wrapped  bool // listener was given to NewListener
	closed   atomic.Bool
}

var _ transport.Listener = (*Listener)(nil)

// Listen listens on the TCP address addr, "host:port". It fails if the options are invalid, and if TLS is
// set without a certificate.
func Listen(addr string, opts *Options) (*Listener, error) {
	s, err := opts.resolve()
	if err != nil {
		return nil, err
	}
	if s.TLS != nil && !hasCertificate(s.TLS) {
		return nil, fmt.Errorf("tcp: listen %q: the TLS configuration has no certificate", addr)
	}
	config := net.ListenConfig{KeepAlive: -1, KeepAliveConfig: s.keepAlive()}
	l, err := config.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("tcp: %w", err)
	}
	return &Listener{listener: l, settings: s}, nil
}

// NewListener returns a listener that accepts from l and takes l over. l may be a Unix socket, a socket that
// systemd has opened ([net.FileListener]), a listener that bounds the number of connections, a listener that
// reads the PROXY protocol by itself, or a listener of package tls. Its connections become as [NewConn] says.
// NewListener fails only if l is nil or the options are invalid, and then leaves l open.
func NewListener(l net.Listener, opts *Options) (*Listener, error) {
	if l == nil {
		return nil, errors.New("tcp: there is no listener to take over")
	}
	s, err := opts.resolve()
	if err == nil && s.TLS != nil && !hasCertificate(s.TLS) {
		err = errNoCertificate
	}
	if err != nil {
		return nil, err
	}
	return &Listener{listener: l, settings: s, wrapped: true}, nil
}

func hasCertificate(c *tls.Config) bool {
	return len(c.Certificates) > 0 || c.GetCertificate != nil || c.GetConfigForClient != nil
}

// Accept waits for the next connection, and for no bytes from the peer:
// a TLS handshake happens in the first read or write, and a proxy's header is read in the first read. After
// Close it fails with [transport.ErrClosed]. After an error whose Temporary method reports true, such as too
// many open files, Accept may be called again.
func (l *Listener) Accept() (transport.Conn, error) {
	stream, err := l.listener.Accept()
	if err != nil {
		return nil, &acceptError{addr: l.Addr(), err: err, closed: l.closed.Load()}
	}
	if _, secure := stream.(*tls.Conn); secure && l.settings.TLS != nil {
		stream.Close()
		return nil, errDoubleTLS
	}
	return l.settings.accepted(stream, l.wrapped)
}

// Close stops listening. Connections that were accepted go on. Close may be called
// again.
func (l *Listener) Close() error {
	if l.closed.Swap(true) { // not every net.Listener may be closed twice
		return nil
	}
	if err := l.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("tcp: %w", err)
	}
	return nil
}

// Addr returns the address of the listener, with the real port.
func (l *Listener) Addr() string { return socket.LocalAddr(l.listener.Addr()) }

// An acceptError is the error of Accept.
type acceptError struct {
	addr   string
	err    error
	closed bool // the program has closed the listener; err may not say so
}

func (e *acceptError) Error() string {
	return fmt.Sprintf("tcp: accept on %q: %v", e.addr, e.Unwrap())
}

func (e *acceptError) Unwrap() error {
	if e.closed || errors.Is(e.err, net.ErrClosed) {
		return transport.ErrClosed
	}
	return e.err
}

// Temporary reports whether Accept may succeed when it is called again: the system lacks a resource that
// may come back, the network failed for the new connection, or its peer has
// already gone. accept(2) lists these errors.
func (e *acceptError) Temporary() bool {
	for _, again := range [][]syscall.Errno{acceptErrors, acceptAgain} {
		for _, errno := range again {
			if errors.Is(e.err, errno) {
				return true
			}
		}
	}
	var temporary interface{ Temporary() bool }
	return errors.As(e.err, &temporary) && temporary.Temporary()
}

// acceptErrors are the errors after which accept still works.
var acceptErrors = []syscall.Errno{
	// The system lacks a resource.
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
	// The peer has gone, or a firewall forbids it.
	syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPERM,
	// The new connection already had a network error, which Linux reports through accept.
	syscall.ENETDOWN, syscall.EPROTO, syscall.ENOPROTOOPT, syscall.EHOSTDOWN,
	syscall.EHOSTUNREACH, syscall.EOPNOTSUPP, syscall.ENETUNREACH,
	// No connection has come.
	syscall.EAGAIN, syscall.EINTR,
}
