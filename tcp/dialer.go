//go:build !js

package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/hisock/hisock/transport"
)

// Dialer returns a dialer to addr. The address is looked at when Dial is called;
// a name with several addresses is tried at all of them.
func Dialer(addr string, opts *Options) transport.Dialer {
	return &dialer{addr: addr, opts: opts.resolve()}
}

type dialer struct {
	addr string
	opts Options
}

func (d *dialer) Dial(ctx context.Context) (transport.Conn, error) {
	nd := net.Dialer{KeepAlive: -1, KeepAliveConfig: d.opts.keepAlive()}
	stream, err := nd.DialContext(ctx, "tcp", d.addr)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // that of ctx, which the socket noticed first
		return nil, fmt.Errorf("tcp: dial %q: %w", d.addr, context.DeadlineExceeded)
	case err != nil:
		return nil, fmt.Errorf("tcp: %w", err)
	}
	if d.opts.TLS == nil {
		return newConn(stream)
	}
	config := d.opts.TLS
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(d.addr)
		if err != nil {
			stream.Close()
			return nil, fmt.Errorf("tcp: dial %q: %w", d.addr, err)
		}
		config = config.Clone()
		config.ServerName = host
	}
	conn := newTLSConn(stream, func(s net.Conn) *tls.Conn { return tls.Client(s, config) })
	if err := conn.stream.agree(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("tcp: TLS handshake with %q: %w", d.addr, err)
	}
	return conn, nil
}
