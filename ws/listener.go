//go:build !js

package ws

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/hisock/hisock/transport"
)

// Options are those of a [Listener].
type Options struct {
	// Origins lists the origins whose pages may connect, as browsers send
	// them: "https://example.com", with the port unless it is the scheme's. If there
	// are any, only these may, and "*" stands for all and "null" for pages without an
	// origin. If there are none, the pages of the host that the request is for may;
	// on a loopback address only if that host is localhost, an IP address or
	// one of Hosts. Requests without an Origin header do not come from browsers
	// and are let in.
	Origins []string

	// Hosts lists what the Host header may say: "example.com" for any port or
	// "example.com:8443". If there are none it may say anything, which Origins makes
	// safe for browsers. A server on a private network whose names are known should
	// list them, or Origins: see DNS rebinding.
	Hosts []string

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
	Status int    // as answered; 101 if the connection was made and then closed with code 1001
	Reason string // one line of at most 400 bytes, with everything from the peer quoted and no query of a URL
}

func (e *RejectError) Error() string {
	return "ws: handshake refused with status " + strconv.Itoa(e.Status) + ": " + e.Reason
}

func forbidden(reason string) *RejectError {
	return &RejectError{http.StatusForbidden, reason}
}

func unavailable(reason string) *RejectError {
	return &RejectError{http.StatusServiceUnavailable, reason}
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
	opts  Options
	admit admission

	told      atomic.Pointer[func(remote string, err error)]
	slots     chan struct{} // one element per handshake; nil without a bound
	conns     chan transport.Conn
	closed    chan struct{}
	closeOnce sync.Once
}

var (
	_ transport.Listener = (*Listener)(nil)
	_ transport.Rejecter = (*Listener)(nil)
)

// NewListener makes a listener. nil options mean the defaults. It fails if Origins or
// Hosts hold something that can never match.
func NewListener(opts *Options) (*Listener, error) {
	o := opts.withDefaults()
	admit, err := newAdmission(o.Origins, o.Hosts)
	if err != nil {
		return nil, err
	}
	l := &Listener{
		opts:   o,
		admit:  admit,
		conns:  make(chan transport.Conn),
		closed: make(chan struct{}),
	}
	l.opts.Origins, l.opts.Hosts = nil, nil
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
	err := l.serve(w, r)
	if err == nil {
		return
	}
	l.opts.OnReject(r, err)
	if f := l.told.Load(); f != nil {
		(*f)(r.RemoteAddr, err)
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

func (l *Listener) serve(w http.ResponseWriter, r *http.Request) error {
	if err := l.begin(r); err != nil {
		http.Error(w, err.Reason, err.Status)
		return err
	}
	defer l.end()

	up := &upgrade{ResponseWriter: w}
	if err := acceptHandshake(up, r); err != nil {
		return &RejectError{up.status, short(err.Error(), 256)}
	}
	c := newConn(up.stream, up.unread, serverInfo(r), false)
	select {
	case l.conns <- c:
		return nil
	case <-l.closed:
	case <-r.Context().Done():
	}
	c.end(&CloseError{Code: codeGoingAway}, errWriteEnded, false)
	c.Close()
	return &RejectError{up.status, "nobody accepted the connection"}
}

// begin takes a slot unless r is refused.
func (l *Listener) begin(r *http.Request) *RejectError {
	select {
	case <-l.closed:
		return unavailable("the listener is closed")
	default:
	}
	if l.opts.MaxHeader > 0 && headerSize(r) > l.opts.MaxHeader {
		return &RejectError{http.StatusRequestHeaderFieldsTooLarge, "the request's header is too large"}
	}
	if err := l.admit.check(r); err != nil {
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
func serverInfo(r *http.Request) transport.Info {
	kept := r.WithContext(context.WithoutCancel(r.Context()))
	kept.Body = http.NoBody
	handshake := &Handshake{Request: kept}
	info := transport.Info{
		Transport:     target{secure: r.TLS != nil}.transport(),
		HandshakeFunc: func() any { return handshake },
	}
	return info
}
