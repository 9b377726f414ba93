//go:build !js

package python_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// The bounds of handlers hold for peers of the original, before their payloads are converted.
func TestMaxPayloadClassic(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got, faults kept[string]
		w.srv.OnBytes("x", func(_ context.Context, _ *core.Conn, in []byte) error { got.Add(string(in)); return nil }, core.MaxPayload(10))
		w.srv.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error { got.Add("message"); return nil }, core.MaxPayload(4))
		w.srv.OnError(func(_ *core.Conn, err error) {
			require.Equal(t, core.CodeTooBig, core.CodeOf(err), "%v", err)
			faults.Add(err.Error())
		})
		w.serve()
		p, typed := w.old(`"eve"`, "null"), w.v3(`"mallory"`, `null`)
		p.send(oldFrames("x 12345678901", strings.Repeat("raw", 100)))
		typed.send(oldFrames(cmd("x", "l1s1s1s1s1s1s", "abcdef"), cmd("x", "11s", "12345678901")))
		synctest.Wait()
		require.Empty(t, got.All())
		require.Len(t, faults.All(), 6) // one each for the list, which is not converted at all, and the raw message; two each for the others
		typed.send(oldFrames(cmd("x", "10s", "1234567890")))
		synctest.Wait()
		require.Equal(t, []string{"1234567890"}, got.All())
		p.close()
		typed.close()
	})
}
