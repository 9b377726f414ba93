package model

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// testCosts are round numbers.
func testCosts() Costs {
	return Costs{
		Deliver: 100, Write: 5000, Read: 4000, Queue: 50, Join: 60_000, Wake: 10_000, Publish: 2000, Take: 2000, Ask: 50_000, Answer: 50_000,
		Claim: 20_000, Release: 40_000, Lookup: 40_000, Change: 2000, Pass: 10, Entry: 500, Encode: 200, EntrySize: 40,
		Idle: 8000, Active: 10_000, Socket: 4000, Topic: 600, Remote: 200,
		In: 1000, Out: 500, Route: 1000, Byte: 0.5, Subscribe: 5000, Sub: 700, RouteSub: 800, ClaimMemory: 900,
		BucketClaim: 25_000, BucketRelease: 75_000, BucketLookup: 80_000, ClaimRate: 50_000, ReleaseRate: 20_000, Sweep: 2000, BucketSweep: 3000, SweepRate: 200_000, LookupRate: 15_000, LookupTime: 250_000,
	}
}

// Clients that are put into groups and onto nodes at random need as many relayed messages as the model says.
func TestLoadOfACastAtRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, nodes := range []int{2, 5, 20} {
		const clients, perClient, mean = 3000, 3, 12
		w := Workload{PerClient: perClient, Mean: mean, Largest: mean, Say: 1, MostSay: 1e9, Size: 128, Stay: 1e15}
		const groups = clients * perClient / mean
		home := make([]int, clients)
		for i := range home {
			home[i] = r.IntN(nodes)
		}
		members := make([][]int, groups)
		for slot, i := range r.Perm(clients * perClient) {
			g := slot / mean
			members[g] = append(members[g], i%clients)
		}
		deliveries, relayed, subs, published := 0.0, 0.0, 0.0, 0.0
		for _, m := range members {
			at := map[int]bool{}
			for _, c := range m {
				at[home[c]] = true
			}
			rate := float64(len(m)) / perClient // each member says something once in perClient seconds
			published += rate
			deliveries += rate * float64(len(m))
			relayed += rate * float64(len(at)-1)
			subs += float64(len(at))
		}
		m := Model{Costs: testCosts(), Workload: w}
		l := NewLayout(float64(nodes), clients)
		load := m.At(l, 1)
		require.InEpsilon(t, deliveries, load.Deliveries, 0.01)
		require.InEpsilon(t, published, load.Published-load.Beats/float64(nodes-1), 0.01)
		require.InEpsilon(t, relayed, load.Relayed-load.Beats, 0.03, "%d nodes", nodes)
		topics := load.Used[NodeMemory][Relaying] * l.Node.Memory / m.Costs.Topic * l.Nodes
		require.InEpsilon(t, subs, topics, 0.03, "%d nodes", nodes)
	}
}

// A ticker, computed by hand.
func TestLoadOfATicker(t *testing.T) {
	c := testCosts()
	m := Model{Costs: c, Workload: Workload{Ticker: 10, Size: 128, Stay: 1e15}}
	l := NewLayout(4, 4000)
	l.Servers = 2
	load := m.At(l, 2)
	require.InDelta(t, 80_000, load.Deliveries, 1e-6)
	require.InDelta(t, 20+4, load.Published, 1e-6, "with beats")
	require.InDelta(t, 60+12, load.Relayed, 1e-6)
	writes := 1 / (1 + 20*Gather)
	require.InDelta(t, 20_000*(c.Deliver+writes*c.Write)/8e9, load.Used[NodeCPU][Delivering], 1e-9)
	require.InDelta(t, 20*0.75*1000*c.Queue/1e9, load.Used[NodeReceive][Delivering], 1e-9)
	require.InDelta(t, (20*c.Publish+60*c.Take)/4/8e9, load.Used[NodeCPU][Relaying], 1e-12)
	hops := Somewhere(2, 4) - 1
	require.InDelta(t, 20*(c.In+hops*c.Route+3*c.Out)/2/8e9, load.Used[NATSCPU][Relaying], 1e-12)

	alone := m.At(NewLayout(1, 4000), 2)
	require.Zero(t, alone.Published)
	require.Zero(t, alone.NATSMemory)
}
