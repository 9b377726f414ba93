//go:build !js

package ws

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/proxy"
	"github.com/hisock/hisock/transport/socket"
)

// Options are the options of a [Listener]. [NewListener] copies them: a later change has no effect.
type Options struct {
	// Origins lists the origins whose pages may connect, as browsers send
	// them: "https://example.com", with the port unless it is the scheme's default port. An entry may have a
	// wildcard for all names below a name ("https://*.example.com", which does not include the name
	// itself) or for all ports ("http://localhost:*"). "self" stands for pages of the host to which
	// the request is sent, "*" for all pages, and "null" for pages without an origin. If Origins has
	// entries, only these pages may connect. An empty list means "self".
	//
	// On a loopback address, "self" covers only localhost, IP addresses, names in Hosts, and requests that
	// come through one of Proxies. Requests without an Origin header do not come from browsers
	// and are let in.
	Origins []string

	// AllowOrigin, if set, decides about pages that Origins does not let in: true lets the page in.
	// origin has the form of an entry of Origins, in lower case.
	// Requests with a malformed Origin, or with a Host that Hosts does not list, are refused before. AllowOrigin
	// runs on the goroutine of the request, so several calls may run at once. It must not change r.
	AllowOrigin func(r *http.Request, origin string) bool

	// Hosts lists the allowed values of the Host header: "example.com" for any port, or
	// "example.com:8443". An empty list allows all values, which Origins makes
	// safe for browsers. A server on a private network whose names are known should
	// list them, or list Origins, because of DNS rebinding. For a request through one of Proxies, the
	// host that the proxy says the client has asked for counts instead, if the proxy says it.
	Hosts []string

	// Proxies are the trusted reverse proxies and load balancers:
	// addresses ("192.0.2.1"), networks ("10.0.0.0/8"), and "unix" for all peers of a
	// Unix socket. For a request from one of them, the client's address is the last address in
	// ProxyHeader that is not itself one of Proxies. It counts for [transport.Info], the log and limits by
	// address. The host for which the client has asked (X-Forwarded-Host, or host in Forwarded) counts for
	// Origins and Hosts. These headers are not read in requests from other peers. If ProxyHeader is
	// malformed, the request is answered with 400. Clients that reach the port without the proxy must not
	// have one of these addresses.
	//
	// If no trusted proxy names the client, its address is [http.Request.RemoteAddr], also if
	// middleware has changed it.
	Proxies []string

	// ProxyHeader is the header in which Proxies name the client: X-Forwarded-For, Forwarded
	// (RFC 7239) or X-Real-IP. Only this header is read, because proxies pass on the others as
	// clients send them. Empty means X-Forwarded-For.
	ProxyHeader string

	// SendBuffer is the size, in bytes, of the system's buffer for bytes that were written and that the peer
	// has not received yet (SO_SNDBUF). The system may round it. Zero leaves the size to the system. It has
	// no effect on a connection that is no TCP socket, or hides its socket.
	SendBuffer int

	// UnsentBytes is how many bytes may wait unsent in the send buffer before a write
	// waits (TCP_NOTSENT_LOWAT). With a small value, such as 16 KiB, frames that
	// the peer cannot take yet stay in the queue of package core, where they can still be
	// replaced or dropped, instead of growing old in the kernel. The price is that many small
	// writes over a fast path take up to twice as long. Zero leaves the value to the system. Linux and macOS
	// have this setting. On other systems NewListener fails with [errors.ErrUnsupported].
	UnsentBytes int

	// Backlog is how many handshakes may be under way or wait for Accept. Further requests are
	// answered with 503. Zero means 128. Negative means no bound.
	Backlog int

	// MaxHeader is the greatest size of a request's header, in bytes: the URL, and each
	// line with 64 bytes added, which is about what a line takes in memory besides its text. Every
	// connection keeps its request. Requests with a larger header are answered with 431. Zero means 32 KiB.
	// Negative means that only the HTTP server bounds it.
	MaxHeader int

	// Compression, if set, lets messages of clients that offer compression be compressed, and messages to them.
	// All browsers offer it. Nil means that no message is compressed.
	Compression *Compression

	// Addr is the result of [Listener.Addr], such as "ws://127.0.0.1:8080/ws".
	// Empty means "ws".
	Addr string

	// OnReject, if set, is called for every request that did not become a connection. err is a
	// [*RejectError]. The server that serves the listener logs the address, status and reason too. OnReject
	// runs on the goroutine of the request, so several calls may run at once. It must not change r.
	OnReject func(r *http.Request, err error)
}

