//go:build !js

package ws

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// The address of a client is the one that a trusted proxy says, or middleware, or the connection,
// in this order.
func TestVisitor(t *testing.T) {
	tests := map[string]struct {
		proxies       []string
		header, peer  string // the option and RemoteAddr
		say           map[string]string
		remote, proxy string
	}{
		"no proxies":            {nil, "", "10.0.0.1:9", map[string]string{"X-Forwarded-For": "203.0.113.7"}, "10.0.0.1:9", ""},
		"not a proxy":           {[]string{"10.0.0.2"}, "", "10.0.0.1:9", map[string]string{"X-Forwarded-For": "203.0.113.7"}, "10.0.0.1:9", ""},
		"proxy":                 {[]string{"10.0.0.1"}, "", "10.0.0.1:9", map[string]string{"X-Forwarded-For": "1.2.3.4, 203.0.113.7"}, "203.0.113.7", "10.0.0.1:9"},
		"two proxies":           {[]string{"10.0.0.0/8"}, "", "10.0.0.1:9", map[string]string{"X-Forwarded-For": "1.2.3.4, 203.0.113.7, 10.0.0.2"}, "203.0.113.7", "10.0.0.1:9"},
		"RFC":                   {[]string{"10.0.0.1"}, "Forwarded", "10.0.0.1:9", map[string]string{"Forwarded": `for="203.0.113.7:5"`, "X-Forwarded-For": "1.2.3.4"}, "203.0.113.7:5", "10.0.0.1:9"},
		"another header":        {[]string{"10.0.0.1"}, "forwarded", "10.0.0.1:9", map[string]string{"X-Forwarded-For": "1.2.3.4"}, "10.0.0.1:9", ""},
		"real IP":               {[]string{"10.0.0.1"}, "X-Real-IP", "10.0.0.1:9", map[string]string{"X-Real-IP": "203.0.113.7", "Forwarded": "for=1.2.3.4"}, "203.0.113.7", "10.0.0.1:9"},
		"it does not know":      {[]string{"10.0.0.1"}, "", "10.0.0.1:9", map[string]string{"X-Forwarded-For": "unknown"}, "10.0.0.1:9", "10.0.0.1:9"},
		"itself":                {[]string{"10.0.0.1"}, "", "10.0.0.1:9", nil, "10.0.0.1:9", ""},
		"middleware":            {nil, "", "203.0.113.7", nil, "203.0.113.7", ""},
		"middleware, not UTF-8": {nil, "", "\xff", nil, "?", ""},
		"middleware, much":      {nil, "", strings.Repeat("x", 9999), nil, strings.Repeat("x", 256) + "…", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			l := newTestListener(&Options{Proxies: tc.proxies, ProxyHeader: tc.header})
			r := request("example.com", public, false)
			r.RemoteAddr = tc.peer
			for k, v := range tc.say {
				r.Header.Set(k, v)
			}
			v, err := l.visitorOf(r)
			require.Nil(t, err)
			require.Equal(t, tc.remote, v.remote)
			require.Equal(t, tc.proxy, v.proxy)
			require.Equal(t, tc.proxy != "", v.relayed)
		})
	}
	t.Run("malformed", func(t *testing.T) {
		l := newTestListener(&Options{Proxies: []string{"192.0.2.1"}}) // the address of httptest
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("X-Forwarded-For", "203.0.113.7, nobody")
		w := httptest.NewRecorder()
		l.ServeHTTP(w, r)
		require.Equal(t, http.StatusBadRequest, w.Code)
	})
}

// Both ends of a connection know the addresses of both, through a proxy, a Unix socket and
// middleware.
func TestInfoOfVisitors(t *testing.T) {
	header := func(name, value string) http.Header { return http.Header{name: {value}} }
	t.Run("proxy", func(t *testing.T) {
		l := newTestListener(&Options{Proxies: []string{"127.0.0.1"}})
		url, stop := serve(t, l, nil)
		defer stop()
		a, b := connect(t, l, Dialer(url, &DialOptions{Header: header("X-Forwarded-For", "203.0.113.7:5")}))
		defer a.Close()
		defer b.Close()
		require.Equal(t, "203.0.113.7:5", b.Info().Remote)
		require.Equal(t, a.Info().Local, b.Info().Proxy)
		require.Equal(t, a.Info().Remote, b.Info().Local)
	})
	t.Run("middleware", func(t *testing.T) {
		l := newTestListener(nil)
		url, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RemoteAddr = r.Header.Get("X-Whoever")
			l.ServeHTTP(w, r)
		}), nil)
		defer stop()
		a, b := connect(t, l, Dialer(url, &DialOptions{Header: header("X-Whoever", "203.0.113.7")}))
		defer a.Close()
		defer b.Close()
		require.Equal(t, "203.0.113.7", b.Info().Remote)
		require.Equal(t, a.Info().Local, b.Info().Proxy)
		require.Equal(t, "203.0.113.7", Request(b.Info()).RemoteAddr)

		a, b = connect(t, l, Dialer(url, nil)) // the middleware finds no address
		defer a.Close()
		defer b.Close()
		require.Equal(t, a.Info().Local, b.Info().Remote)
	})
	t.Run("Unix", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		inner, err := net.Listen("unix", path)
		require.NoError(t, err)
		l := newTestListener(&Options{Proxies: []string{"unix"}})
		server := &http.Server{Handler: l, ErrorLog: quietLog}
		go server.Serve(inner) //nolint:errcheck // until Close
		defer server.Close()
		dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
		seen := map[string]bool{}
		for range 2 {
			a, b := connect(t, l, Dialer("ws://chat.example.com/", &DialOptions{DialContext: dial}))
			defer a.Close()
			defer b.Close()
			require.Equal(t, "unix:"+path, a.Info().Remote)
			require.Regexp(t, `^unix:#\d+$`, b.Info().Remote)
			seen[b.Info().Remote] = true
		}
		require.Len(t, seen, 2)
		a, b := connect(t, l, Dialer("ws://chat.example.com/", &DialOptions{DialContext: dial, Header: header("X-Forwarded-For", "203.0.113.7")}))
		defer a.Close()
		defer b.Close()
		require.Equal(t, "203.0.113.7", b.Info().Remote)
	})
}

// Info may be asked for a connection that has neither a request nor TLS.
func TestRequest(t *testing.T) {
	a, b := pair(t)
	require.Nil(t, Request(a.Info()))
	require.Nil(t, a.Info().TLS())
	require.NotNil(t, Request(b.Info()))
	require.Nil(t, b.Info().TLS())
	require.Nil(t, Request(transport.Info{}))
}
