//go:build !js

package core_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
	"github.com/hisock/hisock/ws"
)

// An authorizer asks every medium the same questions. None of them panics.
func TestAuthorizeAsksTheMedium(t *testing.T) {
	serverTLS, clientTLS := transporttest.Certificates(t)
	mutual := serverTLS.Clone()
	mutual.ClientAuth = tls.RequireAndVerifyClientCert
	srv := harness.NewServer(&core.ServerOptions{Access: core.Access{Authorize: func(_ context.Context, a *core.Admission) error {
		a.Name = "nobody"
		if state := a.Info.TLS(); state != nil {
			a.Name = state.PeerCertificates[0].Subject.CommonName
		}
		if r := ws.Request(a.Info); r != nil {
			a.Name += " at " + r.URL.Path
		}
		return nil
	}}})
	defer srv.Shutdown(t.Context())                                      //nolint:errcheck // the test ends
	serve := func(l transport.Listener) { go srv.Serve(t.Context(), l) } //nolint:errcheck // nil after Shutdown
	plain, secure := coretest.Must(tcp.Listen("127.0.0.1:0", nil)), coretest.Must(tcp.Listen("localhost:0", &tcp.Options{TLS: mutual}))
	memory, sockets := transport.NewPipeListener(), coretest.Must(ws.NewListener(nil))
	for _, l := range []transport.Listener{plain, secure, memory, sockets} {
		serve(l)
	}
	web, secureWeb := httptest.NewServer(http.Handler(sockets)), httptest.NewUnstartedServer(http.Handler(sockets))
	defer web.Close()
	secureWeb.TLS = mutual
	secureWeb.StartTLS()
	defer secureWeb.Close()
	url := func(s *httptest.Server) string { return "ws" + strings.TrimPrefix(s.URL, "http") + "/path" }
	local := clientTLS.Clone()
	local.ServerName = "localhost"

	for want, d := range map[string]transport.Dialer{
		"nobody":          tcp.Dialer(plain.Addr(), nil),
		"ada":             tcp.Dialer(secure.Addr(), &tcp.Options{TLS: local}),
		"nobody at /path": ws.Dialer(url(web), nil),
		"ada at /path":    ws.Dialer(url(secureWeb), &ws.DialOptions{TLS: local}),
	} {
		cl := harness.NewClient(d, nil)
		require.NoError(t, cl.Connect(t.Context()))
		require.Equal(t, want, cl.Name())
		cl.Close()
		<-cl.Done()
	}
	cl := harness.NewClient(memory, nil)
	require.NoError(t, cl.Connect(t.Context()))
	require.Equal(t, "nobody", cl.Name())
	cl.Close()
	<-cl.Done()
}
