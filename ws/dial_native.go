//go:build !js

package ws

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/socket"
)

// maxExcerpt is how many bytes of an answer's body a [HandshakeError] keeps.
const maxExcerpt = 200

// DialOptions are the options of [Dialer], which copies them. A browser build has other fields: options that a
// browser does not offer do not compile there.
type DialOptions struct {
	// TLS is used for wss. Nil means the defaults. If ServerName is empty, the host of the URL is used.
	TLS *tls.Config

	// Header is sent with the handshake, such as Authorization or Origin.
	// Dial fails if it has headers of the handshake itself.
	Header http.Header

	// Proxy returns the proxy for a request as [http.Transport.Proxy] does, and nil for no proxy. The URL of the
	// request has "http" or "https" in place of "ws" or "wss". The proxy's URL may have the scheme "http",
	// "https", "socks5" or "socks5h". A proxy of the first two is asked for the connection with CONNECT, and the
	// user of its URL is sent as credentials. A nil Proxy means [http.ProxyFromEnvironment]: HTTP_PROXY,
	// HTTPS_PROXY and NO_PROXY, and no proxy for localhost. Several goroutines may call Proxy at once.
	Proxy func(*http.Request) (*url.URL, error)

	// DialContext, if set, makes the connections to the server or to its proxy as
	// [net.Dialer.DialContext] does. network is "tcp" and addr is "host:port". For wss, TLS is put on
	// top of the connection that it returns. Several goroutines may call DialContext at once.
	DialContext func(ctx context.Context, network, addr string) (net.Conn, error)

	// SendBuffer and UnsentBytes are in bytes and as in [Options]. If the system does not have
	// TCP_NOTSENT_LOWAT and UnsentBytes is set, Dial fails with [errors.ErrUnsupported].
	SendBuffer  int
	UnsentBytes int

	// Compression, if set, offers the server compression. Nil means that it is not offered. If the server declines,
	// nothing is compressed. If its answer is no valid answer to the offer, Dial fails with a [*HandshakeError].
	Compression *Compression
}

