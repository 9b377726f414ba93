//go:build !js

package core_test

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport/transporttest"
	"github.com/hisock/hisock/ws"
)

// knock opens a plain TCP connection to the port.
func (n *network) knock(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", n.addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(transporttest.Patience)))
	return c
}

// A port scanner connects and goes again, in all the ways it can.
func TestPortScanner(t *testing.T) {
	over(t, []string{"tcp", "tls", "ws", "wss"}, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		const rounds = 20
		for range rounds {
			require.NoError(t, n.knock(t).Close())
		}
		abrupt := n.knock(t)
		require.NoError(t, abrupt.(*net.TCPConn).SetLinger(0)) // the close is a reset
		require.NoError(t, abrupt.Close())
		s.check()
		if n.overWebSocket() {
			s.wantQuiet() // the HTTP server kept them away
			return
		}
		for range rounds + 1 {
			s.wantFault(core.CodeConnLost, "handshake")
		}
		s.wantQuiet()
	})
}

// Bytes of another protocol are not answered in ours, except where an answer can be read.
func TestStrangersOnTCP(t *testing.T) {
	tests := map[string]struct {
		in     string
		reason string
	}{
		"line of text":       {"hello?\r\n", "not those of a hisock client"},
		"SSH":                {"SSH-2.0-OpenSSH_9.6\r\n", "not those of a hisock client"},
		"escape sequences":   {everyNasty(), "not those of a hisock client"},
		"zeros":              {strings.Repeat("\x00", 100), "not those of a hisock client"},
		"almost a preface":   {"\x00HTML", "not those of a hisock client"},
		"TLS in version 1.0": {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "a TLS handshake"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			n := open(t, "tcp")
			s := newScene(t, n, nil)
			c := n.knock(t)
			_, err := io.WriteString(c, tc.in)
			require.NoError(t, err)
			s.wantRefused(core.CodeNotNative, tc.reason)
			answer, _ := io.ReadAll(c) // the end may be a reset
			require.Empty(t, answer)
			s.check()
			s.wantQuiet()
		})
	}
}

// Random bytes never are a hello, and never do more than end their own connection.
func TestRandomBytes(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		for range 20 {
			b := make([]byte, 600)
			rand.Read(b)
			b[0] |= 0x80 // what is not native and not ASCII
			p := n.raw(t)
			p.send(b)
			s.wantRefused(core.CodeNotNative, "not those of a hisock client")
			require.Error(t, p.read())
			require.Empty(t, p.in)
			p.stream.Close()

			// In place of a WebSocket or the like too.
			c := n.knock(t)
			_, err := c.Write(append(b, "\r\n\r\n"...))
			require.NoError(t, err)
			io.ReadAll(c) //nolint:errcheck // the end may be a reset
			if !n.overWebSocket() {
				s.wantRefused(core.CodeNotNative, "not those of a hisock client")
			}
		}
		s.check()
		s.wantQuiet()
	})
}

func TestHTTPOnTCP(t *testing.T) {
	for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS", "DELETE"} {
		t.Run(method, func(t *testing.T) {
			n := open(t, "tcp")
			s := newScene(t, n, nil)
			body := strings.NewReader(strings.Repeat("body ", 100))
			request, err := http.NewRequestWithContext(s.ctx, method, "http://"+n.addr+"/%1b%5b31m?"+nastyMark, body)
			require.NoError(t, err)
			client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			response, err := client.Do(request)
			require.NoError(t, err)
			defer response.Body.Close()
			require.Equal(t, http.StatusBadRequest, response.StatusCode)
			require.Equal(t, "text/plain; charset=utf-8", response.Header.Get("Content-Type"))
			if method != "HEAD" {
				answer, err := io.ReadAll(response.Body)
				require.NoError(t, err)
				require.Contains(t, string(answer), "not HTTP")
			}
			s.wantRefused(core.CodeNotNative, "an HTTP request")
			s.check()
			s.wantQuiet()
		})
	}
}

