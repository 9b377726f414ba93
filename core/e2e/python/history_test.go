//go:build !js

package python_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// Classic clients get the history in their own protocol. Messages that their protocol cannot carry
// are reported.
func TestHistory(t *testing.T) {
	inWorld(t, &core.ServerOptions{History: core.History{Messages: 9, Replay: true}}, func(w *world) {
		var faults kept[string]
		w.srv.OnError(func(c *core.Conn, err error) { faults.Add(c.Name() + " " + core.CodeOf(err).String()) })
		w.srv.OnJoin(func(c *core.Conn) { c.Send("welcome", c.Name()) }) //nolint:errcheck // seen below
		w.serve()
		ada := w.join(w.client("ada", "red", "blue"))
		red := w.srv.Group("red")
		require.NoError(t, red.Send("say", "one"))
		require.NoError(t, red.Send("two words", "x"))
		require.NoError(t, red.SendRaw([]byte("raw")))
		require.NoError(t, w.srv.Group("blue").Send("say", "sky"))
		old := w.old(`"ann"`, `"red"`)
		old.want("say one", "raw", "welcome ann")
		require.NoError(t, red.Send("say", "two"))
		require.NoError(t, w.conn("ann").Join(w.ctx, "blue"))
		old.want("say two", "say sky")
		require.Equal(t, []string{"ann bad name"}, faults.All())
		require.NoError(t, ada.Close())
		synctest.Wait()
		old.close()
	})
}
