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

// Options are those of a [Listener].
type Options struct {
	// Origins lists the origins whose pages may connect, as browsers send
	// them: "https://example.com", with the port unless it is the scheme's. With a wildcard
	// an entry stands for all names below one, "https://*.example.com", but not for that
	// one, or for all ports, "http://localhost:*". "self" stands for the pages of the host that
	// the request is for, "*" for all pages, and "null" for pages without an origin. If there are
	// any entries, only these may connect; none are the same as "self".
	//
	// "self" on a loopback address is only for localhost, an IP address, one of Hosts, and what
	// comes through one of Proxies. Requests without an Origin header do not come from browsers
	// and are let in.
	Origins []string

	// AllowOrigin, if set, is asked about the pages that Origins do not let in, and lets in those for
	// which it returns true. origin is in the form in which Origins have it, in lower case.
	// Requests with a malformed Origin or with a Host that Hosts do not have are refused before. It
	// runs on the goroutine of the request, which it must not change.
	AllowOrigin func(r *http.Request, origin string) bool

	// Hosts lists what the Host header may say: "example.com" for any port or
	// "example.com:8443". If there are none it may say anything, which Origins makes
	// safe for browsers. A server on a private network whose names are known should
	// list them, or Origins: see DNS rebinding. Behind one of Proxies it is the host that the
	// proxy says the client has asked for, if the proxy does.
	Hosts []string

	// Proxies are the reverse proxies and load balancers whose word about the client is taken:
	// addresses ("192.0.2.1"), networks ("10.0.0.0/8"), and "unix" for all who come through a
	// Unix socket. The client's address is that from which the last of them was reached, as
	// ProxyHeader says; it counts for [transport.Info], the log and limits by address, and so
	// does the host that it has asked for (X-Forwarded-Host, or host in Forwarded) for Origins
	// and Hosts. The headers of anybody else are not read, and a request with a
	// malformed one is answered with 400. Clients that reach the port without the proxy must not
	// have one of these addresses.
	//
	// Without a word of a proxy the client's address is [http.Request.RemoteAddr], also where
	// middleware has changed it.
	Proxies []string

	// ProxyHeader is the header in which Proxies name the client: X-Forwarded-For, Forwarded
	// (RFC 7239) or X-Real-IP. Only that one is read, since proxies pass on the others as
	// clients send them. Empty means X-Forwarded-For.
	ProxyHeader string

	// SendBuffer is the size of the system's buffer for what has been written and not yet been
	// received by the peer (SO_SNDBUF), in bytes, of which the system may make
	// another. Zero leaves it to the system. It has no effect on what is no TCP socket, or hides it.
	SendBuffer int

	// UnsentBytes is how many bytes may wait in the send buffer that the system has not
	// sent yet, before a write waits (TCP_NOTSENT_LOWAT). A small value, such as 16 KiB, leaves what
	// the peer cannot take yet in the queue of the core, where it can still be
	// replaced or dropped, instead of letting it grow old in the kernel. The price is that many small
	// writes over a quick path take up to twice as long. Zero leaves it to the system. Linux and macOS have this; elsewhere NewListener fails with [errors.ErrUnsupported].
	UnsentBytes int

	// Backlog is how many handshakes may be under way or wait for Accept; more are
	// answered with 503. Zero means 128. Negative means no bound.
	Backlog int

	// MaxHeader is how large the header of a request may be, in bytes: its URL and its
	// lines, and 64 for each of those, about what they take in memory besides. Every
	// conn keeps its request. Larger ones are answered with 431. Zero means 32 KiB.
	// Negative means no bound but the server's.
	MaxHeader int

	// Addr is what [Listener.Addr] returns, such as "ws://127.0.0.1:8080/ws".
	// Empty means "ws".
	Addr string

	// OnReject is told of every handshake that came to nothing, if it is set. The logger of the
	// server that serves the listener is told too, of the address, status and reason. It runs on
	// the goroutine of the request, which it must not change. err is a
	// [*RejectError].
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

// A RejectError is why a handshake came to nothing.
type RejectError struct {
	Status int    // as answered; 101 if the connection was made and then closed
	Reason string // one line of at most 400 bytes, with everything from the peer quoted and no query of a URL

	tell bool // a page may be told why
}

func (e *RejectError) Error() string {
	return "ws: handshake refused with status " + strconv.Itoa(e.Status) + ": " + e.Reason
}

func forbidden(reason string) *RejectError {
	return &RejectError{Status: http.StatusForbidden, Reason: reason}
}

// foreign is why a page may not connect, which it is told.
func foreign(reason string) *RejectError {
	return &RejectError{Status: http.StatusForbidden, Reason: reason, tell: true}
}

func unavailable(reason string) *RejectError {
	return &RejectError{Status: http.StatusServiceUnavailable, Reason: reason}
}

// A Listener turns requests into connections: it is an [http.Handler] to mount where
// clients connect, on any number of servers, and a [transport.Listener]. Its methods
// may be called by several goroutines at once.
//
// It takes connections over from the HTTP server, whose timeouts and Shutdown
// no longer reach them. How long a client may take to send its request is up to
// [http.Server.ReadHeaderTimeout], and what that costs meanwhile to
// [http.Server.MaxHeaderBytes].
type Listener struct {
	opts    Options
	admit   admission
	proxies proxy.Trust
	send    socket.Send

	told      atomic.Pointer[func(remote string, err error)]
	say       atomic.Pointer[func(reason string) []byte]
	slots     chan struct{} // one element per handshake; nil without a bound
	refusing  chan struct{} // one element per page that is being told why it is refused
	conns     chan transport.Conn
	closed    chan struct{}
	closeOnce sync.Once
}

var (
	_ transport.Listener = (*Listener)(nil)
	_ transport.Rejecter = (*Listener)(nil)
	_ transport.Refuser  = (*Listener)(nil)
)

// NewListener makes a listener. nil options mean the defaults. It fails for options that cannot
// be: origins or hosts that can never match, what is no address of a proxy, what the system cannot.
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
	if err != nil {
		return nil, err
	}
	l.opts.Origins, l.opts.Hosts, l.opts.Proxies = nil, nil, nil
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

// Close makes Accept fail. Requests are answered with 503 from then on, and those
// waiting for Accept are closed with code 1001. It does not touch the HTTP server.
func (l *Listener) Close() error {
	l.closeOnce.Do(func() { close(l.closed) })
	return nil
}

// Addr is [Options.Addr]: the sockets are those of the HTTP server.
func (l *Listener) Addr() string { return l.opts.Addr }

// ServeHTTP makes a connection of the request and waits until Accept has taken it. If
// the listener is closed or the request's context ends before, the connection is
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

// TellRejected implements [transport.Rejecter]: a server that serves the listener logs who is
// turned away. It changes nothing about [Options.OnReject].
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
	if err := acceptHandshake(up, r); err != nil {
		return &RejectError{Status: up.status, Reason: short(err.Error(), 256)}
	}
	l.send.Apply(up.stream) //nolint:errcheck // the peer has gone, which the first read finds
	c := newConn(up.stream, up.unread, serverInfo(r, from, up.stream), false)
	select {
	case l.conns <- c:
		return nil
	case <-l.closed:
	case <-r.Context().Done():
	}
	c.end(&CloseError{Code: codeGoingAway}, errWriteEnded, false)
	c.Close()
	return &RejectError{Status: up.status, Reason: "nobody accepted the connection"}
}

// begin takes a slot unless r is refused.
func (l *Listener) begin(r *http.Request, from visitor) *RejectError {
	select {
	case <-l.closed:
		return unavailable("the listener is closed")
	default:
	}
	if l.opts.MaxHeader > 0 && headerSize(r) > l.opts.MaxHeader {
		return &RejectError{Status: http.StatusRequestHeaderFieldsTooLarge, Reason: "the request's header is too large"}
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

// headerSize is about how much of r a conn keeps, as [Options.MaxHeader] counts it.
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

// serverInfo keeps of the request what a server may ask for, the values of its context
// included, but not its body nor the end of its context.
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
	case info.Proxy == "" && r.RemoteAddr != socket.RawAddr(peer): // middleware knows better
		info.Proxy = socket.LocalAddr(peer)
	}
	return info
}
