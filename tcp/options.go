//go:build !js

package tcp

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"github.com/hisock/hisock/transport/proxy"
	"github.com/hisock/hisock/transport/socket"
)

// Options are the options of listeners, dialers and connections. Nil means the zero value.
// Options are copied on use: a later change has no effect.
type Options struct {
	// TLS, if set, makes connections speak TLS. For a listener it must have a certificate.
	// A dialer verifies the server against ServerName, or against the
	// host of the address if ServerName is empty.
	TLS *tls.Config

	// KeepAlive is the time without traffic after which the system probes the peer,
	// and the time between two probes, in whole seconds. Zero means 15 s, negative means no probes. It
	// has no effect on a connection that is no TCP socket, or hides its socket.
	KeepAlive time.Duration

	// Proxies are the proxies and load balancers that speak the PROXY protocol, version 1 or 2,
	// to a listener: addresses ("192.0.2.1"), networks ("10.0.0.0/8"), and "unix" for all
	// peers of a Unix socket. A connection from one of them must begin with the protocol's
	// header, before TLS if the listener speaks TLS. The address in the header is the
	// client's from then on, also for limits by address. If the header says LOCAL or UNKNOWN, the connection
	// keeps the proxy's address. A header from any other peer is not read, and a server refuses that peer.
	//
	// Accept does not wait for the header: it is read in the first read, under the
	// deadline of that read. Clients that reach the port without the proxy must not have one of
	// these addresses. A dialer ignores this option.
	Proxies []string

	// SendBuffer is the size, in bytes, of the system's buffer for bytes that were written and that the peer
	// has not received yet (SO_SNDBUF). The system may round it. Zero leaves the size to the system, which
	// lets the buffer grow to some MiB. The buffer bounds the kernel memory for
	// one slow peer, and the speed over a path with a long round-trip time.
	SendBuffer int

	// UnsentBytes is how many bytes may wait unsent in the send buffer before a write
	// waits (TCP_NOTSENT_LOWAT). With a small value, such as 16 KiB, frames that
	// the peer cannot take yet stay in the queue of package core, where they can still be
	// replaced or dropped, instead of growing old in the kernel. The price is that many small
	// writes over a fast path take up to twice as long. Zero leaves the value to the system. Linux and macOS
	// have this setting. On other systems Listen, NewListener,
	// NewConn and Dial fail with [errors.ErrUnsupported].
	UnsentBytes int

	// DialContext, if set, makes the connections of a dialer as [net.Dialer.DialContext] does: through a
	// proxy, to a Unix socket, from a certain address. network is "tcp", addr is the dialer's
	// address. If TLS is set, TLS is put on top of the connection that it returns. A
	// listener ignores this option. Several goroutines may call it at once.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// defaultKeepAlive is the meaning of a KeepAlive of zero.
const defaultKeepAlive = 15 * time.Second

// settings is a copy of options with the defaults filled in. It does not change.
type settings struct {
	Options
	proxies proxy.Trust
	send    socket.Send
}

func (o *Options) resolve() (settings, error) {
	if o == nil {
		o = &Options{}
	}
	s := settings{Options: *o, send: socket.Send{Buffer: o.SendBuffer, Unsent: o.UnsentBytes}}
	s.TLS = o.TLS.Clone()
	if s.KeepAlive == 0 {
		s.KeepAlive = defaultKeepAlive
	}
	if err := s.send.Check(); err != nil {
		return s, fmt.Errorf("tcp: option %w", err)
	}
	var err error
	if s.proxies, err = proxy.ParseTrust(o.Proxies); err != nil {
		return s, fmt.Errorf("tcp: option Proxies: %w", err)
	}
	s.Proxies = nil
	return s, nil
}

// keepAlive returns the option for package net. [net.ListenConfig.KeepAlive] would not set the time between
// probes.
func (s *settings) keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: s.KeepAlive > 0, Idle: s.KeepAlive, Interval: s.KeepAlive}
}

// apply makes the settings at the socket of a stream. If that fails, the peer has
// gone, and the first read fails too.
func (s *settings) apply(stream net.Conn, keepAlive bool) {
	if tcp := socket.TCP(stream); keepAlive && tcp != nil {
		tcp.SetKeepAliveConfig(s.keepAlive()) //nolint:errcheck // see above
	}
	s.send.Apply(stream) //nolint:errcheck // see above
}
