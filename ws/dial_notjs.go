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
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/hisock/hisock/transport"
)

// maxAnswer bounds, in bytes, the header of a server's answer, and maxExcerpt what a
// [HandshakeError] keeps of its body.
const (
	maxAnswer  = 64 << 10
	maxExcerpt = 200
)

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
	l, err := d.connect(ctx, t)
	if err != nil {
		return nil, d.failed(err)
	}
	unwatch := context.AfterFunc(ctx, func() { l.Close() })
	s, response, err := dialSocket(ctx, d.url, clientOver(l), d.header)
	if !unwatch() || ctx.Err() != nil { // what has been made is cut already, or about to be
		l.Close()
		if err == nil {
			s.drop()
		}
		return nil, d.failed(context.Cause(ctx))
	}
	if err != nil {
		l.Close()
		if response != nil {
			err = handshakeError(response, err)
		}
		return nil, d.failed(err)
	}
	l.startFrames()
	return newConn(s, l, clientInfo(t, l), true), nil
}

func (d *dialer) failed(err error) error {
	return &opError{"dial " + strconv.Quote(d.url), err}
}

// connect makes the connection itself, and not the HTTP client, for that would go on
// by itself after the context has ended.
func (d *dialer) connect(ctx context.Context, t target) (*link, error) {
	var nd net.Dialer
	raw, err := nd.DialContext(ctx, "tcp", t.address())
	if err != nil {
		return nil, err
	}
	if !t.secure {
		return clientLink(raw), nil
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
	return clientLink(conn), nil
}

// clientOver is an HTTP client for one request, over l.
func clientOver(l *link) *http.Client {
	var used atomic.Bool
	dial := func(context.Context, string, string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, net.ErrClosed
		}
		return l, nil
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:            dial,
			DialTLSContext:         dial,
			DisableKeepAlives:      true,
			DisableCompression:     true,
			MaxResponseHeaderBytes: maxAnswer,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func handshakeError(response *http.Response, err error) error {
	if response.StatusCode == http.StatusSwitchingProtocols {
		return &HandshakeError{response.StatusCode, err.Error()}
	}
	body := make([]byte, maxExcerpt)
	n, _ := io.ReadFull(response.Body, body)
	return &HandshakeError{response.StatusCode, strings.TrimSpace(string(body[:n]))}
}

func clientInfo(t target, l *link) transport.Info {
	info := transport.Info{Transport: t.transport()}
	if conn, ok := l.Conn.(*tls.Conn); ok {
		info.Handshake = func() any {
			state := conn.ConnectionState()
			return &state
		}
	}
	return info
}
