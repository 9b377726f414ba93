//go:build !js

package hostile_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/relaytest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// A pair is a broker in memory with another node, which has a client. The attacked server joins them.
type pair struct {
	broker *relaytest.Memory
	other  *core.Server
	ada    *core.Client // of the other node
}

// pairedOptions are options of both servers.
func pairedOptions(o core.ServerOptions, broker *relaytest.Memory) core.ServerOptions {
	o.Cluster = core.ClusterOptions{Relay: broker.Connect(), Beat: 100 * time.Millisecond}
	return o
}

func newPair(t *testing.T, o core.ServerOptions) *pair {
	p := &pair{broker: relaytest.NewMemory(nil)}
	o = pairedOptions(o, p.broker)
	o.Logger = core.Silent
	p.other = coretest.Must(core.NewServer(&o))
	lis := transport.NewPipeListener()
	go p.other.Serve(t.Context(), lis) //nolint:errcheck // nil after Shutdown
	require.NoError(t, p.other.Cluster().Join(t.Context()))
	p.ada = coretest.Must(core.NewClient(lis, &core.ClientOptions{Name: "ada", Groups: []string{"all"}, Logger: core.Silent}))
	require.NoError(t, p.ada.Connect(t.Context()))
	return p
}

func (p *pair) close(t *testing.T) {
	require.NoError(t, p.ada.Err())
	require.NoError(t, p.ada.Close())
	ctx, cancel := context.WithTimeout(context.Background(), transporttest.Patience)
	defer cancel()
	require.NoError(t, p.other.Shutdown(ctx))
}

// settles waits until the attacked server has told the broker all that it has to. Nothing was dropped, and the broker has that many topics and claims.
func (a *arena) settles(topics, claims int) {
	a.Helper()
	require.Eventually(a, func() bool {
		return a.srv.Stats().Relay.Waiting == 0 && a.pair.broker.Topics() == topics && a.pair.broker.Claims() == claims
	}, transporttest.Patience, time.Millisecond)
	r := a.srv.Stats().Relay
	require.Zero(a, r.Unsent+r.Lost+r.Refused)
	require.NoError(a, a.srv.Cluster().Err())
	require.Len(a, a.srv.Cluster().Nodes(), 1)
}

// change has a client ask for a change, and wants it to be made.
func change(p *coretest.Peer, k wire.Kind, name string) {
	p.T.Helper()
	p.Send(wire.AppendAsk(nil, k, 1, name))
	p.WantReply(1)
}

// clusterAttacks come from clients of a server that is a node of a cluster.
var clusterAttacks = map[string]attack{
	"groups that come and go in a cluster": {
		opts:    core.ServerOptions{Limits: core.Limits{ChangeRate: -1}},
		cluster: true, tries: [2]int{500, 20_000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			p, _ := a.hello(wire.Hello{})
			topics := a.pair.broker.Topics()
			for i := range tries {
				g := fmt.Sprint("g", i)
				change(p, wire.KindAskJoin, g)
				if i%2 == 0 {
					require.NoError(a, a.pair.other.Group(g).Send("said", i))
				}
				change(p, wire.KindAskLeave, g)
			}
			a.worst()
			a.settles(topics, a.pair.broker.Claims())
			return "its groups; the broker has none of them afterwards"
		},
	},
	"names of other nodes": {
		opts:    core.ServerOptions{Access: core.Access{UniqueNames: true}, Limits: core.Limits{ChangeRate: -1}},
		cluster: true, tries: [2]int{200, 5000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			topics := a.pair.broker.Topics()
			for i := range tries {
				p := a.raw()
				p.Send(coretest.Hello(wire.Hello{Name: []string{"ada", "ADA", "Ada"}[i%3]}))
				a.refuses(p, core.CodeNameTaken)
				p.Stream.Close()
				a.peers = a.peers[:0]
			}
			a.worst()
			a.settles(topics, honestClients+1)
			return "refused: name taken"
		},
	},
	"renames itself in a cluster": {
		opts:    core.ServerOptions{Access: core.Access{UniqueNames: true}, Limits: core.Limits{ChangeRate: -1}},
		cluster: true, tries: [2]int{500, 10_000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			p, _ := a.hello(wire.Hello{Name: "mallory"})
			require.Eventually(a, func() bool { return a.pair.broker.Claims() == honestClients+2 }, transporttest.Patience, time.Millisecond)
			topics := a.pair.broker.Topics()
			for i := range tries {
				change(p, wire.KindAskRename, fmt.Sprint("mallory ", i))
				p.Send(wire.AppendAsk(nil, wire.KindAskRename, 1, "ada"))
				p.WantFailure(1, core.CodeNameTaken)
			}
			a.worst()
			a.settles(topics, honestClients+2)
			return "one name at a time, and never one of another node"
		},
	},
}
