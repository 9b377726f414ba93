//go:build !js

package tcp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/socket"
)

// Dialer returns a dialer to addr, "host:port". Each Dial resolves the name again, and
// tries all addresses of a name. If the address or the options are invalid, Dial fails.
func Dialer(addr string, opts *Options) transport.Dialer {
	s, err := opts.resolve()
	return &dialer{addr: addr, settings: s, wrong: err}
}

type dialer struct {
	addr     string
	settings settings
	wrong    error // why the options are invalid; nil if they are valid
}

func (d *dialer) Dial(ctx context.Context) (transport.Conn, error) {
	if d.wrong != nil {
		return nil, d.wrong
	}
	stream, err := d.connect(ctx)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // the deadline of ctx, which the socket noticed first
		return nil, fmt.Errorf("tcp: dial %q: %w", d.addr, context.DeadlineExceeded)
	case err != nil:
		return nil, fmt.Errorf("tcp: %w", err)
	}
	d.settings.apply(stream, d.settings.DialContext != nil)
	info := transport.Info{Local: socket.LocalAddr(stream.LocalAddr()), Remote: socket.LocalAddr(stream.RemoteAddr())}
	if d.settings.TLS == nil {
		return newConn(stream, info, nil)
	}
	config := d.settings.TLS
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(d.addr)
		if err != nil {
			stream.Close()
			return nil, fmt.Errorf("tcp: dial %q: %w", d.addr, err)
		}
		config = config.Clone()
		config.ServerName, _, _ = strings.Cut(host, "%") // a certificate names no zone
	}
	conn := newTLSConn(stream, info, nil, func(s net.Conn) *tls.Conn { return tls.Client(s, config) })
	if err := conn.stream.agree(ctx); err != nil {
		conn.Close()
		return nil, fmt.Errorf("tcp: TLS handshake with %q: %w", d.addr, err)
	}
	return conn, nil
}

func (d *dialer) connect(ctx context.Context) (net.Conn, error) {
	if d.settings.DialContext != nil {
		stream, err := d.settings.DialContext(ctx, "tcp", d.addr)
		if stream == nil && err == nil {
			err = fmt.Errorf("dial %q: DialContext gave neither a connection nor an error", d.addr)
		}
		return stream, err
	}
	nd := net.Dialer{KeepAlive: -1, KeepAliveConfig: d.settings.keepAlive()}
	return nd.DialContext(ctx, "tcp", d.addr)
}
