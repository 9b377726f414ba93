package model

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// What a remedy is for it makes less, and the rest of the cluster does as much as before.
func TestRemedies(t *testing.T) {
	presence, chat := Workloads()[2], Workloads()[0]
	use := func(w Workload, r Resource, of Cause, change func(*Layout)) float64 {
		m := Model{Costs: testCosts(), Workload: w}
		l := NewLayout(100, 1e6)
		change(&l)
		return m.At(l, 1).Used[r][of]
	}
	plain := func(*Layout) {}
	tests := map[string]struct {
		w      Workload
		r      Resource
		of     Cause
		change func(*Layout)
		to     float64 // at most that part
	}{
		"more nats-servers":           {chat, NATSNet, Relaying, func(l *Layout) { l.Servers = 9 }, 0.55},
		"rooms at one node":           {chat, NATSCPU, Relaying, func(l *Layout) { l.Sticky = 0.9 }, 0.5},
		"leaf servers":                {Workloads()[1], NATSNet, Relaying, func(l *Layout) { l.Leaf = 20 }, 0.2},
		"clusters of their own":       {chat, NATSCPU, Relaying, func(l *Layout) { l.Cells = 10 }, 0.1},
		"the same, for beats":         {chat, NATSCPU, Beating, func(l *Layout) { l.Cells = 10 }, 0.03},
		"the same, for notices":       {presence, NodeReceive, Noticing, func(l *Layout) { l.Cells = 10 }, 0.15},
		"no notices":                  {presence, NodeReceive, Noticing, func(l *Layout) { l.Quiet = true }, 0},
		"a beat of 5 s":               {chat, NodeReceive, Beating, func(l *Layout) { l.Beat = 5 }, 0.2001},
		"regions, for subscriptions":  {chat, NATSMemory, Relaying, func(l *Layout) { l.Regions = 3 }, 0.9},
		"regions, as many as servers": {chat, NATSCPU, Relaying, func(l *Layout) { l.Regions = 3 }, 0.6},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			before, after := use(tc.w, tc.r, tc.of, plain), use(tc.w, tc.r, tc.of, tc.change)
			require.Positive(t, before)
			require.LessOrEqual(t, after, before*tc.to+1e-15)
			m := Model{Costs: testCosts(), Workload: tc.w}
			l := NewLayout(100, 1e6)
			before = m.At(l, 1).Used[NodeCPU][Delivering]
			tc.change(&l)
			require.InEpsilon(t, before, m.At(l, 1).Used[NodeCPU][Delivering], 0.02)
		})
	}
}

// The cluster is full at its capacity, and not below.
func TestCapacity(t *testing.T) {
	for _, w := range Workloads() {
		m := Model{Costs: testCosts(), Workload: w}
		l := NewLayout(5, 20_000)
		c := m.Capacity(l)
		require.Greater(t, c.More, 1.0)
		_, used, _ := c.Load.First()
		require.InDelta(t, Full, used, 0.01)
		below := m.At(l, c.More*0.9)
		require.True(t, below.Holds())
		above := m.At(l, c.More*1.1)
		require.False(t, above.Holds())
	}
	m := Model{Costs: testCosts(), Workload: Workloads()[0]}
	c := m.Capacity(NewLayout(1, 1e8))
	require.Zero(t, c.More)
	require.Equal(t, NodeMemory, c.First, "a node does not hold so many clients")
}

// The smallest cluster carries the workload, and one node less of those that are tried does not.
func TestSmallest(t *testing.T) {
	m := Model{Costs: testCosts(), Workload: Workloads()[0]}
	l, what, ok := m.Smallest(1e6)
	require.True(t, ok)
	require.Empty(t, what)
	load := m.At(l, 1)
	require.True(t, load.Holds())
	l.Nodes /= 2
	load = m.At(l, 1)
	require.False(t, load.Holds())

	_, what, ok = m.Smallest(1e8)
	require.True(t, ok)
	require.NotEmpty(t, what)
	m.Costs.Write = 1e9
	_, _, ok = m.Smallest(1e8)
	require.False(t, ok, "nothing is enough")
}
