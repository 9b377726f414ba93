//go:build !js

package ws

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
)

// An exit is a proxy that connects every request to the same address.
type exit struct {
	net.Listener
	to     string
	answer string // answer in place of a connection; empty for none

	mu    sync.Mutex
	asked []string // "host:port user:password"
	conns sync.WaitGroup
}

// newExit serves CONNECT, or SOCKS 5, until the test ends.
func newExit(t *testing.T, to, answer string, config *tls.Config, socks bool) *exit {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	e := &exit{Listener: l, to: to, answer: answer}
	if config != nil {
		e.Listener = tls.NewListener(l, config)
	}
	e.conns.Go(func() {
		for {
			c, err := e.Accept()
			if err != nil {
				return
			}
			e.conns.Go(func() {
				defer c.Close()
				if socks {
					e.socks(c)
				} else {
					e.connect(c)
				}
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		e.conns.Wait()
	})
	return e
}

func (e *exit) note(to, user string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.asked = append(e.asked, strings.TrimSpace(to+" "+user))
}

func (e *exit) connect(c net.Conn) {
	r, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil || r.Method != http.MethodConnect {
		return
	}
	user, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.Header.Get("Proxy-Authorization"), "Basic "))
	e.note(r.Host, string(user))
	if e.answer != "" {
		io.WriteString(c, e.answer) //nolint:errcheck // the client fails then
		io.Copy(io.Discard, c)      //nolint:errcheck // until it goes
		return
	}
	e.lead(c, "HTTP/1.1 200 OK\r\n\r\n")
}

func (e *exit) socks(c net.Conn) {
	head := make([]byte, 2)
	io.ReadFull(c, head) //nolint:errcheck // the next one fails then
	methods := make([]byte, head[1])
	io.ReadFull(c, methods) //nolint:errcheck // the next one fails then
	user := ""
	if methods[0] == 2 {
		c.Write([]byte{5, 2}) //nolint:errcheck // the next one fails then
		text := func() string {
			n := make([]byte, 1)
			io.ReadFull(c, n) //nolint:errcheck // the next one fails then
			b := make([]byte, n[0])
			io.ReadFull(c, b) //nolint:errcheck // the next one fails then
			return string(b)
		}
		io.ReadFull(c, head[:1]) //nolint:errcheck // the next one fails then
		user = text() + ":" + text()
		c.Write([]byte{1, 0}) //nolint:errcheck // the next one fails then
	} else {
		c.Write([]byte{5, 0}) //nolint:errcheck // the next one fails then
	}
	ask := make([]byte, 5)
	if _, err := io.ReadFull(c, ask); err != nil || ask[3] != 3 {
		return
	}
	host := make([]byte, int(ask[4])+2)
	if _, err := io.ReadFull(c, host); err != nil {
		return
	}
	e.note(string(host[:ask[4]]), user)
	if e.answer != "" {
		io.WriteString(c, e.answer) //nolint:errcheck // the client fails then
		io.Copy(io.Discard, c)      //nolint:errcheck // until it goes
		return
	}
	e.lead(c, "\x05\x00\x00\x03\x02ab\x00\x00")
}

func (e *exit) lead(c net.Conn, say string) {
	to, err := net.Dial("tcp", e.to)
	if err != nil {
		return
	}
	defer to.Close()
	io.WriteString(c, say) //nolint:errcheck // the client fails then
	done := make(chan struct{})
	go func() {
		io.Copy(to, c) //nolint:errcheck // until it goes
		to.Close()
		close(done)
	}()
	io.Copy(c, to) //nolint:errcheck // until it goes
	c.Close()
	<-done
}

func proxied(t *testing.T, raw string) func(*http.Request) (*url.URL, error) {
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return func(*http.Request) (*url.URL, error) { return u, nil }
}

func TestDialThroughProxy(t *testing.T) {
	serverTLS, clientTLS := transporttest.Certificates(t)
	clientTLS = clientTLS.Clone()
	clientTLS.ServerName = ""
	tests := map[string]struct {
		secure   bool // the server speaks TLS
		tlsProxy bool
		scheme   string
		user     string
		asked    string
	}{
		"http":          {scheme: "http", asked: "localhost:80"},
		"http, TLS":     {secure: true, scheme: "http", asked: "localhost:443"},
		"https":         {tlsProxy: true, scheme: "https", asked: "localhost:80"},
		"https, TLS":    {secure: true, tlsProxy: true, scheme: "https", user: "ada:secret@", asked: "localhost:443 ada:secret"},
		"with a user":   {scheme: "http", user: "ada:secret@", asked: "localhost:80 ada:secret"},
		"SOCKS":         {scheme: "socks5", asked: "localhost"},
		"SOCKS, TLS":    {secure: true, scheme: "socks5h", asked: "localhost"},
		"SOCKS, a user": {scheme: "socks5", user: "ada:secret@", asked: "localhost ada:secret"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			l := newTestListener(nil)
			config := serverTLS
			if !tc.secure {
				config = nil
			}
			at, stop := serve(t, l, config)
			defer stop()
			_, addr, _ := strings.Cut(at, "://")
			proxyTLS := serverTLS
			if !tc.tlsProxy {
				proxyTLS = nil
			}
			e := newExit(t, addr, "", proxyTLS, strings.HasPrefix(tc.scheme, "socks"))
			_, port, err := net.SplitHostPort(e.Addr().String())
			require.NoError(t, err)
			scheme := "ws"
			if tc.secure {
				scheme = "wss"
			}
			d := Dialer(scheme+"://localhost/path", &DialOptions{TLS: clientTLS, Proxy: proxied(t, tc.scheme+"://"+tc.user+"localhost:"+port)})
			a, b := connect(t, l, d)
			defer a.Close()
			defer b.Close()
			_, err = a.Write([]byte("hello"))
			require.NoError(t, err)
			got := make([]byte, 5)
			_, err = io.ReadFull(b, got)
			require.NoError(t, err)
			require.Equal(t, "hello", string(got))
			require.Equal(t, "/path", Request(b.Info()).URL.Path)
			require.Equal(t, tc.secure, a.Info().TLS() != nil)
			require.Regexp(t, `^localhost:(80|443)$`, a.Info().Remote)
			require.Equal(t, port, a.Info().Proxy[strings.LastIndexByte(a.Info().Proxy, ':')+1:])
			require.Equal(t, []string{tc.asked}, e.asked)
		})
	}
}

