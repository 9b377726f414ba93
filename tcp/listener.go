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

// A Listener accepts connections. It may be used by several goroutines at once,
// and closed by any, a signal handler's among them: a waiting Accept returns at once.
type Listener struct {
	listener net.Listener
	settings settings
	wrapped  bool // the listener was not made here
	closed   atomic.Bool
}

var _ transport.Listener = (*Listener)(nil)

// Listen listens on addr. The result accepts until it is closed.
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

// NewListener accepts from l, which it takes over: a Unix socket, one that systemd has passed on
// ([net.FileListener]), one that bounds how many there are, one that reads the PROXY protocol by
// itself, or one of package tls. What it accepts becomes what [NewConn] says. Listening is
// not its task, so that it fails only for options that cannot be; l is left open then.
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

// Accept waits for the next connection, and for nothing that the peer has to send:
// a TLS handshake, or the header of a proxy, is read in the first read or write. After Close it
// fails with [transport.ErrClosed]. An error whose Temporary method reports true, such as too
// many open files, leaves the listener working.
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

// Close stops listening. Connections that were accepted go on. It may be called
// again.
func (l *Listener) Close() error {
	if l.closed.Swap(true) { // not every listener bears it twice
		return nil
	}
	if err := l.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("tcp: %w", err)
	}
	return nil
}

// Addr returns the address listened on, with the real port.
func (l *Listener) Addr() string { return socket.LocalAddr(l.listener.Addr()) }

// An acceptError says why Accept failed and whether to try again.
type acceptError struct {
	addr   string
	err    error
	closed bool // by the program, which not every listener tells
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

// Temporary reports whether it is worth trying again: the system lacks something that
// may come back, the network failed for the one who was to be accepted, or that one has
// already gone. Which errors say so is in accept(2).
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

// acceptErrors are the errors after which accept works on.
var acceptErrors = []syscall.Errno{
	// Something is lacking.
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM,
	// The peer has gone, or a firewall forbids it.
	syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPERM,
	// What was already wrong with the new connection, which Linux tells through accept.
	syscall.ENETDOWN, syscall.EPROTO, syscall.ENOPROTOOPT, syscall.EHOSTDOWN,
	syscall.EHOSTUNREACH, syscall.EOPNOTSUPP, syscall.ENETUNREACH,
	// Nothing has come.
	syscall.EAGAIN, syscall.EINTR,
}
