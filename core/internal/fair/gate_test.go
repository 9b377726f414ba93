package fair

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A goroutine passes as often as it likes, without an allocation.
func TestGatePasses(t *testing.T) {
	var g Gate
	var w Waiter
	g.Pass(&w)
	require.Zero(t, testing.AllocsPerRun(100, func() { g.Pass(&w) }))

	const goroutines, passes = 20, 200
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			var w Waiter
			for range passes {
				g.Pass(&w)
				passed.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, goroutines*passes, passed.Load())
	require.EqualValues(t, 1+101+goroutines*passes, g.Passed())
	require.False(t, g.busy)
	require.Nil(t, g.first)
	require.Nil(t, g.last)
	g.Close()
	g.Pass(&w)
	g.Close()
}

// Waiting goroutines pass in the order in which they came.
func TestGateOrder(t *testing.T) {
	var g Gate
	defer g.Close()
	g.busy = true // stands for a goroutine that passes
	waiting := func() (order []*Waiter) {
		g.mu.Lock()
		defer g.mu.Unlock()
		for w := g.first; w != nil; w = w.next {
			order = append(order, w)
		}
		return order
	}
	var all []*Waiter
	var wg sync.WaitGroup
	for range 10 {
		w := &Waiter{}
		all = append(all, w)
		wg.Go(func() { g.Pass(w) })
		for len(waiting()) < len(all) {
			runtime.Gosched()
		}
		require.Equal(t, all, waiting())
	}
	g.leave() // wakes the first, which wakes the next, and so on
	wg.Wait()
	require.Empty(t, waiting())
	require.False(t, g.busy)
}

// A gate that is closed while goroutines pass lets all of them through.
func TestGateCloses(t *testing.T) {
	for range 50 {
		var g Gate
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				var w Waiter
				for range 20 {
					g.Pass(&w)
				}
			})
		}
		g.Close()
		wg.Wait()
		require.False(t, g.busy)
	}
}

func BenchmarkPass(b *testing.B) {
	var g Gate
	defer g.Close()
	var w Waiter
	b.ReportAllocs()
	for b.Loop() {
		g.Pass(&w)
	}
}
