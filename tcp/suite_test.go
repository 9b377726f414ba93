//go:build !js

package tcp_test

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// media are the kinds of connections for which the conformance suite runs.
func media(t *testing.T) map[string]struct {
	addr           string
	server, client *tcp.Options
} {
	serverTLS, clientTLS := transporttest.Certificates(t)
	tls12 := serverTLS.Clone()
	tls12.MaxVersion = tls.VersionTLS12
	mutual := serverTLS.Clone()
	mutual.ClientAuth = tls.RequireAndVerifyClientCert
	client := &tcp.Options{TLS: clientTLS}

	all := map[string]struct {
		addr           string
		server, client *tcp.Options
	}{
		"plain":      {"127.0.0.1:0", nil, nil},
		"host name":  {"localhost:0", nil, nil},
		"TLS":        {"127.0.0.1:0", &tcp.Options{TLS: serverTLS}, client},
		"TLS 1.2":    {"127.0.0.1:0", &tcp.Options{TLS: tls12}, client},
		"mutual TLS": {"127.0.0.1:0", &tcp.Options{TLS: mutual}, client},
	}
	// Only IPv6 may be missing on a machine.
	if probe, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Logf("no IPv6 on the loopback interface: %v", err)
	} else {
		require.NoError(t, probe.Close())
		all["IPv6"] = struct {
			addr           string
			server, client *tcp.Options
		}{"[::1]:0", nil, nil}
	}
	return all
}

func TestConn(t *testing.T) {
	for name, medium := range media(t) {
		t.Run(name, func(t *testing.T) {
			pair := func(t *testing.T) (a, b transport.Conn, stop func()) {
				l, err := tcp.Listen(medium.addr, medium.server)
				require.NoError(t, err)
				a, b = connect(t, l, medium.client)
				return a, b, func() { l.Close() }
			}
			transporttest.Run(t, pair)
			transporttest.RunHalfClose(t, pair)
		})
	}
}

func TestListener(t *testing.T) {
	for name, medium := range media(t) {
		t.Run(name, func(t *testing.T) {
			transporttest.RunListener(t, func(t *testing.T) (transport.Listener, transport.Dialer, func()) {
				l, err := tcp.Listen(medium.addr, medium.server)
				require.NoError(t, err)
				return l, tcp.Dialer(l.Addr(), medium.client), nil
			})
		})
	}
}
