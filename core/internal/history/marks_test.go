package history

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// mark returns a mark whose serial number is the message's number in its group.
func mark(group, number uint64) Mark { return Mark{name(group), 7, number, number} }

func name(group uint64) string { return fmt.Sprint("group ", group) }

// had returns the serial number up to which the client needs no message of the group.
func (m *Marks) had(group uint64) uint64 {
	at, _, floor := m.join(name(group))
	return max(at.Serial, floor)
}

func TestMarks(t *testing.T) {
	var m Marks
	require.Zero(t, m.had(1), "it has had nothing")
	m.Leave(mark(1, 10))
	m.Leave(mark(2, 12))
	at, _, floor := m.join(name(1))
	require.Equal(t, mark(1, 10), at)
	require.Zero(t, floor)
	m.Leave(mark(1, 15))
	m.Leave(mark(1, 20))
	require.EqualValues(t, 20, m.had(1))
	require.EqualValues(t, 12, m.had(2))
	require.Zero(t, m.had(3), "in which it never was")
	require.Empty(t, m.own().left)
}

// A client that has left more groups than are remembered gets no message twice, and misses old
// messages.
func TestMarksAreBounded(t *testing.T) {
	var m Marks
	for i := range uint64(MaxMarks) {
		m.Leave(mark(i, 1000+i))
	}
	require.Zero(t, m.own().floor)
	m.Leave(mark(MaxMarks, 5000))
	require.Len(t, m.own().left, MaxMarks)
	require.EqualValues(t, 1000, m.had(0), "the group that was left longest ago")
	require.EqualValues(t, 1000, m.had(1<<40), "and each that is new")
	require.EqualValues(t, 1001, m.had(1))
	require.EqualValues(t, 5000, m.had(MaxMarks))
}

func TestMarksNeverGoBack(t *testing.T) {
	var m Marks
	rnd := rand.New(rand.NewPCG(1, 2))
	last := map[uint64]uint64{}
	for number := range uint64(20_000) {
		g := rnd.Uint64N(2 * MaxMarks)
		if rnd.IntN(3) > 0 {
			m.Leave(mark(g, number))
			last[g] = number
			continue
		}
		require.GreaterOrEqual(t, m.had(g), last[g])
		m.Leave(mark(g, max(number, last[g]))) // it gets the messages that were sent meanwhile
		last[g] = max(number, last[g])
	}
}