// A HandshakeError is the error of a Dial if the server's answer makes no WebSocket.
type HandshakeError struct {
	Status int    // HTTP status of the answer; 101 if the rest of the answer is wrong
	Reason string // what is wrong, or the start of the answer's body; not to be trusted
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

// Dialer returns a dialer to url, "ws://host[:port]/path" or "wss://…". An IPv6 address is written
// in brackets, with its zone if it has one: "ws://[fe80::1%25eth0]:8080/ws". Nil options
// mean the defaults. Redirects are not followed.
//
// Dial fails with a [*URLError] if the URL is invalid, and with a [*HandshakeError]
// if the server's answer makes no WebSocket. Its other errors come from the network, from
// TLS, from the options and from the context.
func Dialer(url string, opts *DialOptions) transport.Dialer {
	d := &dialer{url: url}
	if opts != nil {
		d.header = opts.Header.Clone()
		if opts.TLS != nil {
			d.tls = opts.TLS.Clone()
		}
		d.proxy, d.dial = opts.Proxy, opts.DialContext
		d.send = socket.Send{Buffer: opts.SendBuffer, Unsent: opts.UnsentBytes}
		if opts.Compression != nil {
			kept := *opts.Compression
			d.compression = &kept
		}
	}
	if d.proxy == nil {
		d.proxy = http.ProxyFromEnvironment
	}
	if d.dial == nil {
		d.dial = new(net.Dialer).DialContext
	}
	return d
}

type dialer struct {
	url    string
	tls    *tls.Config // nil means the defaults
	header http.Header
	proxy  func(*http.Request) (*url.URL, error)
	dial   func(ctx context.Context, network, addr string) (net.Conn, error)
	send   socket.Send

	compression *Compression // nil for none
}

func (d *dialer) Dial(ctx context.Context) (transport.Conn, error) {
	t, err := parseURL(d.url)
	if err != nil {
		return nil, err
	}
	toServer := withoutZone(d.url)
	parsed, err := url.Parse(toServer)
	if err != nil {
		return nil, &URLError{d.url, errors.Unwrap(err).Error()}
	}
	if err := checkSend(d.send); err != nil {
		return nil, err
	}
	shared, err := d.compression.share()
	if err != nil {
		return nil, err
	}
	for name := range d.header {
		switch key := http.CanonicalHeaderKey(name); {
		case key == "Connection", key == "Upgrade", strings.HasPrefix(key, "Sec-Websocket-"):
			return nil, d.failed(errors.New("header " + strconv.Quote(name) + " belongs to the handshake"))
		}
	}
	stream, through, err := d.connect(ctx, t, parsed)
	if err != nil {
		return nil, d.failed(err)
	}
	unwatch := context.AfterFunc(ctx, func() { cut(stream) })
	asking := &asking{stream: stream}
	if shared != nil {
		asking.offer = offer
	}
	response, err := dialHandshake(ctx, toServer, asking.client(), d.header)
	var compressed bool
	if err == nil {
		compressed, err = readAgreement(asking.agreed)
	}
	switch {
	case !unwatch() || ctx.Err() != nil: // the stream is cut, or will be
		err = context.Cause(ctx)
	case err != nil && response != nil:
		err = handshakeError(response, err)
	}
	if err != nil {
		cut(stream)
		return nil, d.failed(err)
	}
	c := newConn(stream, asking.unread, clientInfo(t, stream, through), true)
	if compressed {
		c.useCompression(shared)
	}
	return c, nil
}

func (d *dialer) failed(err error) error {
	return &opError{"dial " + strconv.Quote(d.url), err}
}

// connect makes the connection. The HTTP client does not make it, because it would go on
// after the context has ended. through is the address of the proxy, or empty.
func (d *dialer) connect(ctx context.Context, t target, parsed *url.URL) (stream net.Conn, through string, err error) {
	via, err := d.proxyFor(t, parsed)
	if err != nil {
		return nil, "", err
	}
	addr := t.address()
	if via != nil {
		addr = via.address()
	}
	stream, err = d.dial(ctx, "tcp", addr)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // the deadline of ctx, which the socket noticed first
		return nil, "", context.DeadlineExceeded
	case err != nil && via != nil:
		return nil, "", fmt.Errorf("proxy %q: %w", addr, err)
	case err != nil:
		return nil, "", err
	case stream == nil:
		return nil, "", errors.New("DialContext gave neither a connection nor an error")
	}
	d.send.Apply(stream) //nolint:errcheck // if it fails the peer has gone, and the handshake fails too
	if via != nil {
		through = socket.RawAddr(stream.RemoteAddr())
		if stream, err = via.open(ctx, stream, d.tls, t.address()); err != nil {
			return nil, "", fmt.Errorf("proxy %q: %w", addr, err)
		}
	}
	if t.secure {
		stream, err = secure(ctx, stream, d.tls, t.address(), "http/1.1")
	}
	return stream, through, err
}

// secure puts TLS on a stream. If that fails, it closes the stream.
func secure(ctx context.Context, stream net.Conn, config *tls.Config, addr string, protos ...string) (net.Conn, error) {
	if config = config.Clone(); config == nil {
		config = &tls.Config{}
	}
	if config.ServerName == "" {
		host, _, _ := net.SplitHostPort(addr)
		config.ServerName, _, _ = strings.Cut(host, "%") // a certificate names no zone
	}
	config.NextProtos = protos
	conn := tls.Client(stream, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		cut(stream)
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

func clientInfo(t target, stream net.Conn, through string) transport.Info {
	info := transport.Info{
		Transport: t.transport(),
		Local:     socket.LocalAddr(stream.LocalAddr()),
		Remote:    socket.LocalAddr(stream.RemoteAddr()),
		Proxy:     through,
	}
	if through != "" {
		info.Remote = t.address()
	}
	if conn, ok := stream.(*tls.Conn); ok && t.secure {
		info.HandshakeFunc = func() any {
			state := conn.ConnectionState()
			return &state
		}
	}
	return info
}
