package model

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// Things in boxes at random, counted.
func TestSomewhere(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, tc := range [][2]int{{1, 5}, {3, 2}, {9, 30}, {100, 20}, {1000, 1}} {
		const rounds = 2000
		sum := 0
		for range rounds {
			used := map[int]bool{}
			for range tc[1] {
				used[r.IntN(tc[0])] = true
			}
			sum += len(used)
		}
		require.InEpsilon(t, float64(sum)/rounds, Somewhere(float64(tc[0]), float64(tc[1])), 0.03, "%v", tc)
	}
	require.Zero(t, Somewhere(10, 0))
}

// Groups have as many members together as clients are in groups, and no more than they may.
func TestBuckets(t *testing.T) {
	for _, w := range Workloads() {
		for _, clients := range []float64{1e4, 1e6, 1e8} {
			groups, members := 0.0, 0.0
			for i, b := range w.Buckets(clients) {
				groups += b.Groups
				members += b.Groups * b.Members
				require.LessOrEqual(t, b.Members, w.Largest)
				require.GreaterOrEqual(t, b.Members, 1.0)
				if i > 0 {
					require.LessOrEqual(t, b.Members, w.Buckets(clients)[i-1].Members)
				}
			}
			require.InDelta(t, clients*w.PerClient, members, clients*1e-6)
			if w.PerClient > 0 {
				require.InDelta(t, clients*w.PerClient/w.Mean, groups, 1)
			}
		}
	}
	require.Equal(t, 5.0, Workloads()[0].Said(10_000))
	require.InDelta(t, 0.2, Workloads()[0].Said(50), 1e-12)
	require.False(t, math.IsNaN(Somewhere(1, 0)))
}
