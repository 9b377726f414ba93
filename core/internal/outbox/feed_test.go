package outbox

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/pool"
	"github.com/hisock/hisock/core/wire"
)

// A full chunk becomes a block as it is, a chunk with little in it is copied. Both are kept, written again after a resume, and
// given up when they are acknowledged.
func TestFeed(t *testing.T) {
	all := budget.New(1 << 30)
	o := newOutbox(1<<20, all)
	o.Keep()
	full := wire.AppendStreamItem(pool.GetChunk(), 1, make([]byte, pool.ChunkSize-100))
	little := wire.AppendStreamItem(pool.GetChunk(), 3, []byte("a"))
	little = wire.AppendStreamItem(little, 3, []byte("b"))
	want := append(bytes.Clone(full), little...)

	o.Offer(false)
	bufs, link := o.Take()
	require.Nil(t, bufs)
	require.NotNil(t, link)
	require.Positive(t, o.FeedRoom())
	bufs, _ = o.Feed([][]byte{full, little}, []int32{1, 2}, 0, 0, false)
	require.Same(t, &full[0], &bufs[0][0], "which was not copied")
	require.Equal(t, want, bytes.Join(bufs, nil))
	o.Done(int64(len(want)))
	require.Equal(t, uint64(3), o.Queued())
	if runtime.GOOS != "js" { // a page has no bound on the memory of all
		require.GreaterOrEqual(t, all.Held(), pool.ChunkSize)
	}

	o.Suspend()
	require.True(t, o.Resume(new(int), 1, 0, nil))
	require.Equal(t, want[len(full):], written(o))
	o.Done(int64(len(want) - len(full)))
	require.True(t, o.Acked(3))
	require.Zero(t, o.Stats().Kept)
	require.Zero(t, all.Held())
}

// What goes along is not written by itself. It is fetched before the next frames are written, and once.
func TestOfferAlong(t *testing.T) {
	o := newOutbox(1<<20, nil)
	o.OfferAlong()
	require.False(t, o.writing)
	require.Empty(t, written(o))
	o.Hold(0)
	o.Send([]byte("data"), Data)
	f, _ := o.Release(false)
	require.Equal(t, Write, f)
	bufs, link := o.Take()
	require.Nil(t, bufs)
	require.NotNil(t, link)
	o.FeedRoom()
	bufs, _ = o.Feed([][]byte{[]byte("along")}, []int32{1}, 0, 0, false)
	require.Equal(t, "dataalong", string(bytes.Join(bufs, nil)))
	o.Done(9)
	o.Hold(0)
	o.Send([]byte("more"), Data)
	o.Release(false)
	require.Equal(t, "more", string(written(o)))
}
