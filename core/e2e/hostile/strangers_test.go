//go:build !js

package hostile_test

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport/transporttest"
	"github.com/hisock/hisock/ws"
)

// A port scanner that connects and leaves, in all possible ways, is harmless.
func TestPortScanner(t *testing.T) {
	harness.Over(t, []string{"tcp", "tls", "ws", "wss"}, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		const rounds = 20
		for range rounds {
			require.NoError(t, n.Knock(t).Close())
		}
		abrupt := n.Knock(t)
		require.NoError(t, abrupt.(*net.TCPConn).SetLinger(0)) // the close is a reset
		require.NoError(t, abrupt.Close())
		s.Check()
		if n.OverWebSocket() {
			s.WantQuiet() // the HTTP server has refused them
			return
		}
		for range rounds + 1 {
			s.WantFault(core.CodeConnLost, "handshake")
		}
		s.WantQuiet()
	})
}

// A stranger that speaks another protocol gets no answer on a TCP port.
func TestStrangersOnTCP(t *testing.T) {
	tests := map[string]struct {
		in     string
		reason string
	}{
		"line of text":       {"hello?\r\n", "not those of a hisock client"},
		"SSH":                {"SSH-2.0-OpenSSH_9.6\r\n", "not those of a hisock client"},
		"escape sequences":   {coretest.EveryNasty(), "not those of a hisock client"},
		"zeros":              {strings.Repeat("\x00", 100), "not those of a hisock client"},
		"almost a preface":   {"\x00HTML", "not those of a hisock client"},
		"TLS in version 1.0": {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "a TLS handshake"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			n := harness.Open(t, "tcp")
			s := harness.NewScene(t, n, nil)
			c := n.Knock(t)
			_, err := io.WriteString(c, tc.in)
			require.NoError(t, err)
			s.WantRefused(core.CodeNotNative, tc.reason)
			answer, _ := io.ReadAll(c) // the end may be a reset
			require.Empty(t, answer)
			s.Check()
			s.WantQuiet()
		})
	}
}

// Random bytes are never a hello, and end at most their own connection.
func TestRandomBytes(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		for range 20 {
			b := make([]byte, 600)
			rand.Read(b)
			b[0] |= 0x80 // neither native nor ASCII
			p := n.Raw(t)
			p.Send(b)
			s.WantRefused(core.CodeNotNative, "not those of a hisock client")
			require.Error(t, p.Read())
			require.Empty(t, p.In)
			p.Stream.Close()

			// Also in place of an HTTP request.
			c := n.Knock(t)
			_, err := c.Write(append(b, "\r\n\r\n"...))
			require.NoError(t, err)
			io.ReadAll(c) //nolint:errcheck // the end may be a reset
			if !n.OverWebSocket() {
				s.WantRefused(core.CodeNotNative, "not those of a hisock client")
			}
		}
		s.Check()
		s.WantQuiet()
	})
}

func TestHTTPOnTCP(t *testing.T) {
	for _, method := range []string{"GET", "POST", "HEAD", "OPTIONS", "DELETE"} {
		t.Run(method, func(t *testing.T) {
			n := harness.Open(t, "tcp")
			s := harness.NewScene(t, n, nil)
			body := strings.NewReader(strings.Repeat("body ", 100))
			request, err := http.NewRequestWithContext(s.Ctx, method, "http://"+n.Addr+"/%1b%5b31m?"+coretest.NastyMark, body)
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
			s.WantRefused(core.CodeNotNative, "an HTTP request")
			s.Check()
			s.WantQuiet()
		})
	}
}

