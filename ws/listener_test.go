//go:build !js

package ws

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// edit changes one line of a good handshake.
func edit(old, new string) string {
	changed := strings.Replace(goodHandshake, old, new, 1)
	if changed == goodHandshake {
		panic("nothing to change")
	}
	return changed
}

func TestBadHandshakes(t *testing.T) {
	tests := map[string]struct {
		request string
		status  int
		body    string
	}{
		"POST":               {edit("GET", "POST"), 405, "not GET"},
		"plain page":         {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 426, "Upgrade"},
		"no upgrade":         {edit("Upgrade: websocket\r\n", ""), 426, "Upgrade"},
		"upgrade to h2c":     {edit("Upgrade: websocket", "Upgrade: h2c"), 426, "h2c"},
		"HTTP/1.0":           {edit("HTTP/1.1", "HTTP/1.0"), 426, "HTTP/1.1"},
		"old version":        {edit("Version: 13", "Version: 8"), 400, "version"},
		"no version":         {edit("Sec-WebSocket-Version: 13\r\n", ""), 400, "version"},
		"no key":             {edit("Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n", ""), 400, "Key"},
		"short key":          {edit("AAAAAAAAAAAAAAAAAAAAAA==", "AAAA"), 400, "Key"},
		"two keys":           {edit("\r\n\r\n", "\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"), 400, "Key"},
		"foreign origin":     {edit("\r\n\r\n", "\r\nOrigin: https://evil.com\r\n\r\n"), 403, "origin"},
		"rebound name":       {edit("localhost", "evil.com\r\nOrigin: http://evil.com"), 403, "loopback"},
		"unknown path":       {edit("/", "/elsewhere"), 404, ""},
		"not HTTP":           {"\x00HS\x01 what is this\r\n\r\n", 400, ""},
		"TLS":                {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, ""},
		"frames at once":     {string(appendFrame(nil, frame{opBinary, true, "hello"})) + "\r\n\r\n", 400, ""},
		"header without end": {"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 2<<20), 431, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			rejected := make(chan error, 1)
			l := newTestListener(&Options{OnReject: func(_ *http.Request, err error) { rejected <- err }})
			mux := http.NewServeMux()
			mux.Handle("/{$}", l)
			url, stop := serve(t, mux, nil)
			defer stop()
			peer := dialRaw(t, url)
			go io.WriteString(peer, tc.request)
			body := peer.wantStatus(tc.status)
			require.Contains(t, body, tc.body)
			if tc.body != "" { // the listener has answered it
				var reject *RejectError
				require.ErrorAs(t, <-rejected, &reject)
				require.Equal(t, tc.status, reject.Status)
				require.NotEmpty(t, reject.Reason)
			}
		})
	}
}

func TestCompressionIsNotNegotiated(t *testing.T) {
	l := newTestListener(nil)
	url, stop := serve(t, l, nil)
	defer stop()
	peer := dialRaw(t, url)
	peer.send(edit("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"))
	response, err := http.ReadResponse(peer.r, nil)
	require.NoError(t, err)
	require.Equal(t, 101, response.StatusCode)
	require.Empty(t, response.Header.Values("Sec-WebSocket-Extensions"))
	c, err := l.Accept()
	require.NoError(t, err)
	require.NoError(t, c.Close())
}

func TestClosedListener(t *testing.T) {
	l := newTestListener(&Options{Addr: "ws://example.com/ws"})
	url, stop := serve(t, l, nil)
	defer stop()
	accepting := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		accepting <- err
	}()
	require.NoError(t, l.Close())
	require.ErrorIs(t, <-accepting, transport.ErrClosed)
	require.NoError(t, l.Close())
	_, err := l.Accept()
	require.ErrorIs(t, err, transport.ErrClosed)
	require.Equal(t, "ws://example.com/ws", l.Addr())
	require.Equal(t, "ws", newTestListener(nil).Addr())

	_, err = Dialer(url, nil).Dial(context.Background())
	var answer *HandshakeError
	require.ErrorAs(t, err, &answer)
	require.Equal(t, http.StatusServiceUnavailable, answer.Status)
	require.Equal(t, "the listener is closed", answer.Reason)
}

func TestNobodyAccepts(t *testing.T) {
	tests := map[string]func(l *Listener, cancel context.CancelFunc){
		"listener closed": func(l *Listener, _ context.CancelFunc) { l.Close() },
		"request ended":   func(_ *Listener, cancel context.CancelFunc) { cancel() },
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			rejected := make(chan error, 1)
			l := newTestListener(&Options{OnReject: func(_ *http.Request, err error) { rejected <- err }})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			url, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				l.ServeHTTP(w, r.WithContext(ctx))
			}), nil)
			defer stop()
			peer := dialRaw(t, url)
			peer.send(goodHandshake)
			peer.wantStatus(101)
			end(l, cancel)
			peer.wantClose(1001, "")
			var reject *RejectError
			require.ErrorAs(t, <-rejected, &reject)
			require.Equal(t, 101, reject.Status)
		})
	}
}

func TestBacklog(t *testing.T) {
	l := newTestListener(&Options{Backlog: 1})
	url, stop := serve(t, l, nil)
	defer stop()
	first := dialRaw(t, url)
	first.send(goodHandshake)
	first.wantStatus(101)
	second := dialRaw(t, url)
	second.send(goodHandshake)
	require.Contains(t, second.wantStatus(503), "too many")

	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	// The slot is free once the first call of ServeHTTP has returned.
	require.Eventually(t, func() bool { return len(l.slots) == 0 }, transporttest.Patience, 1e6)
	third := dialRaw(t, url)
	third.send(goodHandshake)
	third.wantStatus(101)
	require.NoError(t, l.Close())
	third.wantClose(1001, "")
}

type contextKey struct{}

func TestInfo(t *testing.T) {
	l := newTestListener(nil)
	url, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, "ada")))
	}), nil)
	defer stop()
	header := http.Header{"Authorization": {"Bearer x"}, "X-Forwarded-For": {"192.0.2.9"}, "Host": {"localhost"}}
	client, server := connect(t, l, Dialer(url+"/path?query", &DialOptions{Header: header}))
	defer client.Close()
	defer server.Close()

	at, from := client.Info(), server.Info()
	require.Equal(t, "ws", at.Transport)
	require.Equal(t, "ws", from.Transport)
	require.Equal(t, at.Local, from.Remote, "the address is not taken from headers")
	require.Equal(t, at.Remote, from.Local)
	require.Equal(t, strings.TrimPrefix(url, "ws://"), from.Local)
	require.Nil(t, at.Handshake())

	r := Request(from)
	require.Equal(t, "/path?query", r.URL.String())
	require.Equal(t, "localhost", r.Host)
	require.Equal(t, "Bearer x", r.Header.Get("Authorization"))
	require.Equal(t, "ada", r.Context().Value(contextKey{}), "what middleware left is kept")
	require.NoError(t, r.Context().Err(), "the request's context has ended, that of what is kept has not")
}

func TestShutdownOfServerSparesConns(t *testing.T) {
	l := newTestListener(nil)
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: l}
	served := make(chan error, 1)
	go func() { served <- server.Serve(inner) }()
	a, b := connect(t, l, Dialer("ws://"+inner.Addr().String(), nil))
	defer a.Close()
	defer b.Close()
	require.NoError(t, server.Shutdown(context.Background()))
	require.ErrorIs(t, <-served, http.ErrServerClosed)
	requireCarries(t, a, b)
}
