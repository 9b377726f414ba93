package robin

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// A key with many tasks has one task done between the tasks of the others.
func TestInTurn(t *testing.T) {
	var q Queue[string, int]
	for i := range 4 {
		q.Add("flood", i)
	}
	q.Add("ada", 10)
	q.Add("bob", 20)
	q.Add("ada", 11)
	var got []int
	for q.Len() > 0 {
		v, ok := q.Next()
		require.True(t, ok)
		if got = append(got, v); v == 10 {
			q.Add("eve", 30)
		}
	}
	require.Equal(t, []int{0, 10, 20, 1, 11, 30, 2, 3}, got)
	_, ok := q.Next()
	require.False(t, ok)
	require.Empty(t, q.of)
}

// The tasks of a key are served in order. A key is not served twice while another key waits all the
// time.
func TestModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var q Queue[int, [2]int]
	added, taken := map[int]int{}, map[int]int{}
	since := map[int]int{} // when a key was served last, or began to wait
	for step := range 200_000 {
		key := r.IntN(20)
		if r.IntN(100) < 49 {
			if added[key] == taken[key] {
				since[key] = step
			}
			q.Add(key, [2]int{key, added[key]})
			added[key]++
			continue
		}
		v, ok := q.Next()
		if !ok {
			require.Equal(t, added, taken)
			continue
		}
		require.Equal(t, taken[v[0]], v[1])
		for other := range added {
			if added[other] > taken[other] {
				require.GreaterOrEqual(t, since[other], since[v[0]])
			}
		}
		taken[v[0]]++
		since[v[0]] = step
	}
}
