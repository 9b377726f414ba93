package stream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/pool"
)

// A sender that waits for room is woken once half of the waiting bytes are on their way, and not
// for each piece.
func TestSenderIsWokenAtHalf(t *testing.T) {
	client := new(Table)
	client.Init(Limits{Window: 1 << 20, MaxItem: 1 << 20, Flight: 1 << 20, Frame: 1 << 20}, false, budget.New(1<<30), deaf{})
	s, err := client.Open(client.ID(1), false)
	require.NoError(t, err)
	s.Begin(false)
	require.Equal(t, Fine, client.GotCredit(s.ID(), 1<<19))
	it := Item{Rest: make([]byte, 1<<20)}
	st, err := s.TrySend(&it)
	require.NoError(t, err)
	require.Equal(t, Wait, st)
	wakes := 0
	for s.waiting > 0 {
		if wakes == 0 {
			require.Equal(t, Fine, client.GotCredit(s.ID(), 1), "it does not wait for that")
		}
		p := client.Pull(4<<10, time.Now())
		half := client.flow.ahead() / 2
		if p.Probe != 0 {
			client.Answered(p.Probe, time.Now())
		}
		woken := len(s.writable) > 0
		require.Equal(t, wakes == 0 && s.waiting <= half, woken, s.waiting)
		if woken {
			<-s.writable
			wakes++
		}
	}
	st, err = s.TrySend(&it)
	require.NoError(t, err)
	require.Equal(t, Wait, st, "there is room again")
	require.Positive(t, s.waiting)
}

// A stream keeps the memory that it has needed lately. It gives the memory back when it has needed
// little for some time.
func TestMemoryOfReceived(t *testing.T) {
	client, server := newTable(false), newTable(true)
	here, there := opened(t, client, server, 1)
	through := func(n int) {
		it := Item{Rest: make([]byte, n)}
		st, err := here.TrySend(&it)
		require.NoError(t, err)
		require.Equal(t, Done, st)
		flush(t, client, server)
		item, st, err := there.TryNext()
		require.NoError(t, err)
		require.Equal(t, Done, st)
		require.Len(t, item, n)
		_, st, err = there.TryNext()
		require.NoError(t, err)
		require.Equal(t, Wait, st)
		flush(t, client, server)
	}
	kept := func() int { return weightOf(there) }
	const much = 12 << 10
	through(0)
	through(much)
	through(1)
	require.GreaterOrEqual(t, kept(), much)
	for range 40 {
		through(1)
	}
	require.LessOrEqual(t, kept(), keptRoom+16*recordSize)
}

// Few waiting items take little memory. Many waiting items take a buffer of the pool.
func TestMemoryOfChunks(t *testing.T) {
	client := newTable(false)
	client.flow.window = 1 << 20 // chunks are as long as they may be
	s, err := client.Open(client.ID(1), false)
	require.NoError(t, err)
	s.Begin(false)
	require.Equal(t, Fine, client.GotCredit(s.ID(), 1<<19))
	item := make([]byte, 64)
	require.True(t, s.SendNow(item))
	require.Less(t, cap(s.chunks[0].b), 1<<10)
	for s.waiting <= pool.ChunkSize/2 {
		require.True(t, s.SendNow(item))
	}
	require.Len(t, s.chunks, 1)
	require.Equal(t, pool.ChunkSize, cap(s.chunks[0].b))
}

// An item that is given in pieces arrives as one item, and others wait until it is whole.
func TestItemInPieces(t *testing.T) {
	client, server := newTable(false), newTable(true)
	here, there := opened(t, client, server, 1)
	it, other := Item{Rest: []byte("one "), More: true}, Item{Rest: []byte("other")}
	st, err := here.TrySend(&it)
	require.NoError(t, err)
	require.Equal(t, Done, st)
	st, err = here.TrySend(&other)
	require.NoError(t, err)
	require.Equal(t, Wait, st)
	require.False(t, here.SendNow([]byte("a third")))
	flush(t, client, server)
	_, st, err = there.TryNext()
	require.NoError(t, err)
	require.Equal(t, Wait, st, "it is not whole")
	it.Rest, it.More = []byte("item"), false
	st, err = here.TrySend(&it)
	require.NoError(t, err)
	require.Equal(t, Done, st)
	st, err = here.TrySend(&other)
	require.NoError(t, err)
	require.Equal(t, Done, st)
	flush(t, client, server)
	for _, want := range []string{"one item", "other"} {
		item, st, err := there.TryNext()
		require.NoError(t, err)
		require.Equal(t, Done, st)
		require.Equal(t, want, string(item))
	}
}
