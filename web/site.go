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

// A Site says where [Serve] listens, and what browsers find there. The zero value listens nowhere,
// which is an error.
type Site struct {
	// TCP is the address for native clients and Python programs, as [tcp.Listen] takes it. Empty
	// means none.
	TCP string

	// HTTP is the address for browsers, "host:port": of their WebSockets, the bundle and the pages.
	// Empty means none.
	HTTP string

	// HTTPListener takes the place of HTTP where the socket comes from elsewhere, such as systemd.
	// Serve closes it, and so it does the Listeners.
	HTTPListener net.Listener

	// Listeners are served too, whatever their medium.
	Listeners []transport.Listener

	// TLS, if set, makes TCP and HTTP speak TLS; it needs a certificate. Native clients and
	// browsers that come without TLS are not understood then.
	TLS *tls.Config

	// TCPOptions and WSOptions say the rest of how to listen: keep-alive, origins, proxies. TLS of
	// TCPOptions is TLS above unless it is set.
	TCPOptions *tcp.Options
	WSOptions  *ws.Options

	// Path is where WebSockets are made. Empty means "/ws".
	Path string

	// Bundle is a bundle that has been built, such as one from package embed. It is found below
	// "/hisock/", and so is one that is built.
	Bundle fs.FS

	// Build, if set, is the folder that [Build] builds the bundle in before browsers are served.
	// Native clients are served meanwhile.
	Build        string
	BuildOptions *BuildOptions

	// Files are found below "/": index.html is the page at "/" itself. Handler answers all
	// requests that nothing above answers. Only one of them may be set.
	Files   fs.FS
	Handler http.Handler

	// Health is the path of a health check, such as "/healthz": it is answered with 200 while the
	// server serves, and with 503 from the moment at which it begins to shut down. Empty means none.
	Health string

	// ShutdownTimeout is how long the end may take, handlers that run and the goodbyes included.
	// Zero means 15 s. Negative means as long as it takes.
	ShutdownTimeout time.Duration

	// Ready, if set, is called once everything is served, with where that is: "tcp://127.0.0.1:6969"
	// and "http://127.0.0.1:8080", with the real ports, "tls://" and "https://" with TLS, and the
	// addresses of Listeners as they are.
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
// Handlers are registered before Serve. The values of ctx, not its end, are passed to handlers. Serve listens on all
// addresses before it does anything else: an address that is taken is found out at once. It does nothing that cannot be
// done with [core.Server.Serve], [NewServer] and [Handler].
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
		err = nil // it was told to end while it built
	}
	return errors.Join(err, s.shutdown(ctx, site.ShutdownTimeout))
}

// serving is one Serve.
type serving struct {
	srv     *core.Server
	native  []transport.Listener
	http    net.Listener // nil for none
	site    *http.Server // what serves http, nil until then
	urls    []string
	over    atomic.Bool // the end has begun; the health check says so
	ended   chan error  // the result of each goroutine that serves
	running int         // how many goroutines send to ended
}

// listen takes all sockets. closeAll closes them, also after a failure of listen, and it closes the listeners of
// the site.
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

// serveHTTP gets ready what browsers find, and begins to serve it.
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
		return nil // somebody else was quicker to shut it down
	}
	return err
}

// mux says who answers which path.
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

// handle registers h. A mux tells of a path that makes no sense, or that is taken, by a panic.
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

// run starts something whose end shutdown waits for.
func (s *serving) run(f func() error) {
	s.running++
	go func() { s.ended <- f() }()
}

// shutdown ends the server and waits for all that runs. It returns the first error of either.
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
		s.site.Close() //nolint:errcheck // what is left is cut off
	}
	s.closeAll()
	for ; s.running > 0; s.running-- {
		err = errors.Join(err, <-s.ended)
	}
	return err
}

// A closedOnce is a listener of a program's own, which may not bear to be closed by the HTTP server and here.
type closedOnce struct {
	net.Listener
	once sync.Once
	err  error
}

func (l *closedOnce) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

// closeAll closes what was listened on. It may be called again.
func (s *serving) closeAll() {
	for _, l := range s.native {
		l.Close()
	}
	if s.http != nil {
		s.http.Close()
	}
}
