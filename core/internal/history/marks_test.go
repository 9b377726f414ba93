package history

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMarks(t *testing.T) {
	var m Marks
	require.Zero(t, m.Join(1), "it has had nothing")
	m.Leave(1, 10)
	m.Leave(2, 12)
	require.EqualValues(t, 10, m.Join(1))
	m.Leave(1, 15)
	m.Leave(1, 20)
	require.EqualValues(t, 20, m.Join(1))
	require.EqualValues(t, 12, m.Join(2))
	require.Zero(t, m.Join(3), "in which it never was")
	require.Empty(t, m.left)
}

// Who has left more groups than are remembered is given nothing twice, and misses what is older.
func TestMarksAreBounded(t *testing.T) {
	var m Marks
	for i := range uint64(MaxMarks) {
		m.Leave(i, 1000+i)
	}
	require.Zero(t, m.floor)
	m.Leave(MaxMarks, 5000)
	require.Len(t, m.left, MaxMarks)
	require.EqualValues(t, 1000, m.Join(0), "the group that was left longest ago")
	require.EqualValues(t, 1000, m.Join(1<<40), "and each that is new")
	require.EqualValues(t, 1001, m.Join(1))
	require.EqualValues(t, 5000, m.Join(MaxMarks))
}

func TestMarksNeverGoBack(t *testing.T) {
	var m Marks
	rnd := rand.New(rand.NewPCG(1, 2))
	last := map[uint64]uint64{}
	for number := range uint64(20_000) {
		h := rnd.Uint64N(2 * MaxMarks)
		if rnd.IntN(3) > 0 {
			m.Leave(h, number)
			last[h] = number
			continue
		}
		require.GreaterOrEqual(t, m.Join(h), last[h])
		m.Leave(h, max(number, last[h])) // it has had what was sent meanwhile
		last[h] = max(number, last[h])
	}
}
