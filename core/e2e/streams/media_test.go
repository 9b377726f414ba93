//go:build !js

package streams_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
)

// Streams of each kind run to their end over each medium, in both directions, also if the link is cut halfway. A stream
// is longer than several windows, which do not grow: it cannot end before the cut.
func TestEachMedium(t *testing.T) {
	const window = 16 << 10
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		p := newPair(t, n, window, -1)
		for from, to := range map[string]core.Streamer{"client": p.cl, "server": only(t, p.srv)} {
			for name, run := range programs {
				most := 2000 // items
				if name == "bytes" {
					most = 5 * window
				}
				require.NoError(t, run(p.ctx, to, most, nil), "%s of the %s", name, from)

				before, cut := p.srv.Stats().Resumed, false
				require.NoError(t, run(p.ctx, to, most, func(i int) {
					if i >= most/2 && !cut {
						cut = true
						p.cut()
					}
				}), "%s of the %s, cut", name, from)
				require.Greater(t, p.srv.Stats().Resumed, before, "%s of the %s", name, from)
			}
		}
		p.close(t)
	})
}

// only returns the only client of a server.
func only(t *testing.T, srv *core.Server) *core.Conn {
	t.Helper()
	for c := range srv.Clients() {
		return c
	}
	require.Fail(t, "there is no client")
	return nil
}
