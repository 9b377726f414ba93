//go:build unix

package tcp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// A counted listener hides its sockets, as a listener that bounds connections does.
type counted struct {
	net.Listener
	open chan struct{}
}

func (l counted) Accept() (net.Conn, error) {
	l.open <- struct{}{}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.open
		return nil, err
	}
	return &countedConn{Conn: c, l: l}, nil
}

type countedConn struct {
	net.Conn
	l    counted
	once sync.Once
}

func (c *countedConn) Close() error {
	c.once.Do(func() { <-c.l.open })
	return c.Conn.Close()
}

// socketDir returns a folder whose path is short enough for a Unix socket.
func socketDir(t testing.TB) string {
	dir, err := os.MkdirTemp("", "hs")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func listenUnix(t testing.TB) net.Listener {
	l, err := net.Listen("unix", filepath.Join(socketDir(t), "s"))
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func listenTCP(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// activated passes a listener by its file descriptor, as systemd does.
func activated(t testing.TB, l net.Listener) net.Listener {
	f, err := l.(interface{ File() (*os.File, error) }).File()
	require.NoError(t, err)
	defer f.Close()
	again, err := net.FileListener(f)
	require.NoError(t, err)
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	require.NoError(t, l.Close())
	t.Cleanup(func() { again.Close() })
	return again
}

// dialTo returns a DialContext that connects to a listener and first writes some bytes.
func dialTo(l net.Listener, first string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		c, err := d.DialContext(ctx, l.Addr().Network(), l.Addr().String())
		if err == nil && first != "" {
			_, err = io.WriteString(c, first)
		}
		return c, err
	}
}

const (
	proxy1 = "PROXY TCP4 203.0.113.7 192.0.2.1 54321 6969\r\n"
	proxy2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0e\xcb\x00\x71\x07\xc0\x00\x02\x01\xd4\x31\x1b\x39\x04\x00"
)

// anyListeners are listeners of other packages.
func anyListeners(t *testing.T) map[string]struct {
	listen         func(t testing.TB) net.Listener
	server, client tcp.Options
	first          string // bytes that a proxy sends first
	half           bool   // one direction can end while the other goes on
} {
	serverTLS, clientTLS := transporttest.Certificates(t)
	clientTLS = clientTLS.Clone()
	clientTLS.ServerName = "localhost"
	return map[string]struct {
		listen         func(t testing.TB) net.Listener
		server, client tcp.Options
		first          string
		half           bool
	}{
		"TCP":            {listen: listenTCP, half: true},
		"Unix":           {listen: listenUnix, half: true},
		"Unix with TLS":  {listen: listenUnix, server: tcp.Options{TLS: serverTLS}, client: tcp.Options{TLS: clientTLS}, half: true},
		"systemd":        {listen: func(t testing.TB) net.Listener { return activated(t, listenTCP(t)) }, half: true},
		"systemd, Unix":  {listen: func(t testing.TB) net.Listener { return activated(t, listenUnix(t)) }, half: true},
		"hidden":         {listen: func(t testing.TB) net.Listener { return counted{listenTCP(t), make(chan struct{}, 9)} }},
		"hidden, TLS":    {listen: func(t testing.TB) net.Listener { return counted{listenTCP(t), make(chan struct{}, 9)} }, server: tcp.Options{TLS: serverTLS}, client: tcp.Options{TLS: clientTLS}, half: true},
		"TLS of others":  {listen: func(t testing.TB) net.Listener { return tls.NewListener(listenTCP(t), serverTLS) }, client: tcp.Options{TLS: clientTLS}, half: true},
		"PROXY":          {listen: listenTCP, server: tcp.Options{Proxies: []string{"127.0.0.0/8"}}, first: proxy1, half: true},
		"PROXY 2":        {listen: listenTCP, server: tcp.Options{Proxies: []string{"127.0.0.0/8"}}, first: proxy2, half: true},
		"PROXY over TLS": {listen: listenTCP, server: tcp.Options{Proxies: []string{"127.0.0.1"}, TLS: serverTLS}, client: tcp.Options{TLS: clientTLS}, first: proxy2, half: true},
		"PROXY, Unix":    {listen: listenUnix, server: tcp.Options{Proxies: []string{"unix"}}, first: proxy1, half: true},
		"PROXY, hidden":  {listen: func(t testing.TB) net.Listener { return counted{listenTCP(t), make(chan struct{}, 9)} }, server: tcp.Options{Proxies: []string{"127.0.0.1"}}, first: proxy1},
		"small buffers":  {listen: listenTCP, server: tcp.Options{SendBuffer: 8 << 10}, client: tcp.Options{SendBuffer: 8 << 10}, half: true},
	}
}

func TestAnyListener(t *testing.T) {
	for name, medium := range anyListeners(t) {
		t.Run(name, func(t *testing.T) {
			dialer := func(t *testing.T) (*tcp.Listener, transport.Dialer) {
				below := medium.listen(t)
				l, err := tcp.NewListener(below, &medium.server)
				require.NoError(t, err)
				opts := medium.client
				opts.DialContext = dialTo(below, medium.first)
				return l, tcp.Dialer("localhost:1", &opts)
			}
			pair := func(t *testing.T) (a, b transport.Conn, stop func()) {
				l, d := dialer(t)
				accepting := make(chan error, 1)
				go func() {
					var err error
					if b, err = l.Accept(); err == nil {
						_, err = b.Read(nil)
					}
					accepting <- err
				}()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				a, err := d.Dial(ctx)
				require.NoError(t, err)
				require.NoError(t, <-accepting)
				require.Equal(t, medium.first != "", b.Info().Proxy != "")
				if medium.first != "" {
					require.Equal(t, "203.0.113.7:54321", b.Info().Remote)
					require.Equal(t, "192.0.2.1:6969", b.Info().Local)
				}
				require.Equal(t, medium.client.TLS != nil, b.Info().TLS() != nil)
				return a, b, func() { l.Close() }
			}
			transporttest.Run(t, pair)
			if medium.half {
				transporttest.RunHalfClose(t, pair)
			}
			if medium.first == "" {
				transporttest.RunListener(t, func(t *testing.T) (transport.Listener, transport.Dialer, func()) {
					l, d := dialer(t)
					return l, d, nil
				})
			}
		})
	}
}

// All kinds of connections wait without a buffer of the pool.
func TestAnyConnIsReadyReader(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	c, err := tcp.NewConn(here, nil)
	require.NoError(t, err)
	require.Implements(t, (*transport.ReadyReader)(nil), c)
	go there.Write(make([]byte, 1000)) //nolint:errcheck // the reads show whether it was written
	pool := newOnePool(300)
	for left := 1000; left > 0; {
		buf, n, err := c.(transport.ReadyReader).ReadReady(pool)
		require.NoError(t, err)
		left -= n
		pool.Put(buf)
	}
	require.NoError(t, c.Close())
	_, _, err = c.(transport.ReadyReader).ReadReady(pool)
	require.ErrorIs(t, err, transport.ErrClosed)
	require.NotNil(t, pool.Get(), "buffer kept")
}

// Clients without an address get different addresses.
func TestUnixAddresses(t *testing.T) {
	below := listenUnix(t)
	l, err := tcp.NewListener(below, nil)
	require.NoError(t, err)
	require.Equal(t, "unix:"+below.Addr().String(), l.Addr())
	d := tcp.Dialer("", &tcp.Options{DialContext: dialTo(below, "")})
	seen := map[string]bool{}
	for range 3 {
		a, err := d.Dial(t.Context())
		require.NoError(t, err)
		defer a.Close()
		require.Equal(t, l.Addr(), a.Info().Remote)
		b := accept(t, l)
		require.Equal(t, "unix", b.Info().Transport)
		require.Regexp(t, `^unix:#\d+$`, b.Info().Remote)
		require.Nil(t, b.Info().Handshake())
		seen[b.Info().Remote] = true
	}
	require.Len(t, seen, 3)

	named, err := net.DialUnix("unix", &net.UnixAddr{Name: below.Addr().String() + "c", Net: "unix"}, below.Addr().(*net.UnixAddr))
	require.NoError(t, err)
	defer named.Close()
	require.Regexp(t, `^unix:/.*c#\d+$`, accept(t, l).Info().Remote)
}

// Accept does not wait for a proxy's header, and a stream without the header is refused.
func TestProxyHeader(t *testing.T) {
	l := listen(t, "127.0.0.1:0", &tcp.Options{Proxies: []string{"127.0.0.1"}})
	tests := map[string]struct {
		say  string
		want string // text of the error
	}{
		"silent":         {"", "timeout"},
		"half a header":  {proxy2[:20], "timeout"},
		"a client":       {"\x00HS\x01", "does not begin with a header of the PROXY protocol"},
		"a TLS client":   {"\x16\x03\x01", "does not begin"},
		"a broken one":   {"PROXY TCP4 a b 1 2\r\n", "malformed"},
		"another length": {proxy2[:15] + "\x05", "5 bytes of addresses"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			raw := dialRaw(t, l)
			c := accept(t, l)
			_, err := io.WriteString(raw, tc.say)
			require.NoError(t, err)
			info := c.Info()
			require.Equal(t, raw.LocalAddr().String(), info.Remote)
			require.Equal(t, info.Remote, info.Proxy, "for whom it speaks is not known")
			if tc.want == "timeout" {
				require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
				err = c.(transport.SourceReader).ReadSource()
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				return
			}
			require.ErrorContains(t, c.(transport.SourceReader).ReadSource(), tc.want)
			_, err = c.Read(make([]byte, 1))
			require.ErrorContains(t, err, tc.want, "for good")
			require.ErrorContains(t, err, info.Proxy)
			require.Equal(t, info, c.Info())
		})
	}
	t.Run("in two parts", func(t *testing.T) {
		raw := dialRaw(t, l)
		c := accept(t, l)
		_, err := io.WriteString(raw, proxy1[:30])
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
		require.ErrorIs(t, c.(transport.SourceReader).ReadSource(), os.ErrDeadlineExceeded)
		_, err = io.WriteString(raw, proxy1[30:]+"x")
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
		b := make([]byte, 9)
		n, err := c.Read(b)
		require.NoError(t, err)
		require.Equal(t, "x", string(b[:n]))
		require.Equal(t, "203.0.113.7:54321", c.Info().Remote)
	})
	t.Run("health check", func(t *testing.T) {
		raw := dialRaw(t, l)
		c := accept(t, l)
		_, err := io.WriteString(raw, "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00")
		require.NoError(t, err)
		require.NoError(t, c.(transport.SourceReader).ReadSource())
		require.Equal(t, raw.LocalAddr().String(), c.Info().Remote)
		require.NoError(t, raw.Close())
		_, err = c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
	t.Run("leaves", func(t *testing.T) {
		raw := dialRaw(t, l)
		c := accept(t, l)
		require.NoError(t, raw.Close())
		require.ErrorIs(t, c.(transport.SourceReader).ReadSource(), io.EOF)
	})
	t.Run("closed", func(t *testing.T) {
		dialRaw(t, l)
		c := accept(t, l)
		require.NoError(t, c.Close())
		require.ErrorIs(t, c.(transport.SourceReader).ReadSource(), transport.ErrClosed)
	})
	t.Run("not a proxy", func(t *testing.T) {
		l := listen(t, "127.0.0.1:0", &tcp.Options{Proxies: []string{"192.0.2.0/24", "unix"}})
		raw := dialRaw(t, l)
		c := accept(t, l)
		_, err := io.WriteString(raw, proxy1)
		require.NoError(t, err)
		require.NoError(t, c.(transport.SourceReader).ReadSource())
		b := make([]byte, len(proxy1))
		_, err = io.ReadFull(c, b)
		require.NoError(t, err)
		require.Equal(t, proxy1, string(b), "its header is nobody's")
		require.Equal(t, raw.LocalAddr().String(), c.Info().Remote)
		require.Empty(t, c.Info().Proxy)
	})
}

func TestOptionsRefused(t *testing.T) {
	serverTLS, _ := transporttest.Certificates(t)
	tests := map[string]tcp.Options{
		"proxy's name":    {Proxies: []string{"localhost"}},
		"proxy's port":    {Proxies: []string{"10.0.0.1:80"}},
		"negative buffer": {SendBuffer: -1},
		"negative unsent": {UnsentBytes: -1},
		"no certificate":  {TLS: &tls.Config{}},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := tcp.Listen("127.0.0.1:0", &opts)
			require.Error(t, err)
			_, err = tcp.NewListener(listenTCP(t), &opts)
			require.Error(t, err)
			a, b := net.Pipe()
			_, err = tcp.NewConn(a, &opts)
			require.Error(t, err)
			_, err = b.Write([]byte("x"))
			require.ErrorIs(t, err, io.ErrClosedPipe, "it takes the conn over")
			if opts.TLS == nil {
				_, err = tcp.Dialer("127.0.0.1:1", &opts).Dial(t.Context())
				require.ErrorContains(t, err, "tcp: option ")
			}
		})
	}
	a, b := net.Pipe()
	defer b.Close()
	_, err := tcp.NewConn(tls.Server(a, serverTLS), &tcp.Options{TLS: serverTLS})
	require.ErrorContains(t, err, "TLS already")
}

// Accept fails with ErrClosed after Close even if the listener fails with another error.
func TestCloseOfAnyListener(t *testing.T) {
	l, err := tcp.NewListener(&odd{closed: make(chan struct{})}, nil)
	require.NoError(t, err)
	accepting := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		accepting <- err
	}()
	require.NoError(t, l.Close())
	require.NoError(t, l.Close(), "which the listener below would not bear")
	require.ErrorIs(t, <-accepting, transport.ErrClosed)
}

// A DialContext may return neither a connection nor an error.
func TestDialGivesNothing(t *testing.T) {
	nothing := func(context.Context, string, string) (net.Conn, error) { return nil, nil }
	for _, config := range []*tls.Config{nil, {}} {
		_, err := tcp.Dialer("example.com:1", &tcp.Options{TLS: config, DialContext: nothing}).Dial(t.Context())
		require.ErrorContains(t, err, "neither a connection nor an error")
	}
}

type odd struct{ closed chan struct{} }

func (o *odd) Accept() (net.Conn, error) { <-o.closed; return nil, errors.New("odd: no more") }
func (o *odd) Close() error              { close(o.closed); return nil }
func (o *odd) Addr() net.Addr            { return &net.TCPAddr{} }
