package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// A Site says where [Serve] listens, and what browsers find there. Serve fails if it has no address and no
// listener.
type Site struct {
	// TCP is the address for native clients and Python programs, in the form of [tcp.Listen]. Empty
	// means that Serve opens no TCP port for them.
	TCP string

	// HTTP is the address for browsers, "host:port", for their WebSockets, the bundle and the pages.
	// Empty means that Serve opens no HTTP port.
	HTTP string

	// HTTPListener is used in place of HTTP if the program has a socket already, such as a socket from systemd.
	// Only one of them may be set. Serve closes HTTPListener and Listeners.
	HTTPListener net.Listener

	// Listeners are further listeners that Serve serves.
	Listeners []transport.Listener

	// TLS, if set, makes TCP and HTTP speak TLS. It must have a certificate. Native clients and
	// browsers that connect without TLS are refused then.
	TLS *tls.Config

	// TCPOptions and WSOptions are the other options of the listeners: keep-alive, origins, proxies. If
	// TCPOptions.TLS is nil, the field TLS above counts for TCP.
	TCPOptions *tcp.Options
	WSOptions  *ws.Options

	// Path is the path of the WebSocket listener. Empty means "/ws".
	Path string

	// Bundle is a bundle that has been built before, such as a bundle from package embed. Serve serves it below
	// "/hisock/". Only one of Bundle and Build may be set.
	Bundle fs.FS

	// Build, if set, is a folder in which Serve makes the bundle with [Build] before it serves browsers.
	// Native clients are served meanwhile. Serve serves the bundle below "/hisock/".
	Build        string
	BuildOptions *BuildOptions

	// Files are served below "/"; index.html is the page at "/" itself. Handler answers all
	// requests that the fields above do not answer. Only one of Files and Handler may be set.
	Files   fs.FS
	Handler http.Handler

	// Health is the path of a health check, such as "/healthz". It is answered with 200 while the
	// server serves, and with 503 from the moment at which it begins to shut down. Empty means that there is none.
	Health string

	// ShutdownTimeout is how long the shutdown may take, including running handlers and goodbyes.
	// Zero means 15 s. Negative means no limit.
	ShutdownTimeout time.Duration

	// Ready, if set, is called once everything is served, on the goroutine of Serve. urls are the addresses with
	// the real ports, such as "tcp://127.0.0.1:6969" and "http://127.0.0.1:8080", or "tls://" and "https://" with
	// TLS, and Addr of each of Listeners.
	Ready func(urls []string)
}

const (
	bundlePath             = "/hisock/"
	defaultSocketPath      = "/ws"
	defaultShutdownTimeout = 15 * time.Second
)

// Serve listens where site says and serves srv there until ctx ends. Then it shuts srv down in
// order and returns nil, or an error if not everything has ended within ShutdownTimeout. It shuts down and returns earlier
// with an error if an address cannot be listened on, the bundle cannot be built or read,
// or a listener fails for good. It returns nil if srv is shut down elsewhere.
//
// Register handlers before Serve. The contexts of handlers have the values of ctx, but do not end with it. Serve
// listens on all addresses first, so it fails at once if an address is in use. A program can do the same with
// [core.Server.Serve], [NewServer] and [Handler].
func Serve(ctx context.Context, srv *core.Server, site *Site) error {
	switch {
	case srv == nil:
		return errors.New("web: Serve without a server")
	case site == nil: // which would listen nowhere
		site = &Site{}
	}
	if ctx == nil {
		ctx = context.Background()
	}
	s := serving{srv: srv, ended: make(chan error)}
	defer s.closeAll()
	if err := s.listen(site); err != nil {
		return errors.Join(err, s.shutdown(ctx, site.ShutdownTimeout))
	}
	var err error
	for _, l := range s.native {
		s.run(func() error { return s.serve(ctx, l) })
	}
	if s.http != nil {
		err = s.serveHTTP(ctx, site)
	}
	if err == nil {
		if site.Ready != nil {
			site.Ready(s.urls)
		}
		select {
		case <-ctx.Done():
		case err = <-s.ended:
			s.running--
		}
	} else if ctx.Err() != nil {
		err = nil // ctx has ended while Serve built the bundle
	}
	return errors.Join(err, s.shutdown(ctx, site.ShutdownTimeout))
}

// A serving is the state of one Serve.
type serving struct {
	srv     *core.Server
	native  []transport.Listener
	http    net.Listener // nil if browsers are not served
	site    *http.Server // server of http; nil until it serves
	urls    []string
	over    atomic.Bool // the shutdown has begun; the health check answers 503
	ended   chan error  // results of the goroutines that serve
	running int         // goroutines that will send to ended
}

