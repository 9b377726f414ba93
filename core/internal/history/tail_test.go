//go:build !js

package history

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

func TestTailHasTheNumbersOfItsLog(t *testing.T) {
	s := NewStore(Rules{Messages: 3, Bytes: 1 << 20, Groups: 2, Replay: true}, nil, 7)
	g := s.Begin("a")
	_, last, whole := g.At()
	require.False(t, whole)
	require.Zero(t, last)
	g.Enlist()
	g.Refill(1234, 40)
	for _, text := range []string{"41", "42"} {
		g.Keep("say", []byte(text), false)
	}
	passed := g.Skip()
	require.Equal(t, wire.AppendGroupPassed(nil, "a", 43), passed)
	epoch, last, whole := g.At()
	require.Equal(t, uint64(1234), epoch)
	require.Equal(t, uint64(43), last)
	require.True(t, whole)
	readable := []bool{}
	for _, m := range g.Newest(10, 1000) {
		readable = append(readable, m.Readable())
	}
	require.Equal(t, []bool{true, true, false}, readable)
	garbage := Message{Frame: []byte{1}}
	require.False(t, garbage.Readable())

	var m Marks
	at := func(epoch, number uint64) wire.Position {
		return wire.Position{Group: "a", Epoch: epoch, Number: number}
	}
	for told, want := range map[wire.Position]struct {
		ahead  bool
		behind int
	}{
		{}: {false, 3}, at(1234, 43): {false, 0}, at(1234, 42): {false, 1}, at(1234, 44): {true, 3}, at(9, 43): {true, 3}, at(1234, 1): {false, 3},
	} {
		require.Equal(t, want.ahead, g.Ahead(&m, told), "%v", told)
		require.Equal(t, want.behind, g.Behind(&m, told), "%v", told)
	}
	m.Told([]wire.Position{at(1234, 44)})
	require.True(t, g.Ahead(&m, wire.Position{}), "as in its hello")
	require.True(t, g.Ahead(&m, wire.Position{}), "and it still is")
	require.False(t, g.Ahead(&m, at(1234, 43)), "what it says later counts")
	g.Behind(&m, wire.Position{})
	require.False(t, g.Ahead(&m, wire.Position{}), "it has joined")
	g.End(true)

	// A group that is pushed out knows its place in the log, and that it lacks messages.
	s.say("b", "x")
	s.say("c", "x")
	g = s.Begin("a")
	epoch, last, whole = g.At()
	require.Equal(t, []uint64{1234, 43}, []uint64{epoch, last})
	require.False(t, whole)
	require.Zero(t, g.Len())
	g.Refill(1234, 43)
	g.End(false)
	g = s.Begin("a")
	_, _, whole = g.At()
	require.True(t, whole, "there is nothing to lack")
	g.Keep("say", nil, false)
	g.Unfollow()
	_, _, whole = g.At()
	require.False(t, whole)
	g.Withdraw()
	g.End(false)
	known, _ := s.Counts()
	require.Equal(t, 2, known, "nobody knows its epoch")
}
