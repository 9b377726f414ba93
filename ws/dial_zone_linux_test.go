package ws

import (
	"crypto/tls"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
)

// A URL may have the zone of an IPv6 address. The server is not sent the zone, and a certificate does not
// need it.
func TestDialZone(t *testing.T) {
	server, client := transporttest.Certificates(t)
	client = client.Clone()
	client.ServerName = "" // so the host of the URL counts
	tests := map[string]struct {
		zone   string
		server *tls.Config
	}{
		"as in a URL":    {"%25lo", nil},
		"as in a shell":  {"%lo", nil},
		"over TLS":       {"%25lo", server},
		"without a zone": {"", server},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			below, err := net.Listen("tcp", "[::1]:0")
			require.NoError(t, err)
			l := newTestListener(nil)
			site := &http.Server{Handler: l, ErrorLog: quietLog}
			scheme := "ws"
			if tc.server != nil {
				scheme, below = "wss", tls.NewListener(below, tc.server)
			}
			go site.Serve(below) //nolint:errcheck // until Close
			defer site.Close()
			_, port, err := net.SplitHostPort(below.Addr().String())
			require.NoError(t, err)
			a, b := connect(t, l, Dialer(scheme+"://[::1"+tc.zone+"]:"+port+"/ws?a=b", &DialOptions{TLS: client}))
			defer a.Close()
			defer b.Close()
			requireCarries(t, a, b)
			r := Request(b.Info())
			require.Equal(t, "[::1]:"+port, r.Host)
			require.Equal(t, "/ws?a=b", r.URL.String())
		})
	}
}
