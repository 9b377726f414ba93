//go:build !js

package tcp_test

import (
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport/transporttest"
)

func TestListenErrors(t *testing.T) {
	taken := listen(t, "127.0.0.1:0", nil)
	tests := map[string]struct {
		addr string
		opts *tcp.Options
		want string
	}{
		"address in use":    {taken.Addr(), nil, "tcp: listen tcp " + taken.Addr()},
		"no port":           {"127.0.0.1", nil, "missing port"},
		"port out of range": {"127.0.0.1:65536", nil, "invalid port"},
		"no certificate":    {"127.0.0.1:0", &tcp.Options{TLS: &tls.Config{}}, `tcp: listen "127.0.0.1:0": the TLS configuration has no certificate`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := tcp.Listen(tc.addr, tc.opts)
			require.ErrorContains(t, err, tc.want)
			require.Nil(t, l)
		})
	}
	_, err := tcp.NewListener(nil, nil)
	require.ErrorContains(t, err, "no listener")
	_, err = tcp.NewConn(nil, nil)
	require.ErrorContains(t, err, "no connection")
}

func TestListenTakesCertificateLater(t *testing.T) {
	serverTLS, clientTLS := transporttest.Certificates(t)
	tests := map[string]*tls.Config{
		"GetCertificate": {GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &serverTLS.Certificates[0], nil
		}},
		"GetConfigForClient": {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return serverTLS, nil
		}},
	}
	for name, config := range tests {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "127.0.0.1:0", &tcp.Options{TLS: config})
			connect(t, l, &tcp.Options{TLS: clientTLS})
		})
	}
}

func TestDialErrors(t *testing.T) {
	l := listen(t, "127.0.0.1:0", nil)
	require.NoError(t, l.Close())
	tests := map[string]struct{ addr, want string }{
		"nobody listens": {l.Addr(), "tcp: dial tcp " + l.Addr()},
		"no port":        {"127.0.0.1", "tcp: dial tcp: address 127.0.0.1: missing port"},
		"empty":          {"", "tcp: dial tcp: missing address"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			conn, err := tcp.Dialer(tc.addr, nil).Dial(t.Context())
			require.ErrorContains(t, err, tc.want)
			require.Nil(t, conn)
		})
	}
}

func TestOptionsAreCopied(t *testing.T) {
	serverTLS, clientTLS := transporttest.Certificates(t)
	server, client := &tcp.Options{TLS: serverTLS}, &tcp.Options{TLS: clientTLS}
	l := listen(t, "127.0.0.1:0", server)
	serverTLS.Certificates = nil
	server.TLS = nil

	d := tcp.Dialer(l.Addr(), client)
	clientTLS.RootCAs = nil
	client.TLS = nil

	served := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_, err = conn.Read(nil)
			conn.Close()
		}
		served <- err
	}()
	conn, err := d.Dial(t.Context())
	require.NoError(t, err)
	require.Equal(t, "tls", conn.Info().Transport)
	require.NoError(t, <-served)
	require.NoError(t, conn.Close())
}

func TestInfo(t *testing.T) {
	l := listen(t, "127.0.0.1:0", nil)
	dialled, accepted := connect(t, l, nil)
	here, there := dialled.Info(), accepted.Info()
	require.Equal(t, "tcp", here.Transport)
	require.Equal(t, l.Addr(), here.Remote)
	require.Equal(t, l.Addr(), there.Local)
	require.Equal(t, here.Local, there.Remote)
	require.Nil(t, here.Handshake())
	_, port, err := net.SplitHostPort(here.Local)
	require.NoError(t, err)
	require.NotEqual(t, "0", port)
}
