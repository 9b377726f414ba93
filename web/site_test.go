package web

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// echoServer returns a server whose handler returns the payload of a call.
func echoServer(t *testing.T) *core.Server {
	t.Helper()
	srv, err := core.NewServer(&core.ServerOptions{Logger: core.Silent})
	require.NoError(t, err)
	core.Handle(srv, "echo", func(_ context.Context, _ *core.Conn, text string) (string, error) { return text, nil })
	return srv
}

// serveSite starts Serve, and returns its addresses and a function that ends it.
func serveSite(t *testing.T, srv *core.Server, site *Site) (urls []string, end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	ready, ended := make(chan []string, 1), make(chan error, 1)
	site.Ready = func(urls []string) { ready <- urls }
	go func() { ended <- Serve(ctx, srv, site) }()
	select {
	case urls = <-ready:
	case err := <-ended:
		require.NoError(t, err)
		t.Fatal("Serve has returned")
	}
	return urls, func() error {
		cancel()
		return <-ended
	}
}

// requireEcho connects with a dialer and makes a call.
func requireEcho(t *testing.T, d transport.Dialer) *core.Client {
	t.Helper()
	c, err := core.NewClient(d, &core.ClientOptions{Retry: core.Retry{Off: true}, Logger: core.Silent})
	require.NoError(t, err)
	require.NoError(t, c.Connect(t.Context()))
	got, err := core.Call[string](t.Context(), c, "echo", "hi")
	require.NoError(t, err)
	require.Equal(t, "hi", got)
	return c
}

// fetch requests a page.
func fetch(t *testing.T, c *http.Client, url string) (status int, body string) {
	t.Helper()
	res, err := c.Get(url)
	require.NoError(t, err)
	defer res.Body.Close() //nolint:errcheck // it was read
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(b)
}

func TestServeEverywhere(t *testing.T) {
	near := transport.NewPipeListener()
	urls, end := serveSite(t, echoServer(t), &Site{
		TCP:       "127.0.0.1:0",
		HTTP:      "127.0.0.1:0",
		Listeners: []transport.Listener{near},
		Bundle:    os.DirFS(bundleDir(t)),
		Files:     fstest.MapFS{"index.html": {Data: []byte("a page")}},
		Health:    "/healthz",
	})
	require.Len(t, urls, 3)
	native, page := strings.TrimPrefix(urls[1], "tcp://"), urls[2]
	clients := []*core.Client{
		requireEcho(t, near),
		requireEcho(t, tcp.Dialer(native, nil)),
		requireEcho(t, ws.Dialer("ws"+strings.TrimPrefix(page, "http")+"/ws", nil)),
	}
	for path, want := range map[string]string{"/": "a page", "/hisock/hisock.js": "connect", "/healthz": "ok\n"} {
		status, body := fetch(t, http.DefaultClient, page+path)
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, want)
	}
	status, _ := fetch(t, http.DefaultClient, page+"/other")
	require.Equal(t, http.StatusNotFound, status)

	require.NoError(t, end())
	for _, c := range clients {
		<-c.Done()
		require.Equal(t, core.CodeShutdown, core.CodeOf(c.Err()))
	}
	_, err := net.Dial("tcp", native)
	require.Error(t, err)
}

func TestServeTLS(t *testing.T) {
	known := httptest.NewUnstartedServer(nil)
	known.StartTLS()
	defer known.Close()
	trusting := known.Client().Transport.(*http.Transport).TLSClientConfig
	urls, end := serveSite(t, echoServer(t), &Site{
		TCP:     "127.0.0.1:0",
		HTTP:    "127.0.0.1:0",
		TLS:     &tls.Config{Certificates: known.TLS.Certificates},
		Path:    "/socket",
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }), //nolint:errcheck // a test
	})
	native, found := strings.CutPrefix(urls[0], "tls://")
	require.True(t, found)
	require.True(t, strings.HasPrefix(urls[1], "https://"))
	cfg := trusting.Clone()
	cfg.ServerName = "example.com"
	requireEcho(t, tcp.Dialer(native, &tcp.Options{TLS: cfg}))
	requireEcho(t, ws.Dialer("wss"+strings.TrimPrefix(urls[1], "https")+"/socket", &ws.DialOptions{TLS: cfg}))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}}
	_, body := fetch(t, client, urls[1]+"/some/path")
	require.Equal(t, "/some/path", body)
	require.NoError(t, end())
}

// The health check answers 503 while the shutdown waits for a handler.
func TestServeHealthWhileItEnds(t *testing.T) {
	srv := echoServer(t)
	begun, done := make(chan struct{}), make(chan struct{})
	core.On(srv, "work", func(context.Context, *core.Conn, struct{}) error {
		close(begun)
		<-done
		return nil
	})
	leaves := make(chan struct{})
	srv.OnLeave(func(*core.Conn, error) { close(leaves) })
	urls, end := serveSite(t, srv, &Site{HTTP: "127.0.0.1:0", Health: "/healthz"})
	c := requireEcho(t, ws.Dialer("ws"+strings.TrimPrefix(urls[0], "http")+"/ws", nil))
	require.NoError(t, c.Send("work", nil))
	<-begun
	ended := make(chan error, 1)
	go func() { ended <- end() }()
	require.Eventually(t, func() bool {
		status, _ := fetch(t, http.DefaultClient, urls[0]+"/healthz")
		return status == http.StatusServiceUnavailable
	}, 10*time.Second, time.Millisecond)
	close(done)
	require.NoError(t, <-ended)
	<-leaves
}

