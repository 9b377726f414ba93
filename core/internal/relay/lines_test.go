package relay

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// between puts a line of node 1 to node 2 into the lines of both.
func between(t *testing.T) (a, b *Lines[string], there, here *Line[string]) {
	a, b = NewLines[string](100), NewLines[string](100)
	there = a.Begin(&Line[string]{Of: "to 2", Node: 2})
	require.Equal(t, there, a.Begin(&Line[string]{Node: 2}), "one line to a node")
	require.Equal(t, there, a.To(2))
	m := Streams{Line: there.Number, Number: a.Count(there)}
	l, v := b.Got(1, &m)
	require.Nil(t, l)
	require.Equal(t, Fresh, v)
	here = &Line[string]{Of: "from 1", Node: 1, Number: m.Line}
	require.True(t, b.Accept(here))
	return a, b, there, here
}

func TestMessagesOfALine(t *testing.T) {
	a, b, there, here := between(t)
	next := func(from *Lines[string], l *Line[string]) *Streams {
		return &Streams{Theirs: !l.Ours, Line: l.Number, Number: from.Count(l)}
	}
	for range 3 {
		m := next(a, there)
		l, v := b.Got(1, m)
		require.Equal(t, here, l)
		require.Equal(t, Fine, v)
		_, v = b.Got(1, m)
		require.Equal(t, Stale, v)
		l, v = a.Got(2, next(b, here))
		require.Equal(t, there, l)
		require.Equal(t, Fine, v)
	}
	a.Count(there)
	l, v := b.Got(1, next(a, there))
	require.Equal(t, here, l)
	require.Equal(t, Missing, v)
	require.True(t, b.End(here))
	require.False(t, b.End(here))
	_, v = b.Got(1, next(a, there))
	require.Equal(t, Gone, v)
	_, v = b.Got(3, next(a, there))
	require.Equal(t, Gone, v, "of a node without lines")
	_, v = a.Got(2, &Streams{Line: 1, Number: 2})
	require.Equal(t, Gone, v, "a line that was never begun")

	require.Equal(t, []*Line[string]{there}, a.With(2))
	require.Empty(t, a.With(2))
	again := a.Begin(&Line[string]{Node: 2})
	require.Greater(t, again.Number, there.Number)
	_, v = b.Got(1, &Streams{Line: again.Number, Number: 1})
	require.Equal(t, Fresh, v)
	require.True(t, b.Accept(&Line[string]{Node: 1, Number: again.Number}))
	old, v := b.Got(1, &Streams{Line: again.Number + 1, Number: 1})
	require.Equal(t, Fresh, v)
	require.Equal(t, again.Number, old.Number, "the caller ends it first")
	require.False(t, b.Accept(&Line[string]{Node: 1, Number: again.Number + 1}))
	require.Nil(t, b.Find(1, false, 99))
	require.Equal(t, old, b.Find(1, false, again.Number))
	require.Equal(t, again, a.Find(2, true, again.Number))
}

func TestWhatALineSays(t *testing.T) {
	a, _, there, _ := between(t)
	_, ok := a.Next()
	require.False(t, ok)
	require.True(t, a.Say(there, []byte("one ")))
	require.True(t, a.Say(there, []byte("two")))
	a.Pong(there, 9)
	a.Pong(there, 7)
	a.Due(there)
	out, ok := a.Next()
	require.True(t, ok)
	require.Equal(t, Output[string]{Line: there, Pong: 9}, out)
	require.True(t, a.Say(there, []byte(" three")))
	require.Equal(t, "one two three", string(a.Said(there)))
	require.Empty(t, a.Said(there))
	out, ok = a.Next()
	require.True(t, ok, "for what was said since")
	require.Equal(t, Output[string]{Line: there}, out)
	_, ok = a.Next()
	require.False(t, ok)
	a.Beat(there)
	out, ok = a.Next()
	require.True(t, ok)
	require.Equal(t, Output[string]{Line: there, Beat: true}, out)

	require.True(t, a.Say(there, make([]byte, 1000)), "one frame of any size")
	require.False(t, a.Say(there, []byte{1}))
	require.Equal(t, []*Line[string]{there}, a.Close())
	require.False(t, a.Say(there, []byte{1}))
	require.Empty(t, a.Said(there))
	_, ok = a.Next()
	require.False(t, ok, "it is over")
	require.Nil(t, a.Begin(&Line[string]{Node: 3}))
	require.Empty(t, a.All())
}
