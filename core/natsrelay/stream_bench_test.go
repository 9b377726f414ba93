package natsrelay

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// BenchmarkStreamItems sends items of 128 B to a client, which takes them all: of the same node, and of another node over NATS.
func BenchmarkStreamItems(b *testing.B) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true, JetStream: true, StoreDir: b.TempDir()})
	require.NoError(b, err)
	s.Start()
	b.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	require.True(b, s.ReadyForConnections(10*time.Second))
	var hubs [2]*hub
	for i := range hubs {
		r, err := New(Options{Servers: []string{s.ClientURL()}})
		require.NoError(b, err)
		srv, err := core.NewServer(&core.ServerOptions{Logger: core.Silent, Cluster: core.ClusterOptions{Relay: r}})
		require.NoError(b, err)
		hubs[i] = &hub{srv: srv, lis: transport.NewPipeListener()}
		go srv.Serve(context.Background(), hubs[i].lis)          //nolint:errcheck // nil after Shutdown
		b.Cleanup(func() { srv.Shutdown(context.Background()) }) //nolint:errcheck // it is the end
	}
	cl, err := core.NewClient(hubs[1].lis, &core.ClientOptions{Name: "bob"})
	require.NoError(b, err)
	core.HandleUpload(cl, "size", func(_ context.Context, _ *core.Conn, _ string, items iter.Seq2[[]byte, error]) (n int, err error) {
		for _, err := range items {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	})
	require.NoError(b, cl.Connect(b.Context()))
	defer cl.Close()
	for name, from := range map[string]*hub{"here": hubs[1], "elsewhere": hubs[0]} {
		for len(from.srv.Cluster().Nodes()) < 1 {
			time.Sleep(time.Millisecond)
		}
		bob, err := from.srv.Cluster().Client(b.Context(), "bob")
		require.NoError(b, err)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(128)
			item := make([]byte, 128)
			n, err := core.Upload[int](b.Context(), bob, "size", "", func(yield func([]byte) bool) {
				for b.Loop() && yield(item) {
				}
			})
			require.NoError(b, err)
			require.GreaterOrEqual(b, n, b.N)
		})
	}
}