// A WebSocket client on the TCP port gets an answer of its own protocol.
func TestWebSocketOnTCP(t *testing.T) {
	n := harness.Open(t, "tcp")
	s := harness.NewScene(t, n, nil)
	cl := s.Client(&harness.Network{Dialer: ws.Dialer("ws://"+n.Addr+"/ws", nil)}, nil)
	err := cl.Connect(s.Ctx)
	require.Equal(t, core.CodeNotConnected, core.CodeOf(err))
	var answer *ws.HandshakeError
	require.ErrorAs(t, err, &answer)
	require.Equal(t, http.StatusBadRequest, answer.Status)
	require.Contains(t, answer.Reason, "not HTTP")
	coretest.RequireLoggable(t, err.Error())
	s.WantRefused(core.CodeNotNative, "an HTTP request")
	s.Check()
	s.WantQuiet()
}

func TestTLSOnPlainPort(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		c := tls.Client(n.Knock(t), &tls.Config{ServerName: "localhost"})
		err := c.HandshakeContext(s.Ctx)
		require.Error(t, err)
		c.Close()
		if !n.OverWebSocket() {
			s.WantRefused(core.CodeNotNative, "a TLS handshake")
		}

		// The library's own clients report the same.
		_, config := transporttest.Certificates(t)
		d := tcp.Dialer(n.Addr, &tcp.Options{TLS: config})
		if n.OverWebSocket() {
			d = ws.Dialer(strings.Replace(n.URL, "ws:", "wss:", 1), &ws.DialOptions{TLS: config})
		}
		err = s.Client(&harness.Network{Dialer: d}, nil).Connect(s.Ctx)
		require.Equal(t, core.CodeNotConnected, core.CodeOf(err))
		require.Error(t, errors.Unwrap(err))
		coretest.RequireLoggable(t, err.Error())
		if !n.OverWebSocket() {
			s.WantRefused(core.CodeNotNative, "a TLS handshake")
		}
		s.Check()
		s.WantQuiet()
	})
}

func TestPlainOnTLSPort(t *testing.T) {
	n := harness.Open(t, "tls")
	s := harness.NewScene(t, n, nil)
	err := s.Client(&harness.Network{Dialer: tcp.Dialer(n.Addr, nil)}, nil).Connect(s.Ctx)
	require.Error(t, err)
	coretest.RequireLoggable(t, err.Error())
	s.WantRefused(core.CodeConnLost, "TLS")

	c := n.Knock(t)
	_, err = io.WriteString(c, coretest.EveryNasty()+strings.Repeat(" ", 100))
	require.NoError(t, err)
	s.WantRefused(core.CodeConnLost, "TLS")
	s.Check()
	s.WantQuiet()
}

// A client over TCP on an HTTP port reports that it has found HTTP.
func TestNativeOnHTTPPort(t *testing.T) {
	names := map[string]string{"no name": "", "short": "ada", "ten bytes, which is a newline": "ada lovely", "long": strings.Repeat("n", 120)}
	for name, who := range names {
		t.Run(name, func(t *testing.T) {
			n := harness.Open(t, "ws")
			s := harness.NewScene(t, n, nil)
			cl := s.Client(&harness.Network{Dialer: tcp.Dialer(n.Addr, nil)}, &core.ClientOptions{Name: who})
			err := cl.Connect(s.Ctx)
			require.Equal(t, core.CodeNotNative.String(), core.CodeOf(err).String(), "%v", err)
			require.Contains(t, err.Error(), "HTTP")
			require.False(t, core.IsRemote(err))
			s.Check()
			s.WantQuiet()
		})
	}
}

// A hello by hand in WebSocket messages of any size is as good as a hello over TCP.
func TestHelloInPieces(t *testing.T) {
	harness.Over(t, []string{"ws", "wss"}, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		p := n.Raw(t)
		all := wire.AppendRequest(coretest.Hello(wire.Hello{Name: "pieces"}), 1, "echo", []byte("x"))
		_, err := p.Stream.WriteBuffers([][]byte{all[:1], nil, all[1:7], all[7:9]})
		require.NoError(t, err)
		p.Send(all[9:])
		require.Equal(t, wire.KindWelcome.String(), p.Want().Kind.String())
		s.WantJoin("pieces")
		require.Equal(t, "x", p.WantReply(1))
	})
}
