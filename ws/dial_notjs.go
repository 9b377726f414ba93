//go:build !js

package ws

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/hisock/hisock/transport"
)

// maxExcerpt bounds, in bytes, what a [HandshakeError] keeps of an answer's body.
const maxExcerpt = 200

// DialOptions are those of [Dialer]. In a browser build it has other fields: what a
// browser does not let a program choose does not compile there.
type DialOptions struct {
	// TLS is used for wss. nil means the defaults. An empty ServerName is the URL's.
	TLS *tls.Config

	// Header is sent with the handshake, such as Authorization or Origin.
	// Headers of the handshake itself make Dial fail.
	Header http.Header
}

// A HandshakeError is a server's answer that makes no WebSocket.
type HandshakeError struct {
	Status int    // 101 if the rest of the answer was wrong
	Reason string // what was wrong, or the start of the answer's body: not to be trusted
}

func (e *HandshakeError) Error() string {
	s := "ws: the server answered " + strconv.Itoa(e.Status)
	if text := http.StatusText(e.Status); text != "" {
		s += " " + text
	}
	if e.Reason != "" {
		s += ": " + strconv.Quote(e.Reason)
	}
	return s
}

// Dialer makes connections to url, "ws://host[:port]/path" or "wss://…". nil options
// mean the defaults. Neither proxies nor redirects are followed.
//
// Dial fails with a [*URLError] if the URL cannot work and with a [*HandshakeError]
// if the server answers something else; its other errors are those of the network, of
// TLS and of the context.
func Dialer(url string, opts *DialOptions) transport.Dialer {
	d := &dialer{url: url}
	if opts != nil {
		d.header = opts.Header.Clone()
		if opts.TLS != nil {
			d.tls = opts.TLS.Clone()
		}
	}
	return d
}

type dialer struct {
	url    string
	tls    *tls.Config
	header http.Header
}

func (d *dialer) Dial(ctx context.Context) (transport.Conn, error) {
	t, err := parseURL(d.url)
	if err != nil {
		return nil, err
	}
	if _, err := url.Parse(d.url); err != nil {
		return nil, &URLError{d.url, errors.Unwrap(err).Error()}
	}
	for name := range d.header {
		switch key := http.CanonicalHeaderKey(name); {
		case key == "Connection", key == "Upgrade", strings.HasPrefix(key, "Sec-Websocket-"):
			return nil, d.failed(errors.New("header " + strconv.Quote(name) + " belongs to the handshake"))
		}
	}
	stream, err := d.connect(ctx, t)
	if err != nil {
		return nil, d.failed(err)
	}
	unwatch := context.AfterFunc(ctx, func() { cut(stream) })
	asking := &asking{stream: stream}
	response, err := dialHandshake(ctx, d.url, asking.client(), d.header)
	switch {
	case !unwatch() || ctx.Err() != nil: // what has been made is cut already, or about to be
		err = context.Cause(ctx)
	case err != nil && response != nil:
		err = handshakeError(response, err)
	}
	if err != nil {
		cut(stream)
		return nil, d.failed(err)
	}
	return newConn(stream, asking.unread, clientInfo(t, stream), true), nil
}

func (d *dialer) failed(err error) error {
	return &opError{"dial " + strconv.Quote(d.url), err}
}

// connect makes the connection itself, and not the HTTP client, for that would go on
// by itself after the context has ended.
func (d *dialer) connect(ctx context.Context, t target) (net.Conn, error) {
	var nd net.Dialer
	raw, err := nd.DialContext(ctx, "tcp", t.address())
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // that of ctx, which the socket noticed first
		return nil, context.DeadlineExceeded
	case err != nil:
		return nil, err
	}
	if !t.secure {
		return raw, nil
	}
	config := &tls.Config{}
	if d.tls != nil {
		config = d.tls.Clone()
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(t.address())
	}
	config.NextProtos = []string{"http/1.1"}
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

func handshakeError(response *http.Response, err error) error {
	if response.StatusCode == http.StatusSwitchingProtocols {
		return &HandshakeError{response.StatusCode, err.Error()}
	}
	body := make([]byte, maxExcerpt)
	n, _ := io.ReadFull(response.Body, body)
	return &HandshakeError{response.StatusCode, strings.TrimSpace(string(body[:n]))}
}

func clientInfo(t target, stream net.Conn) transport.Info {
	info := transport.Info{Transport: t.transport()}
	if conn, ok := stream.(*tls.Conn); ok {
		info.HandshakeFunc = func() any {
			state := conn.ConnectionState()
			return &state
		}
	}
	return info
}