// A WebSocket client on the TCP port is told by its own protocol.
func TestWebSocketOnTCP(t *testing.T) {
	n := open(t, "tcp")
	s := newScene(t, n, nil)
	cl := s.client(&network{dialer: ws.Dialer("ws://"+n.addr+"/ws", nil)}, nil)
	err := cl.Connect(s.ctx)
	require.Equal(t, core.CodeNotConnected, core.CodeOf(err))
	var answer *ws.HandshakeError
	require.ErrorAs(t, err, &answer)
	require.Equal(t, http.StatusBadRequest, answer.Status)
	require.Contains(t, answer.Reason, "not HTTP")
	requireLoggable(t, err.Error())
	s.wantRefused(core.CodeNotNative, "an HTTP request")
	s.check()
	s.wantQuiet()
}

func TestTLSOnPlainPort(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		c := tls.Client(n.knock(t), &tls.Config{ServerName: "localhost"})
		err := c.HandshakeContext(s.ctx)
		require.Error(t, err)
		c.Close()
		if !n.overWebSocket() {
			s.wantRefused(core.CodeNotNative, "a TLS handshake")
		}

		// The library's own clients say so too.
		_, config := transporttest.Certificates(t)
		d := tcp.Dialer(n.addr, &tcp.Options{TLS: config})
		if n.overWebSocket() {
			d = ws.Dialer(strings.Replace(n.url, "ws:", "wss:", 1), &ws.DialOptions{TLS: config})
		}
		err = s.client(&network{dialer: d}, nil).Connect(s.ctx)
		require.Equal(t, core.CodeNotConnected, core.CodeOf(err))
		require.Error(t, errors.Unwrap(err))
		requireLoggable(t, err.Error())
		if !n.overWebSocket() {
			s.wantRefused(core.CodeNotNative, "a TLS handshake")
		}
		s.check()
		s.wantQuiet()
	})
}

func TestPlainOnTLSPort(t *testing.T) {
	n := open(t, "tls")
	s := newScene(t, n, nil)
	err := s.client(&network{dialer: tcp.Dialer(n.addr, nil)}, nil).Connect(s.ctx)
	require.Error(t, err)
	requireLoggable(t, err.Error())
	s.wantRefused(core.CodeConnLost, "TLS")

	c := n.knock(t)
	_, err = io.WriteString(c, everyNasty()+strings.Repeat(" ", 100))
	require.NoError(t, err)
	s.wantRefused(core.CodeConnLost, "TLS")
	s.check()
	s.wantQuiet()
}

// A client of the TCP kind on the HTTP port is told what it knocked at.
func TestNativeOnHTTPPort(t *testing.T) {
	names := map[string]string{"no name": "", "short": "ada", "ten bytes, which is a newline": "ada lovely", "long": strings.Repeat("n", 120)}
	for name, who := range names {
		t.Run(name, func(t *testing.T) {
			n := open(t, "ws")
			s := newScene(t, n, nil)
			cl := s.client(&network{dialer: tcp.Dialer(n.addr, nil)}, &core.ClientOptions{Name: who})
			err := cl.Connect(s.ctx)
			require.Equal(t, core.CodeNotNative.String(), core.CodeOf(err).String(), "%v", err)
			require.Contains(t, err.Error(), "HTTP")
			require.False(t, core.IsRemote(err))
			s.check()
			s.wantQuiet()
		})
	}
}

// A hello by hand that a WebSocket carries is as good as over TCP, in messages of any size.
func TestHelloInPieces(t *testing.T) {
	over(t, []string{"ws", "wss"}, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		p := n.raw(t)
		all := wire.AppendRequest(hello(wire.Hello{Name: "pieces"}), 1, "echo", []byte("x"))
		_, err := p.stream.WriteBuffers([][]byte{all[:1], nil, all[1:7], all[7:9]})
		require.NoError(t, err)
		p.send(all[9:])
		require.Equal(t, wire.KindWelcome.String(), p.want().Kind.String())
		s.wantJoin("pieces")
		require.Equal(t, "x", p.wantReply(1))
	})
}
