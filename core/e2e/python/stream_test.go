//go:build !js

package python_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
)

// A stream to a peer that speaks a dialect of the original is refused at either end. The peer hears
// nothing.
func TestNoStreams(t *testing.T) {
	refused := func(t *testing.T, to core.Streamer) {
		t.Helper()
		for _, err := range core.Stream[int](t.Context(), to, "ticks", nil) {
			require.Equal(t, core.CodeUnsupported, core.CodeOf(err))
			require.False(t, core.IsRemote(err))
		}
		_, err := core.Upload[int](t.Context(), to, "ticks", nil, func(yield func(int) bool) { yield(1) })
		require.Equal(t, core.CodeUnsupported, core.CodeOf(err))
		n := 0
		for _, err := range core.Exchange[int](t.Context(), to, "ticks", nil, func(yield func(int) bool) { yield(1) }) {
			require.Equal(t, core.CodeUnsupported, core.CodeOf(err))
			n++
		}
		require.Equal(t, 1, n)
		_, err = core.OpenByteStream(t.Context(), to, "ticks", nil)
		require.Equal(t, core.CodeUnsupported, core.CodeOf(err))
		require.Contains(t, core.Text(err), "no streams")
	}
	for _, d := range []core.Dialect{core.Dialect002, core.Dialect1x, core.Dialect2x, core.Dialect30a} {
		t.Run(d.String(), func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				ticks := func(context.Context, *core.Conn, struct{}, func(int) error) error { return nil }
				core.HandleStream(w.srv, "ticks", ticks)
				w.serve()
				cl := harness.NewClient(w.lis, &core.ClientOptions{
					Name: "ada", Codec: testCodec{}, Classic: &core.Classic{Dialect: d}, Retry: core.Retry{Off: true},
				})
				w.clients = append(w.clients, cl)
				core.HandleStream(cl, "ticks", ticks)
				w.join(cl)
				c := w.conn("ada")
				require.NotEqual(t, core.DialectNative, c.Dialect())
				before, there := c.Stats().Sent, cl.Conn().Stats().Sent
				refused(t, c)
				refused(t, cl)
				synctest.Wait()
				require.Equal(t, before, c.Stats().Sent)
				require.Equal(t, there, cl.Conn().Stats().Sent)
				require.NoError(t, c.Err())
				require.NoError(t, cl.Conn().Err())
			})
		})
	}
}
