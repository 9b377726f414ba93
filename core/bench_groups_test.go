//go:build !js

package core_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/relaytest"
	"github.com/hisock/hisock/transport"
)

// BenchmarkJoin lets a client that is in n groups join one more group and leave it, at its own request
// or by the server's program. The figures are of both ends together.
func BenchmarkJoin(b *testing.B) {
	for _, n := range []int{10, 1000, 10_000} {
		b.Run(fmt.Sprintf("asked/%d", n), func(b *testing.B) {
			cl, _ := inGroups(b, n)
			for b.Loop() {
				require.NoError(b, cl.Join(b.Context(), "another"))
				require.NoError(b, cl.Leave(b.Context(), "another"))
			}
		})
		b.Run(fmt.Sprintf("by the program/%d", n), func(b *testing.B) {
			cl, c := inGroups(b, n)
			for b.Loop() {
				require.NoError(b, c.Join(b.Context(), "another"))
				require.NoError(b, c.Leave(b.Context(), "another"))
				if _, err := cl.CallBytes(b.Context(), "here", nil); err != nil { // the client has been told by then
					b.Fatal(err)
				}
			}
		})
	}
}

// inGroups connects a client that is in n groups. It returns the client and its connection at the
// server.
func inGroups(b *testing.B, n int) (*core.Client, *core.Conn) {
	l, d := listen(b, "pipe")
	conns := make(chan *core.Conn, 1)
	srv := newBenchServer(b, &core.ServerOptions{Limits: core.Limits{MaxGroups: n + 1, ChangeRate: -1}})
	srv.OnJoin(func(c *core.Conn) { conns <- c })
	core.Handle(srv, "here", answerNothing)
	serve(b, srv, l)
	cl := newBenchClient(b, d)
	require.NoError(b, cl.Connect(b.Context()))
	b.Cleanup(func() { cl.Close() })
	c := <-conns
	for i := range n {
		require.NoError(b, c.Join(b.Context(), fmt.Sprintf("the group with the number %d", i)))
		if i%100 == 99 {
			_, err := cl.CallBytes(b.Context(), "here", nil)
			require.NoError(b, err)
		}
	}
	b.ReportAllocs()
	return cl, c
}

func newBenchServer(_ testing.TB, opts *core.ServerOptions) *core.Server {
	return harness.NewServer(opts)
}

func newBenchClient(_ testing.TB, d transport.Dialer) *core.Client { return harness.NewClient(d, nil) }

func answerNothing(context.Context, *core.Conn, struct{}) (struct{}, error) { return struct{}{}, nil }

// BenchmarkGroupSend sends to a group of 20 clients until all have the message: without a history, and with a
// history that is replayed; at a node that is the only one with clients, and beside another node, which has no client in the group.
func BenchmarkGroupSend(b *testing.B) {
	replayed := core.History{Messages: 100, Replay: true}
	b.Run("no history", func(b *testing.B) { benchmarkGroupSend(b, core.History{}, 0) })
	b.Run("replayed", func(b *testing.B) { benchmarkGroupSend(b, replayed, 0) })
	b.Run("one node", func(b *testing.B) { benchmarkGroupSend(b, core.History{}, 1) })
	b.Run("two nodes", func(b *testing.B) { benchmarkGroupSend(b, core.History{}, 2) })
}

// benchNodes returns a relay for a server, in a cluster of that many nodes. The others are there and have no clients yet.
func benchNodes(b *testing.B, nodes int) (cluster core.ClusterOptions) {
	if nodes == 0 {
		return cluster
	}
	broker := relaytest.NewMemory(nil)
	for range nodes - 1 {
		l, _ := listen(b, "pipe")
		serve(b, newBenchServer(b, &core.ServerOptions{Cluster: core.ClusterOptions{Relay: broker.Connect(), Beat: 50 * time.Millisecond}}), l)
	}
	return core.ClusterOptions{Relay: broker.Connect(), Beat: 50 * time.Millisecond}
}

func benchmarkGroupSend(b *testing.B, history core.History, nodes int) {
	const members, atOnce = 20, 64
	l, d := listen(b, "pipe")
	srv := newBenchServer(b, &core.ServerOptions{History: history, Cluster: benchNodes(b, nodes)})
	serve(b, srv, l)
	for nodes > 0 && len(srv.Cluster().Nodes()) < nodes-1 {
		time.Sleep(time.Millisecond)
	}
	var got atomic.Int64
	round := make(chan struct{}, 1)
	for range members {
		cl, err := core.NewClient(d, &core.ClientOptions{Groups: []string{"all"}})
		require.NoError(b, err)
		cl.OnBytes("news", func(context.Context, *core.Conn, []byte) error {
			if n := got.Add(1); n%(members*atOnce) == 0 {
				round <- struct{}{}
			}
			return nil
		})
		require.NoError(b, cl.Connect(b.Context()))
		b.Cleanup(func() { cl.Close() })
	}
	payload := make([]byte, 100)
	group := srv.Group("all")
	for group.Len() < members {
		time.Sleep(time.Millisecond)
	}
	if nodes == 1 {
		time.Sleep(200 * time.Millisecond) // until it is sure that no other node has clients
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := group.SendBytes("news", payload); err != nil {
			b.Fatal(err)
		}
		if i%atOnce == atOnce-1 {
			<-round
		}
	}
}