// If the shutdown takes too long, connections are cut off and Serve returns an error.
func TestServeEndsInTime(t *testing.T) {
	srv := echoServer(t)
	begun := make(chan struct{})
	core.On(srv, "work", func(ctx context.Context, _ *core.Conn, _ struct{}) error {
		close(begun)
		<-ctx.Done()
		return nil
	})
	near := transport.NewPipeListener()
	_, end := serveSite(t, srv, &Site{Listeners: []transport.Listener{near}, ShutdownTimeout: time.Nanosecond})
	c := requireEcho(t, near)
	require.NoError(t, c.Send("work", nil))
	<-begun
	require.ErrorIs(t, end(), context.DeadlineExceeded)
}

// A shutdown by the program ends Serve too, in order.
func TestServeEndsWithItsServer(t *testing.T) {
	srv := echoServer(t)
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- Serve(t.Context(), srv, &Site{TCP: "127.0.0.1:0", HTTP: "127.0.0.1:0",
			Ready: func([]string) { close(ready) }})
	}()
	<-ready
	require.NoError(t, srv.Shutdown(t.Context()))
	require.NoError(t, <-ended)
}

// A failing is a listener whose Accept fails for good.
type failing struct{ transport.Listener }

var errBroken = errors.New("the listener is broken")

func (failing) Accept() (transport.Conn, error) { return nil, errBroken }

func TestServeSaysWhatFails(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close() //nolint:errcheck // nothing to be done about it
	addr := taken.Addr().String()
	tests := map[string]struct {
		site Site
		want string
	}{
		"nothing to listen on":       {Site{}, "without an address"},
		"a taken address":            {Site{TCP: addr}, "native clients"},
		"a taken address of pages":   {Site{TCP: "127.0.0.1:0", HTTP: addr}, "browsers"},
		"no address":                 {Site{TCP: "nonsense"}, "native clients"},
		"two for pages":              {Site{HTTP: "127.0.0.1:0", HTTPListener: pipes{make(chan net.Conn)}}, "not both"},
		"files and a handler":        {Site{HTTP: "127.0.0.1:0", Files: fstest.MapFS{}, Handler: http.NotFoundHandler()}, "not both"},
		"a bundle that is not whole": {Site{HTTP: "127.0.0.1:0", Bundle: fstest.MapFS{}}, "manifest"},
		"a bundle and a build":       {Site{HTTP: "127.0.0.1:0", Bundle: fstest.MapFS{}, Build: "bundle"}, "not both"},
		"a bundle not to be built": {Site{HTTP: "127.0.0.1:0", Build: filepath.Join(t.TempDir(), "bundle"),
			BuildOptions: &BuildOptions{Go: "/nowhere/go"}}, "/nowhere/go"},
		"a path without a slash":  {Site{HTTP: "127.0.0.1:0", Path: "ws"}, `"ws"`},
		"a path with a bad brace": {Site{HTTP: "127.0.0.1:0", Path: "/{"}, `"/{"`},
		"a path twice":            {Site{HTTP: "127.0.0.1:0", Path: "/ws", Health: "/ws"}, `"/ws"`},
		"a listener that is nil":  {Site{TCP: "127.0.0.1:0", Listeners: []transport.Listener{nil}}, "is nil"},
		"TLS for native clients":  {Site{TCP: "127.0.0.1:0", TLS: &tls.Config{}}, "no certificate"},
		"TLS for browsers":        {Site{HTTP: "127.0.0.1:0", TLS: &tls.Config{}}, "no certificate"},
		"a listener that fails":   {Site{TCP: "127.0.0.1:0", Listeners: []transport.Listener{failing{transport.NewPipeListener()}}}, errBroken.Error()},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			srv := echoServer(t)
			given, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer given.Close() //nolint:errcheck // Serve has closed it
			l, err := tcp.NewListener(given, nil)
			require.NoError(t, err)
			if name != "nothing to listen on" {
				tc.site.Listeners = append([]transport.Listener{l}, tc.site.Listeners...)
			}
			if tc.site.HTTP == "" && len(tc.site.Listeners) > 0 {
				tc.site.HTTPListener = pipes{make(chan net.Conn)} // must not be closed twice
			}
			require.ErrorContains(t, Serve(t.Context(), srv, &tc.site), tc.want)
			<-srv.Done() // for any reason
			if len(tc.site.Listeners) > 0 {
				_, err = given.Accept()
				require.ErrorIs(t, err, net.ErrClosed)
			}
			if tc.site.HTTPListener != nil {
				_, err = tc.site.HTTPListener.Accept()
				require.ErrorIs(t, err, net.ErrClosed)
			}
		})
	}
	require.ErrorContains(t, Serve(t.Context(), nil, &Site{}), "without a server")
	require.ErrorContains(t, Serve(t.Context(), echoServer(t), nil), "without an address")
	_, err = Handler(nil)
	require.ErrorContains(t, err, "no files")
}

// If ctx ends during the build of the bundle, Serve does not wait for the build.
func TestServeEndsWhileItBuilds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	dir := filepath.Join(t.TempDir(), "bundle")
	err := Serve(ctx, echoServer(t), &Site{
		HTTP:         "127.0.0.1:0",
		Build:        dir,
		BuildOptions: &BuildOptions{Progress: func(string) { cancel() }},
		Ready:        func([]string) { t.Error("it is not ready") },
	})
	require.NoError(t, err)
	_, err = os.Stat(dir)
	require.ErrorIs(t, err, fs.ErrNotExist)
}
