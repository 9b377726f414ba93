package core

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A broadcast that is too big for one client is not sent to that client, and reported.
func TestBroadcastTooBigForOne(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var faults kept[string]
		w.srv.OnError(func(c *Conn, err error) { faults.Add(c.Name() + " " + CodeOf(err).String()) })
		w.serve()
		small := newTestClient(w.lis, &ClientOptions{Retry: Retry{Off: true}, Name: "small", MaxFrame: 1000})
		w.clients = append(w.clients, small)
		w.join(small)
		var got kept[int]
		cl := w.client("ada")
		cl.OnBytes("n", func(_ context.Context, _ *Conn, b []byte) error { got.Add(len(b)); return nil })
		w.join(cl)
		require.NoError(t, w.srv.All().SendBytes("n", make([]byte, 2000)))
		synctest.Wait()
		require.Equal(t, []int{2000}, got.All())
		require.Equal(t, []string{"small too big"}, faults.All())
		require.NoError(t, small.Close())
		require.NoError(t, cl.Close())
	})
}

// A broadcast costs two allocations apart from its receivers: the frame and the block that queues share.
func TestBroadcastAllocations(t *testing.T) {
	srv := newTestServer(nil)
	srv.freeze()
	payload := make([]byte, 128)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		if srv.All().SendBytes("news", payload) != nil {
			t.Error("not sent")
		}
	}), 2.0)
}
