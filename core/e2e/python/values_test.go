//go:build !js

package python_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A handler may ask for the kind of value that a client of 3.0a has sent. Other clients do not tell
// it.
func TestSentAs(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got kept[string]
		core.On(w.srv, "typed", func(ctx context.Context, _ *core.Conn, _ string) error {
			got.Add("typed " + core.SentAs(ctx).String())
			return nil
		})
		w.srv.OnBytes("beside", func(ctx context.Context, _ *core.Conn, _ []byte) error {
			got.Add("beside " + core.SentAs(ctx).String())
			return nil
		}, core.Concurrent())
		w.srv.OnAny(func(ctx context.Context, _ *core.Conn, f core.Frame) error {
			got.Add(f.Command + " " + core.SentAs(ctx).String())
			return nil
		})
		w.srv.OnMessage(func(ctx context.Context, _ *core.Conn, f core.Frame) error {
			got.Add("message " + core.SentAs(ctx).String())
			return nil
		})
		w.serve()
		send := func(p *oldPeer, payloads ...string) (heard []string) {
			for _, payload := range payloads {
				p.send(oldFrames(payload))
				synctest.Wait()
			}
			heard = got.All()
			got = kept[string]{}
			return heard
		}
		eve := w.v3(`"eve"`, `null`)
		require.ElementsMatch(t, []string{"typed text", "message text", "beside integer", "message integer"}, send(eve, cmd("typed", "2s", "hi"), cmd("beside", "2i", "42")))
		kinds := map[string]string{
			cmd("x", "2b", "ab"): "bytes", cmd("x", "2s", "ab"): "text", cmd("x", "0s", ""): "text", cmd("x", "2i", "42"): "integer", cmd("x", "4f", "\x3f\x00\x00\x00"): "float",
			cmd("x", "l1i", "4"): "list", cmd("x", "t1i", "4"): "tuple", cmd("x", "d1s1i", "a4"): "map", cmd("x", "l", ""): "list", cmd("x", "", ""): "none", "$CMD$x$MSG$": "none",
		}
		for payload, kind := range kinds {
			require.Equal(t, []string{"x " + kind, "message " + kind}, send(eve, payload), payload)
		}
		two := w.v3(`"two"`, `null`)
		require.Equal(t, []string{"x unknown", "message unknown"}, send(two, cmd2("x", "hi")))
		require.Equal(t, []string{"x unknown", "message unknown"}, send(w.old(`"old"`, `null`), "x hi"))
		cl := w.join(w.client("native"))
		require.Equal(t, core.DialectNative, cl.Conn().Dialect())
		require.Equal(t, core.DialectNative, w.conn("native").Dialect())
		require.NoError(t, cl.Send("x", 1))
		synctest.Wait()
		require.Equal(t, []string{"x unknown", "message unknown"}, got.All())
		_, err := cl.Record(w.ctx, "eve")
		require.Equal(t, core.CodeUnsupported, core.CodeOf(err))
		cl.Close()
	})
}
