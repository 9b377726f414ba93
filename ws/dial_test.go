//go:build !js

package ws

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
)

// serveRaw lets handle answer every connection, after its request has been read.
func serveRaw(t *testing.T, handle func(c net.Conn)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				handle(c)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return "ws://" + l.Addr().String()
}

func TestDialAnswers(t *testing.T) {
	tests := map[string]struct {
		answer string
		want   HandshakeError
		text   string
	}{
		"not found": {
			answer: "HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\nno such\n",
			want:   HandshakeError{404, "no such"},
			text:   `404 Not Found: "no such"`,
		},
		"control characters": {
			answer: "HTTP/1.1 503 \x1b[31m\r\nContent-Length: 9\r\n\r\n\x1b[31mred\r\n",
			want:   HandshakeError{503, "\x1b[31mred"},
			text:   `503 Service Unavailable: "\x1b[31mred"`,
		},
		"long body": {
			answer: "HTTP/1.1 500 X\r\nConnection: close\r\n\r\n" + strings.Repeat("x", 1<<16),
			want:   HandshakeError{500, strings.Repeat("x", maxExcerpt)},
			text:   "xxx",
		},
		"no body": {
			answer: "HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n",
			want:   HandshakeError{999, ""},
			text:   "the server answered 999",
		},
		"redirect, which is not followed": {
			answer: "HTTP/1.1 302 Found\r\nLocation: ws://192.0.2.1/\r\nContent-Length: 0\r\n\r\n",
			want:   HandshakeError{302, ""},
			text:   "302 Found",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			url := serveRaw(t, func(c net.Conn) { io.WriteString(c, tc.answer) })
			_, err := Dialer(url, nil).Dial(context.Background())
			var answer *HandshakeError
			require.ErrorAs(t, err, &answer)
			require.Equal(t, tc.want, *answer)
			require.ErrorContains(t, err, tc.text)
			require.NotContains(t, err.Error(), "\x1b")
		})
	}
}

func TestDialWrongAnswers(t *testing.T) {
	const head = "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
	tests := map[string]struct {
		answer string
		want   string
	}{
		"no upgrade":         {"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "Upgrade"},
		"wrong accept":       {head + "Sec-WebSocket-Accept: AAAA\r\n\r\n", "Sec-WebSocket-Accept"},
		"not HTTP":           {"SSH-2.0-\x1b[31m\r\n\r\n", "malformed HTTP"},
		"nothing":            {"", "EOF"},
		"header without end": {"HTTP/1.1 101 X\r\nX: " + strings.Repeat("x", maxAnswer+1), "exceeded"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			url := serveRaw(t, func(c net.Conn) { io.WriteString(c, tc.answer) })
			_, err := Dialer(url, nil).Dial(context.Background())
			require.ErrorContains(t, err, tc.want)
			require.NotContains(t, err.Error(), "\x1b")
		})
	}
}

// A DialContext may return neither a connection nor an error.
func TestDialGivesNothing(t *testing.T) {
	nothing := func(context.Context, string, string) (net.Conn, error) { return nil, nil }
	for _, url := range []string{"ws://example.com/ws", "wss://example.com/ws"} {
		_, err := Dialer(url, &DialOptions{DialContext: nothing}).Dial(t.Context())
		require.ErrorContains(t, err, "neither a connection nor an error")
	}
}

// A context ends Dial at each of its stages.
func TestDialContext(t *testing.T) {
	tests := map[string]struct{ scheme, answer string }{
		"no answer":     {"ws", ""},
		"half a header": {"ws", "HTTP/1.1 101"},
		"half a body":   {"ws", "HTTP/1.1 404 X\r\nContent-Length: 9\r\n\r\nhalf"},
		"no TLS":        {"wss", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer l.Close()
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			stop := make(chan struct{})
			served := make(chan struct{})
			go func() {
				defer close(served)
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				c.Read(make([]byte, 1))
				io.WriteString(c, tc.answer)
				<-stop
			}()
			_, err = Dialer(tc.scheme+"://"+l.Addr().String(), nil).Dial(ctx)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			close(stop)
			require.NoError(t, l.Close()) // on a busy machine the context may end before there is a connection
			<-served
		})
	}
	t.Run("ended before", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := Dialer("ws://127.0.0.1:1", nil).Dial(ctx)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestDialNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	url := "ws://" + l.Addr().String()
	require.NoError(t, l.Close())
	_, err = Dialer(url, nil).Dial(context.Background())
	var refused *os.SyscallError
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, url)
}

func TestDialTLS(t *testing.T) {
	server, client := transporttest.Certificates(t)
	server.ClientAuth = tls.RequireAndVerifyClientCert
	l := newTestListener(nil)
	url, stop := serve(t, l, server)
	defer stop()
	_, err := Dialer(url, nil).Dial(context.Background())
	var unknown x509.UnknownAuthorityError
	require.ErrorAs(t, err, &unknown)

	before := client.Clone()
	a, b := connect(t, l, Dialer(url, &DialOptions{TLS: client}))
	defer a.Close()
	defer b.Close()
	require.Equal(t, before.NextProtos, client.NextProtos, "the caller's configuration is not changed")
	requireCarries(t, a, b)
	state := a.Info().TLS()
	require.Equal(t, "localhost", state.PeerCertificates[0].Subject.CommonName)
	r := Request(b.Info())
	require.Equal(t, "ada", r.TLS.PeerCertificates[0].Subject.CommonName)
}

func TestDialOptionsAreCopied(t *testing.T) {
	header := http.Header{"X-Name": {"ada"}}
	l := newTestListener(nil)
	url, stop := serve(t, l, nil)
	defer stop()
	d := Dialer(url, &DialOptions{Header: header})
	header.Set("X-Name", "changed")
	a, b := connect(t, l, d)
	defer a.Close()
	defer b.Close()
	require.Equal(t, "ada", Request(b.Info()).Header.Get("X-Name"))
}

func TestDialRefusesHeadersOfTheHandshake(t *testing.T) {
	for _, name := range []string{"Connection", "upgrade", "Sec-WebSocket-Extensions", "sec-websocket-protocol"} {
		d := Dialer("ws://127.0.0.1:1", &DialOptions{Header: http.Header{name: {"x"}}})
		_, err := d.Dial(context.Background())
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, "belongs to the handshake")
	}
}

func TestDialPercent(t *testing.T) {
	_, err := Dialer("ws://127.0.0.1:1/%zz", nil).Dial(context.Background())
	var wrong *URLError
	require.ErrorAs(t, err, &wrong)
	require.Contains(t, wrong.Reason, "%zz")
}
