//go:build !js

package python_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport/transporttest"
)

// get_local_ip, iptup_to_str
func TestHelpers(t *testing.T) {
	t.Run("local IP", func(t *testing.T) {
		mine, err := net.InterfaceAddrs()
		require.NoError(t, err)
		var others []string // other addresses by which this machine is reached
		for _, a := range mine {
			ip := a.(*net.IPNet).IP
			if ip.IsGlobalUnicast() {
				others = append(others, ip.String())
			}
		}
		ip, err := tcp.LocalIP()
		require.Equal(t, len(others) > 0, err == nil, "%v", err)
		if err == nil {
			require.Contains(t, others, ip.String())
		}
	})
	t.Run("address of host and port", func(t *testing.T) {
		o := newOriginal(t, nil)
		at, err := netip.ParseAddrPort(o.addr)
		require.NoError(t, err)
		addr := net.JoinHostPort(at.Addr().String(), strconv.Itoa(int(at.Port())))
		o.enter(clientOf(t, addr, nil))
		require.Equal(t, []string{addr}, o.srv.ListenAddrs())
	})
}

// IPv4 only, TLS planned
func TestAddresses(t *testing.T) {
	serverTLS, clientTLS := transporttest.Certificates(t)
	mutual := serverTLS.Clone()
	mutual.ClientAuth = tls.RequireAndVerifyClientCert
	tests := map[string]struct {
		host           string
		server, client *tls.Config
	}{
		"IPv4":       {host: "127.0.0.1"},
		"host name":  {host: "localhost"},
		"TLS":        {host: "localhost", server: serverTLS, client: clientTLS},
		"mutual TLS": {host: "127.0.0.1", server: mutual, client: clientTLS},
	}
	// IPv6 is the one thing that a machine may lack.
	if probe, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Logf("no IPv6 on the loopback interface: %v", err)
	} else {
		require.NoError(t, probe.Close())
		six := tests["IPv4"]
		six.host = "::1"
		tests["IPv6"] = six
		six.server, six.client = mutual, clientTLS
		tests["IPv6, mutual TLS"] = six
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOriginal(t, nil, func(o *original) {
				core.On(o.srv, "who", func(_ context.Context, c *core.Conn, _ struct{}) error {
					info := c.Info()
					if state := info.TLS(); state != nil && len(state.PeerCertificates) > 0 {
						return c.Send("who", state.PeerCertificates[0].Subject.CommonName)
					}
					return c.Send("who", info.Transport)
				})
			})
			l, err := tcp.Listen(net.JoinHostPort(tc.host, "0"), &tcp.Options{TLS: tc.server})
			require.NoError(t, err)
			go o.srv.Serve(o.ctx, l) //nolint:errcheck // nil after Shutdown
			_, port, err := net.SplitHostPort(l.Addr())
			require.NoError(t, err)
			cl := harness.NewClient(tcp.Dialer(net.JoinHostPort(tc.host, port), &tcp.Options{TLS: tc.client}), nil)
			t.Cleanup(func() {
				cl.Close()
				<-cl.Done()
			})
			core.On(cl, "who", note[string](o, "who"))
			c := o.enter(cl)
			require.NoError(t, cl.Send("who", nil))
			switch {
			case tc.server == nil:
				o.hears(" who string tcp")
			case tc.server.ClientAuth == tls.RequireAndVerifyClientCert:
				o.hears(" who string ada")
			default:
				o.hears(" who string tls")
			}
			got, err := o.srv.Lookup(c.Addr())
			require.NoError(t, err)
			require.Same(t, c, got)
			o.check(cl)
		})
	}
	t.Run("mutual TLS without a certificate", func(t *testing.T) {
		o := newOriginal(t, nil)
		l, err := tcp.Listen("127.0.0.1:0", &tcp.Options{TLS: mutual})
		require.NoError(t, err)
		go o.srv.Serve(o.ctx, l) //nolint:errcheck // nil after Shutdown
		stranger := clientTLS.Clone()
		stranger.Certificates = nil
		cl := harness.NewClient(tcp.Dialer(l.Addr(), &tcp.Options{TLS: stranger}), nil)
		require.Error(t, cl.Connect(o.ctx))
		require.Nil(t, coretest.Next(t, o.faults).Conn)
		require.Zero(t, o.srv.Len())
	})
}