func (o *Options) withDefaults() Options {
	var d Options
	if o != nil {
		d = *o
	}
	if d.Backlog == 0 {
		d.Backlog = 128
	}
	if d.MaxHeader == 0 {
		d.MaxHeader = 32 << 10
	}
	if d.Addr == "" {
		d.Addr = "ws"
	}
	if d.OnReject == nil {
		d.OnReject = func(*http.Request, error) {}
	}
	return d
}

// A RejectError says why a request did not become a connection.
type RejectError struct {
	Status int    // HTTP status of the answer; 101 if the WebSocket was made and then closed
	Reason string // one line of at most 600 bytes, with all text from the peer quoted and without the query of a URL

	tell bool // a page may be told why
}

func (e *RejectError) Error() string {
	return "ws: handshake refused with status " + strconv.Itoa(e.Status) + ": " + e.Reason
}

// maxReject is the greatest length, in bytes, of RejectError.Reason.
const maxReject = 600

// reject returns the error for a request that is answered with that status. Every RejectError is made here.
func reject(status int, reason string) *RejectError {
	return &RejectError{Status: status, Reason: short(reason, maxReject-len("…"))}
}

func forbidden(reason string) *RejectError { return reject(http.StatusForbidden, reason) }

// foreign returns the error for a page that may not connect and may be told why.
func foreign(reason string) *RejectError {
	e := forbidden(reason)
	e.tell = true
	return e
}

func unavailable(reason string) *RejectError { return reject(http.StatusServiceUnavailable, reason) }

// A Listener turns HTTP requests into connections. It is a [transport.Listener], and an [http.Handler] for
// the path at which clients connect. It may be mounted on any number of servers. Its methods
// are safe for concurrent use.
//
// A Listener takes connections over from the HTTP server, whose timeouts and Shutdown
// do not reach them any more. [http.Server.ReadHeaderTimeout] bounds how long a client may take to send its
// request, and [http.Server.MaxHeaderBytes] bounds the memory for it meanwhile.
type Listener struct {
	opts    Options
	admit   admission
	proxies proxy.Trust
	send    socket.Send

	compression *sharedCompression // nil for none

	told      atomic.Pointer[func(remote string, err error)]
	say       atomic.Pointer[func(reason string) []byte]
	slots     chan struct{} // one element for each handshake; nil without a bound
	refusing  chan struct{} // one element for each page that is being told why it is refused
	conns     chan transport.Conn
	closed    chan struct{}
	closeOnce sync.Once
}

var (
	_ transport.Listener = (*Listener)(nil)
	_ transport.Rejecter = (*Listener)(nil)
	_ transport.Refuser  = (*Listener)(nil)
)

// NewListener makes a listener. Nil options mean the defaults. It fails if an option is invalid: an
// origin or host that can never match, a proxy that is no address or network, a setting that the system does
// not have, a threshold below zero.
func NewListener(opts *Options) (*Listener, error) {
	l := &Listener{
		opts:     opts.withDefaults(),
		refusing: make(chan struct{}, maxRefusing),
		conns:    make(chan transport.Conn),
		closed:   make(chan struct{}),
	}
	l.send = socket.Send{Buffer: l.opts.SendBuffer, Unsent: l.opts.UnsentBytes}
	err := checkSend(l.send)
	if err == nil {
		l.proxies, err = l.opts.newTrust()
	}
	if err == nil {
		l.admit, err = newAdmission(&l.opts)
	}
	if err == nil {
		l.compression, err = l.opts.Compression.share()
	}
	if l.compression != nil {
		l.compression.recent = &recent{}
	}
	if err != nil {
		return nil, err
	}
	l.opts.Origins, l.opts.Hosts, l.opts.Proxies, l.opts.Compression = nil, nil, nil, nil
	if l.opts.Backlog > 0 {
		l.slots = make(chan struct{}, l.opts.Backlog)
	}
	return l, nil
}

// Accept implements [transport.Listener].
func (l *Listener) Accept() (transport.Conn, error) {
	select {
	case <-l.closed:
	default:
		select {
		case c := <-l.conns:
			return c, nil
		case <-l.closed:
		}
	}
	return nil, &opError{"accept", transport.ErrClosed}
}

// Close makes Accept fail. From then on requests are answered with 503, and connections that
// wait for Accept are closed with code 1001. Close does not touch the HTTP server, and may be called again.
func (l *Listener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return nil
}

