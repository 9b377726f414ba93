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

// Options says how to listen and dial. A nil *Options is the zero value. It is
// copied when it is used: changing it later has no effect.
type Options struct {
	// TLS, if set, makes connections speak TLS. A listener needs a certificate in
	// it. A dialer verifies the server against ServerName, or against the
	// host of the address if ServerName is empty.
	TLS *tls.Config

	// KeepAlive is the time without traffic after which the system probes the peer,
	// and the time between such probes, in whole seconds. Zero means 15 s, negative no probes. It
	// has no effect on what is no TCP socket, or hides it.
	KeepAlive time.Duration

	// Proxies are the proxies and load balancers that speak the PROXY protocol, version 1 or 2,
	// to a listener: addresses ("192.0.2.1"), networks ("10.0.0.0/8"), and "unix" for all
	// who come through a Unix socket. What comes from one of them has to begin with the protocol's
	// header, before TLS if the listener speaks it, and the address in it is the
	// client's from then on, also for limits by address. A proxy that says LOCAL or UNKNOWN keeps
	// its own address. A header from anybody else is not read, and a server refuses who sends it.
	//
	// Accept does not wait for the header: it is read in the first read, under its
	// deadline. Clients that reach the port without the proxy must not have one of
	// these addresses. A dialer has no use for them.
	Proxies []string

	// SendBuffer is the size of the system's buffer for what has been written and not yet been
	// received by the peer (SO_SNDBUF), in bytes, of which the system may make
	// another. Zero leaves it to the system, which lets it grow to some MiB. It bounds what
	// one slow peer costs in the kernel, and the speed over a long way.
	SendBuffer int

	// UnsentBytes is how many bytes may wait in the send buffer that the system has not
	// sent yet, before a write waits (TCP_NOTSENT_LOWAT). A small value, such as 16 KiB, leaves what
	// the peer cannot take yet in the queue of the core, where it can still be
	// replaced or dropped, instead of letting it grow old in the kernel. The price is that many small
	// writes over a quick path take up to twice as long. Zero leaves it to the system. Linux and macOS have this; elsewhere Listen, NewListener,
	// NewConn and Dial fail with [errors.ErrUnsupported].
	UnsentBytes int

	// DialContext, if set, makes the connections of a dialer, of the network "tcp" and with the
	// dialer's address, as [net.Dialer.DialContext] does: through a proxy, to a Unix
	// socket, with a source address. TLS is put on top of what it returns, unless TLS is nil. A
	// listener has no use for it.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)
}

// defaultKeepAlive is what a KeepAlive of zero means.
const defaultKeepAlive = 15 * time.Second

// settings are options that nobody else holds, with the defaults filled in.
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

// keepAlive says the same to package net, whose own KeepAlive leaves the time between
// probes as it is.
func (s *settings) keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: s.KeepAlive > 0, Idle: s.KeepAlive, Interval: s.KeepAlive}
}

// apply sets what can be set of a stream. That it cannot says no more than that the peer has
// gone, which the first read finds.
func (s *settings) apply(stream net.Conn, keepAlive bool) {
	if tcp := socket.TCP(stream); keepAlive && tcp != nil {
		tcp.SetKeepAliveConfig(s.keepAlive()) //nolint:errcheck // see above
	}
	s.send.Apply(stream) //nolint:errcheck // see above
}
