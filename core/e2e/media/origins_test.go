//go:build !js

package media_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/ws"
)

// A page whose origin is not let in is told so finally, and does not come back. A client behind a
// trusted proxy has its own address.
func TestPagesOverSockets(t *testing.T) {
	srv := coretest.Must(core.NewServer(&core.ServerOptions{Logger: core.Silent}))
	l := coretest.Must(ws.NewListener(&ws.Options{Origins: []string{"self", "https://*.example.com"}, Proxies: []string{"127.0.0.1"}}))
	go srv.Serve(t.Context(), l) //nolint:errcheck // nil after Shutdown
	web := httptest.NewServer(http.Handler(l))
	defer web.Close()
	defer srv.Shutdown(t.Context()) //nolint:errcheck // the test ends
	client := func(header ...string) *core.Client {
		h := http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		cl := coretest.Must(core.NewClient(ws.Dialer("ws"+strings.TrimPrefix(web.URL, "http"), &ws.DialOptions{Header: h}), nil))
		t.Cleanup(func() {
			cl.Close()
			<-cl.Done()
		})
		return cl
	}
	own := client()
	require.Eventually(t, func() bool { return own.Connect(t.Context()) == nil }, 30*time.Second, time.Millisecond, "Serve has begun")
	require.NoError(t, own.Close())
	require.Eventually(t, func() bool { return srv.Len() == 0 }, 30*time.Second, time.Millisecond)

	evil := client("Origin", "https://evil.example")
	err := evil.Connect(t.Context())
	require.Equal(t, core.CodeUnauthorized, core.CodeOf(err), "%v", err)
	require.True(t, core.IsRemote(err))
	require.ErrorContains(t, err, `origin "https://evil.example" is not of this host`)
	require.Zero(t, srv.Len())

	good := client("Origin", "https://chat.example.com", "X-Forwarded-For", "203.0.113.7:5")
	require.NoError(t, good.Connect(t.Context()))
	c, err := srv.Lookup("203.0.113.7:5")
	require.NoError(t, err)
	require.Equal(t, "203.0.113.7:5", c.Addr())
	require.NotEmpty(t, c.Info().Proxy)
}