// Addr returns [Options.Addr]: the listener does not know the sockets of the HTTP server.
func (l *Listener) Addr() string { return l.opts.Addr }

// ServeHTTP makes a connection from the request and waits until Accept has taken it. If
// the listener is closed or the request's context ends before that, the connection is
// closed with code 1001.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from, err := l.visitorOf(r)
	if err == nil {
		err = l.serve(w, r, from)
	} else {
		http.Error(w, err.Reason, err.Status)
	}
	if err == nil {
		return
	}
	l.opts.OnReject(r, err)
	if f := l.told.Load(); f != nil {
		(*f)(from.remote, err)
	}
}

// TellRejected implements [transport.Rejecter]: the server that serves the listener logs the
// requests that are refused. [Options.OnReject] is called too.
func (l *Listener) TellRejected(f func(remote string, err error)) {
	if f == nil {
		l.told.Store(nil)
		return
	}
	l.told.Store(&f)
}

func (l *Listener) serve(w http.ResponseWriter, r *http.Request, from visitor) *RejectError {
	if err := l.begin(r, from); err != nil {
		if !err.tell || !l.tellPage(w, r, err) {
			http.Error(w, err.Reason, err.Status)
		}
		return err
	}
	defer l.end()

	up := &upgrade{ResponseWriter: w}
	if l.compression != nil {
		agreed, ok := answerOffers(r.Header.Values(extensionsHeader))
		if !ok {
			err := reject(http.StatusBadRequest, "malformed "+extensionsHeader)
			http.Error(w, err.Reason, err.Status)
			return err
		}
		up.agreed = agreed
	}
	if err := acceptHandshake(up, r); err != nil {
		return reject(up.status, short(err.Error(), 256))
	}
	l.send.Apply(up.stream) //nolint:errcheck // if it fails the peer has gone, and the first read fails too
	c := newConn(up.stream, up.unread, serverInfo(r, from, up.stream), false)
	if up.agreed != "" {
		c.useCompression(l.compression)
	}
	select {
	case l.conns <- c:
		return nil
	case <-l.closed:
	case <-r.Context().Done():
	}
	c.end(&CloseError{Code: codeGoingAway}, errWriteEnded, false)
	c.Close()
	return reject(up.status, "nobody accepted the connection")
}

// begin takes a slot unless r is refused.
func (l *Listener) begin(r *http.Request, from visitor) *RejectError {
	select {
	case <-l.closed:
		return unavailable("the listener is closed")
	default:
	}
	if l.opts.MaxHeader > 0 && headerSize(r) > l.opts.MaxHeader {
		return reject(http.StatusRequestHeaderFieldsTooLarge, "the request's header is too large")
	}
	if err := l.admit.check(r, from); err != nil {
		return err
	}
	if l.slots == nil {
		return nil
	}
	select {
	case l.slots <- struct{}{}:
		return nil
	default:
		return unavailable("too many handshakes are waiting")
	}
}

// headerSize returns the size of r's header as [Options.MaxHeader] counts it, in bytes: about the memory
// that a conn keeps for r.
func headerSize(r *http.Request) int {
	const line = 64
	size := len(r.Method) + len(r.RequestURI) + len(r.Host)
	for name, values := range r.Header {
		for _, v := range values {
			size += len(name) + len(v) + line
		}
	}
	return size
}

func (l *Listener) end() {
	if l.slots != nil {
		<-l.slots
	}
}

// serverInfo returns the Info of a server's connection. It keeps the request with the values of its context,
// and without its body and the end of its context.
func serverInfo(r *http.Request, from visitor, stream net.Conn) transport.Info {
	kept := r.WithContext(context.WithoutCancel(r.Context()))
	kept.Body = http.NoBody
	handshake := &Handshake{Request: kept}
	info := transport.Info{
		Transport:     target{secure: r.TLS != nil}.transport(),
		Local:         socket.LocalAddr(stream.LocalAddr()),
		Remote:        from.remote,
		Proxy:         from.proxy,
		HandshakeFunc: func() any { return handshake },
	}
	switch peer := stream.RemoteAddr(); {
	case info.Remote == "":
		info.Remote = socket.RawAddr(peer)
	case info.Proxy == "" && r.RemoteAddr != socket.RawAddr(peer): // middleware has set the client's address
		info.Proxy = socket.LocalAddr(peer)
	}
	return info
}
