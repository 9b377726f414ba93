package roster

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSeats(t *testing.T) {
	var tab seats[int]
	require.Nil(t, tab.take("ada", 2, 1))
	require.Nil(t, tab.take("ada", 2, 1), "it has one")
	require.Nil(t, tab.take("ada", 2, 2))
	require.Equal(t, []int{1, 2}, tab.take("ada", 2, 3), "the one that came first is in front")
	require.Nil(t, tab.take("bob", 2, 3))
	require.Len(t, tab.held, 2)
	tab.give("ada", 3) // 3 has no such seat
	tab.give("eve", 3)
	tab.give("ada", 1)
	require.Nil(t, tab.take("ada", 2, 3))
	require.Equal(t, []int{2, 3}, tab.take("ada", 2, 1))
	for _, h := range []int{2, 3} {
		tab.give("ada", h)
	}
	tab.give("bob", 3)
	require.Empty(t, tab.held)
}

// The seats equal a list for each key after any sequence of operations.
func TestSeatsModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var tab seats[int]
	model := map[string][]int{}
	for range 20_000 {
		key, h := strconv.Itoa(rng.IntN(4)), rng.IntN(6)
		held := model[key]
		if rng.IntN(3) == 0 {
			tab.give(key, h)
			model[key] = slices.DeleteFunc(held, func(x int) bool { return x == h })
			continue
		}
		got := tab.take(key, 3, h)
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

// The last replaced sessions are remembered.
func TestTombs(t *testing.T) {
	var tombs tombs
	for id := range uint64(3*maxTombs + 7) {
		tombs.bury(id, []byte{byte(id), byte(id >> 8)})
	}
	require.Len(t, tombs.tokens, maxTombs)
	require.Len(t, tombs.ring, maxTombs)
	last := uint64(3*maxTombs + 6)
	require.Equal(t, []byte{byte(last), byte(last >> 8)}, tombs.tokens[last])
	require.Contains(t, tombs.tokens, last-maxTombs+1)
	require.NotContains(t, tombs.tokens, last-maxTombs)
}
