package relay

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswers(t *testing.T) {
	q := NewQuestions()
	o := q.Ask([]uint64{2, 3, 4})
	rest := []byte("yes")
	q.Answer(2, Answer{ID: o.ID, Rest: rest})
	clear(rest)
	q.Answer(2, Answer{ID: o.ID, Rest: rest})
	q.Answer(9, Answer{ID: o.ID})
	q.Answer(3, Answer{ID: o.ID + 1})
	<-o.Ready
	r, ok, _ := q.Next(o)
	require.True(t, ok)
	require.Equal(t, Reply{From: 2, Answer: Answer{ID: o.ID, Rest: []byte("yes")}}, r)
	_, ok, done := q.Next(o)
	require.False(t, ok, "one answer of each node that was asked")
	require.False(t, done)
	nodes, last := q.Asked()
	require.ElementsMatch(t, []uint64{3, 4}, nodes)
	require.Equal(t, o.ID, last)
	q.Gone(3, o.ID-1)
	q.Gone(3, o.ID)
	<-o.Ready
	r, ok, _ = q.Next(o)
	require.True(t, ok)
	require.Equal(t, Reply{From: 3, Gone: true}, r)
	require.Equal(t, []uint64{4}, q.Left(o))
	q.Answer(4, Answer{ID: o.ID})
	_, ok, _ = q.Next(o)
	require.False(t, ok, "nobody waits for it")
	require.Empty(t, q.open)
}

func TestEndOfQuestions(t *testing.T) {
	q := NewQuestions()
	o := q.Ask([]uint64{2})
	q.End()
	<-o.Ready
	_, ok, done := q.Next(o)
	require.False(t, ok)
	require.True(t, done)
	require.Nil(t, q.Ask([]uint64{2}))
}
