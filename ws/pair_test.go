//go:build !js

package ws

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// serve mounts h at the root of a server on loopback, and returns its ws:// or wss://
// address. config is nil for plain TCP. stop waits until all goroutines of the server have ended.
func serve(t testing.TB, h http.Handler, config *tls.Config) (url string, stop func()) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = quietLog
	if config == nil {
		server.Start()
	} else {
		server.TLS = config
		server.StartTLS()
	}
	return "ws" + strings.TrimPrefix(server.URL, "http"), server.Close
}

// connect makes one connection through l. url is the address at which l is mounted.
func connect(t testing.TB, l *Listener, d transport.Dialer) (client, server transport.Conn) {
	t.Helper()
	type accepted struct {
		conn transport.Conn
		err  error
	}
	accepting := make(chan accepted, 1)
	go func() {
		c, err := l.Accept()
		accepting <- accepted{c, err}
	}()
	client, err := d.Dial(context.Background())
	require.NoError(t, err)
	a := <-accepting
	require.NoError(t, a.err)
	return client, a.conn
}

// pair makes the two ends of a connection that is closed when the test ends.
func pair(t testing.TB) (client, server *conn) {
	t.Helper()
	l := newTestListener(nil)
	url, stop := serve(t, l, nil)
	a, b := connect(t, l, Dialer(url, nil))
	t.Cleanup(func() {
		a.Close()
		b.Close()
		l.Close()
		stop()
	})
	return a.(*conn), b.(*conn)
}

func TestConformance(t *testing.T) {
	serverTLS, clientTLS := transporttest.Certificates(t)
	for name, secure := range map[string]bool{"ws": false, "wss": true} {
		t.Run(name, func(t *testing.T) {
			transporttest.Run(t, func(t *testing.T) (a, b transport.Conn, stop func()) {
				l := newTestListener(nil)
				var config *tls.Config
				if secure {
					config = serverTLS.Clone()
				}
				url, stopServer := serve(t, l, config)
				a, b = connect(t, l, Dialer(url, &DialOptions{TLS: clientTLS}))
				require.Equal(t, name, a.Info().Transport)
				return a, b, func() {
					l.Close()
					stopServer()
				}
			})
		})
	}
}
