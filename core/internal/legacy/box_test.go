package legacy

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func value(n int) func() int { return func() int { return n } }

func TestBox(t *testing.T) {
	b := NewBox[int](10)
	require.Equal(t, Pass, b.Put(100, true, value(1)), "it may be sent, and nothing waits")
	require.Equal(t, Held, b.Put(4, false, value(2)))
	require.Equal(t, Held, b.Put(6, true, value(3)), "behind what waits")
	require.Equal(t, Full, b.Put(1, false, value(4)))
	require.Equal(t, 10, b.Size())
	o, dropped := b.PutDropping(5, false, value(5))
	require.Equal(t, Held, o)
	require.Equal(t, 2, dropped)
	require.Equal(t, 5, b.Size())
	require.False(t, b.IsOpen())
	require.Equal(t, []int{5}, b.Take())
	require.False(t, b.IsOpen(), "more may come meanwhile")
	require.Equal(t, Held, b.Put(4, true, value(6)), "what was taken may not have been sent")
	require.Equal(t, []int{6}, b.Take())
	require.Nil(t, b.Take())
	require.True(t, b.IsOpen())
	require.Equal(t, Pass, b.Put(100, false, value(7)))
	require.Zero(t, b.Size())
	require.True(t, (*Box[int])(nil).IsOpen())
	require.Zero(t, (*Box[int])(nil).Size())
}

// A value larger than the bound is held if it is alone, as in a queue.
func TestBoxLargeValue(t *testing.T) {
	b := NewBox[int](10)
	require.Equal(t, Held, b.Put(11, false, value(1)))
	require.Equal(t, Full, b.Put(1, false, value(2)))
	o, dropped := b.PutDropping(11, false, value(3))
	require.Equal(t, Held, o)
	require.Equal(t, 1, dropped)
	require.Equal(t, []int{3}, b.Take())
}

// The values of each goroutine come out or pass in order while the box opens.
func TestBoxKeepsOrder(t *testing.T) {
	const senders, each = 4, 2000
	b := NewBox[[2]int](1 << 30)
	var mu sync.Mutex
	var out [senders][]int
	send := func(v [2]int) {
		mu.Lock()
		out[v[0]] = append(out[v[0]], v[1])
		mu.Unlock()
	}
	var all sync.WaitGroup
	begin := make(chan struct{})
	for s := range senders {
		all.Go(func() {
			for n := range each {
				if n == each/4 && s == 0 {
					close(begin)
				}
				v := [2]int{s, n}
				if b.Put(1, n%3 == 0, func() [2]int { return v }) == Pass {
					send(v)
				}
			}
		})
	}
	<-begin
	for values := b.Take(); values != nil; values = b.Take() {
		for _, v := range values {
			send(v)
		}
	}
	all.Wait()
	for s := range senders {
		require.Len(t, out[s], each)
		for n := range each {
			require.Equal(t, n, out[s][n])
		}
	}
}
