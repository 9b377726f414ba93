package core

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A servingTable with an index behaves like one without.
func TestServingTable(t *testing.T) {
	for _, most := range []int{manyServed, 10 * manyServed} {
		random := rand.New(rand.NewPCG(1, uint64(most)))
		var table servingTable
		running := map[uint64]bool{} // by id: whether the call was given up
		for range 20_000 {
			id := random.Uint64N(2 * uint64(most))
			_, runs := running[id]
			switch op := random.IntN(4); {
			case op < 2 && len(running) < most:
				require.Equal(t, !runs, table.add(id, func() {}, false))
				if !runs {
					running[id] = false
				}
			case op == 2:
				table.cancel(id)
				if runs {
					running[id] = true
				}
			default:
				require.Equal(t, !runs || running[id], table.remove(id))
				delete(running, id)
			}
			require.Len(t, table.calls, len(running))
		}
		for id := range running {
			table.remove(id)
		}
		require.Empty(t, table.calls)
		require.Nil(t, table.at)
	}
}
