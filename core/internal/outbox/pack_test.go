//go:build !js

package outbox

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// stalledQueues returns the queues of count receivers of the same small frames. Each queue has a
// write that makes no progress.
func stalledQueues(t *testing.T, count int) []*Outbox {
	frame := NewBlock(wire.AppendCommand(nil, "news", make([]byte, 120)))
	queues := make([]*Outbox, count)
	for i := range queues {
		q := newOutbox(1<<20, nil)
		for range 2000 {
			q.shareLocked(frame)
		}
		q.writing = true
		vec, _ := q.takeLocked()
		require.NotEmpty(t, vec)
		queues[i] = q
	}
	return queues
}

// The packs of many receivers that do not read are bounded: a few MiB together, and 4 KiB each.
func TestPacksOfStalledReceivers(t *testing.T) {
	const count = 500
	before := packs.Load()
	queues := stalledQueues(t, count)
	held := 0
	for _, q := range queues {
		held += cap(q.pack.b)
	}
	require.Equal(t, int64(held), packs.Load()-before)
	require.LessOrEqual(t, held, tooManyPacks+largeBlock+count*smallBlock)
	require.Equal(t, hugeBlock, cap(queues[0].pack.b), "the first are as large as ever")
	for _, q := range queues {
		q.doneLocked()
		require.Nil(t, q.pack)
	}
	require.Equal(t, before, packs.Load(), "all is given back")
	again, _ := queues[0].takeLocked()
	require.NotEmpty(t, again)
	require.Equal(t, hugeBlock, cap(queues[0].pack.b), "and so are those that come later")
	queues[0].doneLocked()
}

// Small frames that fit into one pack are written at once.
func TestPackIsFilled(t *testing.T) {
	for _, count := range []int{2, 15, 16, 29, 200, 900} {
		q := newOutbox(1<<20, nil)
		frame := NewBlock(wire.AppendCommand(nil, "news", make([]byte, 128)))
		for range count {
			q.shareLocked(frame)
		}
		q.writing = true
		vec, _ := q.takeLocked()
		require.Len(t, vec, 1)
		require.EqualValues(t, count, q.taken)
		q.doneLocked()
	}
}

// A small pack writes the same bytes in the same order, in more writes.
func TestSmallPackWritesTheSame(t *testing.T) {
	var want, got []byte
	q := newOutbox(1<<20, nil)
	for i := range 300 {
		frame := wire.AppendCommand(nil, "news", bytes.Repeat([]byte{byte(i)}, 64+i*7%5000))
		want = append(want, frame...)
		q.shareLocked(NewBlock(frame))
	}
	packs.Add(tooManyPacks + 1)
	defer packs.Add(-tooManyPacks - 1)
	q.writing = true
	for {
		vec, _ := q.takeLocked()
		if vec == nil {
			break
		}
		for _, b := range vec {
			got = append(got, b...)
		}
		q.doneLocked()
	}
	require.True(t, bytes.Equal(want, got))
	require.EqualValues(t, 300, q.written)
}