// listen opens all sockets. closeAll closes them and the listeners of the site, also if listen has failed.
func (s *serving) listen(site *Site) error {
	if site.HTTPListener != nil {
		s.http = &closedOnce{Listener: site.HTTPListener}
	}
	for _, l := range site.Listeners {
		if l == nil {
			return errors.New("web: one of the Listeners of a Site is nil")
		}
		s.native = append(s.native, l)
		s.urls = append(s.urls, l.Addr())
	}
	if site.TLS != nil && len(site.TLS.Certificates) == 0 && site.TLS.GetCertificate == nil && site.TLS.GetConfigForClient == nil {
		return errors.New("web: the TLS configuration of a Site has no certificate")
	}
	if site.Files != nil && site.Handler != nil {
		return errors.New("web: a Site has Files or a Handler, not both")
	}
	if site.Bundle != nil && site.Build != "" {
		return errors.New("web: a Site has a Bundle or builds one, not both")
	}
	if site.TCP != "" {
		opts := tcp.Options{}
		if site.TCPOptions != nil {
			opts = *site.TCPOptions
		}
		scheme := "tcp://"
		if opts.TLS == nil {
			opts.TLS = site.TLS
		}
		if opts.TLS != nil {
			scheme = "tls://"
		}
		l, err := tcp.Listen(site.TCP, &opts)
		if err != nil {
			return fmt.Errorf("web: listening for native clients: %w", err)
		}
		s.native = append(s.native, l)
		s.urls = append(s.urls, scheme+l.Addr())
	}
	if site.HTTP != "" {
		if s.http != nil {
			return errors.New("web: a Site has an HTTP address or an HTTPListener, not both")
		}
		l, err := net.Listen("tcp", site.HTTP)
		if err != nil {
			return fmt.Errorf("web: listening for browsers: %w", err)
		}
		s.http = l
	}
	if s.http != nil {
		scheme := "http://"
		if site.TLS != nil {
			scheme = "https://"
		}
		s.urls = append(s.urls, scheme+s.http.Addr().String())
	}
	if len(s.urls) == 0 {
		return errors.New("web: a Site without an address or a listener")
	}
	return nil
}

// serveHTTP builds the bundle if the site says so, and begins to serve browsers.
func (s *serving) serveHTTP(ctx context.Context, site *Site) error {
	browsers, err := ws.NewListener(site.WSOptions)
	if err != nil {
		return err
	}
	s.native = append(s.native, browsers)
	mux, err := s.mux(ctx, site, browsers)
	if err != nil {
		return err
	}
	s.site = NewServer(mux)
	s.site.TLSConfig = site.TLS
	s.run(func() error { return s.serve(ctx, browsers) })
	s.run(func() error {
		serve := s.site.Serve
		if site.TLS != nil {
			serve = func(l net.Listener) error { return s.site.ServeTLS(l, "", "") }
		}
		err := serve(s.http)
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	})
	return nil
}

// serve serves a listener until it is closed, the server has been shut down, or it fails.
func (s *serving) serve(ctx context.Context, l transport.Listener) error {
	err := s.srv.Serve(context.WithoutCancel(ctx), l)
	if core.CodeOf(err) == core.CodeShutdown {
		return nil // the program has shut the server down
	}
	return err
}

// mux returns the handler of all paths of the site. It builds the bundle if the site says so.
func (s *serving) mux(ctx context.Context, site *Site, browsers http.Handler) (http.Handler, error) {
	bundle := site.Bundle
	if site.Build != "" {
		if err := Build(ctx, site.Build, site.BuildOptions); err != nil {
			return nil, err
		}
		bundle = os.DirFS(site.Build)
	}
	mux := http.NewServeMux()
	path := site.Path
	if path == "" {
		path = defaultSocketPath
	}
	if err := handle(mux, path, browsers); err != nil {
		return nil, err
	}
	if bundle != nil {
		h, err := Handler(bundle)
		if err != nil {
			return nil, err
		}
		if err := handle(mux, bundlePath, http.StripPrefix(bundlePath, h)); err != nil {
			return nil, err
		}
	}
	if site.Health != "" {
		if err := handle(mux, site.Health, http.HandlerFunc(s.health)); err != nil {
			return nil, err
		}
	}
	switch {
	case site.Files != nil:
		mux.Handle("/", http.FileServerFS(site.Files))
	case site.Handler != nil:
		mux.Handle("/", site.Handler)
	}
	return mux, nil
}

// handle registers h. A ServeMux panics if a path is malformed or already registered; handle returns an error.
func handle(mux *http.ServeMux, path string, h http.Handler) (err error) {
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("web: the path %q of a Site: %v", path, why)
		}
	}()
	if !strings.HasPrefix(path, "/") || path == "/" {
		return fmt.Errorf("web: the path %q of a Site does not begin with a slash and go on", path)
	}
	mux.Handle(path, h)
	return nil
}

func (s *serving) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if s.over.Load() {
		http.Error(w, "shutting down", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok") //nolint:errcheck // the client has gone
}

// run starts a goroutine that calls f. shutdown waits for its end.
func (s *serving) run(f func() error) {
	s.running++
	go func() { s.ended <- f() }()
}

// shutdown shuts the servers down and waits for the goroutines of run. It returns the errors of all of them.
func (s *serving) shutdown(ctx context.Context, timeout time.Duration) error {
	s.over.Store(true)
	ctx = context.WithoutCancel(ctx)
	if timeout == 0 {
		timeout = defaultShutdownTimeout
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	// The health check is answered until the clients have gone.
	err := s.srv.Shutdown(ctx)
	if s.site != nil {
		err = errors.Join(err, s.site.Shutdown(ctx))
		s.site.Close() //nolint:errcheck // it cuts the remaining connections
	}
	s.closeAll()
	for ; s.running > 0; s.running-- {
		err = errors.Join(err, <-s.ended)
	}
	return err
}

// A closedOnce is the HTTPListener of a site. Both the HTTP server and closeAll close it, and not every listener may
// be closed twice.
type closedOnce struct {
	net.Listener
	once sync.Once
	err  error
}

func (l *closedOnce) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

// closeAll closes all listeners. It may be called again.
func (s *serving) closeAll() {
	for _, l := range s.native {
		l.Close()
	}
	if s.http != nil {
		s.http.Close()
	}
}
