//go:build !js

package budget

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A budget holds the sum of its meters, with a bounded error for each meter, and nothing when they
// hold nothing.
func TestMeters(t *testing.T) {
	b := New(1 << 30)
	r := rand.New(rand.NewPCG(1, 2))
	meters := make([]Meter, 20)
	for range 20_000 {
		m := &meters[r.IntN(len(meters))]
		switch n := r.IntN(60 << 10); r.IntN(4) {
		case 0, 1:
			m.Add(b, n)
		case 2:
			m.Sub(b, min(n, m.Held()))
		case 3:
			if r.IntN(10) == 0 {
				m.Set(b, n)
			}
		}
		held := 0
		for i := range meters {
			held += meters[i].Held()
		}
		require.GreaterOrEqual(t, b.Held(), held-len(meters)*free)
		require.LessOrEqual(t, b.Held(), held+len(meters)*3*step)
	}
	for i := range meters {
		meters[i].Set(b, 0)
	}
	require.Zero(t, b.Held())
}

// A meter of few bytes, or whose bytes go up and down by a block, does not change the budget.
func TestMeterIsQuiet(t *testing.T) {
	b := New(1 << 20)
	var m Meter
	for range 10 {
		m.Add(b, free)
		require.Zero(t, b.Held())
		m.Sub(b, free)
	}
	m.Add(b, 2*step)
	require.Equal(t, 2*step, b.Held())
	for range 10 {
		m.Sub(b, step)
		require.Equal(t, 2*step, b.Held())
		m.Add(b, step)
	}
	m.Sub(b, 2*step)
	require.Zero(t, b.Held())
}

func TestOver(t *testing.T) {
	b := New(1000)
	b.Add(875)
	require.False(t, b.IsOver())
	require.Empty(t, b.Over())
	b.Add(1)
	require.True(t, b.IsOver())
	<-b.Over()
	require.Equal(t, 126, b.Weighed(b.Look(), 876))

	require.Zero(t, b.Weighed(b.Look(), 376), "the rest of it is the same")
	require.False(t, b.IsOver())
	require.Equal(t, 376, b.Held())
	b.Sub(100)
	require.Equal(t, 376, b.Held(), "what goes may be what was counted twice")
	b.Sub(400)
	require.Equal(t, 376, b.Held())
	b.Sub(376)
	require.Zero(t, b.Held())
}

// Bytes that are given back during a weighing are subtracted once. Otherwise the budget would have
// as much room again over its limit.
func TestGoesWhileWeighed(t *testing.T) {
	b := New(1000)
	b.Add(900)
	l := b.Look()
	b.Sub(800)
	require.Zero(t, b.Weighed(l, 100))
	require.Equal(t, 100, b.Held())
	b.Add(776)
	require.True(t, b.IsOver())

	l = b.Look() // 400 go and 76 come meanwhile; 100 of the rest were counted twice
	b.Sub(400)
	b.Add(76)
	require.Zero(t, b.Weighed(l, 876-400-100))
	require.Equal(t, 876-400-100+76, b.Held())
}

func TestNoBudget(t *testing.T) {
	b := New(0)
	var m Meter
	m.Add(b, 1<<30)
	m.Sub(b, 1<<20)
	require.Nil(t, b.Over())
	require.False(t, b.IsOver())
	require.Zero(t, b.Limit()+b.Held()+b.Weighed(b.Look(), 2))
	b.Add(1)
	b.Sub(1)
}

// Shared bytes are counted for each holder: the sum may not fit into an int.
func TestMoreThanAnInt(t *testing.T) {
	b := New(1 << 30)
	for range 3 {
		b.Add(math.MaxInt32)
		require.True(t, b.IsOver())
		require.Positive(t, b.Held())
	}
}