func TestDialThroughBadProxy(t *testing.T) {
	tests := map[string]struct {
		socks        bool
		answer, want string
	}{
		"refuses":              {false, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "it answered 407 Proxy Authentication Required"},
		"endless":              {false, "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxAnswer), "unexpected EOF"},
		"speaks too early":     {false, "HTTP/1.1 200 OK\r\n\r\nmore", "it sent more than an answer"},
		"nonsense":             {false, "hello\r\n\r\n", "malformed"},
		"SOCKS, refuses":       {true, "\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00", "reply 2"},
		"SOCKS, other version": {true, "\x04\x00\x00\x01", "refuses"},
		"SOCKS, odd address":   {true, "\x05\x00\x00\x09", "unknown kind"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			e := newExit(t, "", tc.answer, nil, tc.socks)
			scheme := map[bool]string{true: "socks5", false: "http"}[tc.socks]
			d := Dialer("ws://server.example/", &DialOptions{Proxy: proxied(t, scheme+"://ada:secret@"+e.Addr().String())})
			_, err := d.Dial(t.Context())
			require.ErrorContains(t, err, tc.want)
			require.ErrorContains(t, err, "proxy")
			require.NotContains(t, err.Error(), "secret")
		})
	}
	t.Run("silent", func(t *testing.T) {
		e, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts from it
		require.NoError(t, err)
		defer e.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err = Dialer("ws://server.example/", &DialOptions{Proxy: proxied(t, "http://"+e.Addr().String())}).Dial(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("of no known kind", func(t *testing.T) {
		_, err := Dialer("ws://server.example/", &DialOptions{Proxy: proxied(t, "ftp://ada:secret@proxy")}).Dial(t.Context())
		require.ErrorContains(t, err, "is none of http, https and socks5")
		require.NotContains(t, err.Error(), "secret")
	})
}

// The environment's HTTP proxies are used. Package net/http reads them once: the test runs in a
// separate process.
func TestProxyFromEnvironment(t *testing.T) {
	const child = "HISOCK_TEST_DIAL"
	if addr := os.Getenv(child); addr != "" {
		c, err := Dialer(addr, nil).Dial(t.Context())
		require.NoError(t, err)
		c.Close()
		return
	}
	l := newTestListener(nil)
	at, stop := serve(t, l, nil)
	defer stop()
	_, addr, _ := strings.Cut(at, "://")
	e := newExit(t, addr, "", nil, false)
	for _, to := range []string{"ws://server.example/", "ws://" + addr} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestProxyFromEnvironment$", "-test.count=1")
		cmd.Env = append(os.Environ(), child+"="+to, "HTTP_PROXY=http://"+e.Addr().String(), "NO_PROXY=")
		accepting := make(chan error, 1)
		go func() {
			c, err := l.Accept()
			if err == nil {
				err = c.Close()
			}
			accepting <- err
		}()
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.NoError(t, <-accepting)
	}
	require.Equal(t, []string{"server.example:80"}, e.asked, "not for this machine")
}
