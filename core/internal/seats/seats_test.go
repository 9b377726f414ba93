package seats

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTable(t *testing.T) {
	var tab Table[int]
	require.Nil(t, tab.Take("ada", 2, 1))
	require.Nil(t, tab.Take("ada", 2, 1), "it has one")
	require.Nil(t, tab.Take("ada", 2, 2))
	require.Equal(t, []int{1, 2}, tab.Take("ada", 2, 3), "who came first is in front")
	require.Nil(t, tab.Take("bob", 2, 3))
	require.Equal(t, 2, tab.Len())
	tab.Give("ada", 3) // it has none there
	tab.Give("eve", 3)
	tab.Give("ada", 1)
	require.Nil(t, tab.Take("ada", 2, 3))
	require.Equal(t, []int{2, 3}, tab.Take("ada", 2, 1))
	for _, h := range []int{2, 3} {
		tab.Give("ada", h)
	}
	tab.Give("bob", 3)
	require.Zero(t, tab.Len())
}

// Against a list for each key, whatever is done.
func TestTableModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var tab Table[int]
	model := map[string][]int{}
	for range 20_000 {
		key, h := strconv.Itoa(rng.IntN(4)), rng.IntN(6)
		held := model[key]
		if rng.IntN(3) == 0 {
			tab.Give(key, h)
			model[key] = slices.DeleteFunc(held, func(x int) bool { return x == h })
			continue
		}
		got := tab.Take(key, 3, h)
		switch {
		case slices.Contains(held, h):
			require.Nil(t, got)
		case len(held) == 3:
			require.Equal(t, held, got)
		default:
			require.Nil(t, got)
			model[key] = append(held, h)
		}
	}
}

// There are never more than there may be, however many come at once.
func TestTableAtOnce(t *testing.T) {
	var tab Table[int]
	var have, most atomic.Int64
	var wg sync.WaitGroup
	for h := range 16 {
		wg.Go(func() {
			for range 2000 {
				if tab.Take("ada", 3, h) == nil {
					n := have.Add(1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
					have.Add(-1)
					tab.Give("ada", h)
				}
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, most.Load(), int64(3))
	require.Zero(t, tab.Len())
}
