package core

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// Once raw messages are received, more of them than are kept make reading wait: none is lost,
// and they and what follows come in order.
func TestRawBurstWaitsForReceiver(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		w.serve()
		cl := w.client("ada")
		var faults kept[error]
		var after kept[string]
		cl.OnError(func(_ *Conn, err error) { faults.add(err) })
		On(cl, "after", func(_ context.Context, _ *Conn, s string) error { after.add(s); return nil })
		w.join(cl)
		c := first(w)
		require.NoError(t, c.SendRaw([]byte("first")))
		b, err := cl.RecvRaw(w.ctx)
		require.NoError(t, err)
		require.Equal(t, "first", string(b))

		const count = 3 * maxRaw / 1000
		for i := range count {
			require.NoError(t, c.SendRaw(rawNumber(i)))
		}
		require.NoError(t, c.Send("after", "the burst"))
		synctest.Wait()
		raw := &cl.Conn().raw
		raw.mu.Lock()
		held := raw.bytes
		raw.mu.Unlock()
		require.LessOrEqual(t, held, maxRaw)
		require.Empty(t, after.all(), "it is behind what is not read yet")
		for i := range count {
			b, err := cl.RecvRaw(w.ctx)
			require.NoError(t, err)
			require.True(t, bytes.Equal(rawNumber(i), b), "message %d, got %.8s", i, b)
		}
		synctest.Wait()
		require.Equal(t, []string{"the burst"}, after.all())
		require.Empty(t, faults.all())
		require.NoError(t, cl.Close())
	})
}

// A raw message that nobody waited for when it came goes to who has begun to wait before it
// was put aside: otherwise he would wait on, and get the next one first.
func TestRawBoxKeepSeesWaiter(t *testing.T) {
	var b rawBox
	require.False(t, b.deliver([]byte("first")))
	ch, _, ok := b.receive(&inbox{})
	require.False(t, ok)
	_, ok = b.keep([]byte("first"))
	require.True(t, ok)
	require.Empty(t, b.kept)
	require.Equal(t, "first", string(<-ch))
}
