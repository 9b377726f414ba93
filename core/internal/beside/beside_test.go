package beside

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/budget"
)

// No more handlers run than may, and no more bytes are held than there is room for. A payload
// larger than all the room is held alone.
func TestBounds(t *testing.T) {
	var none *Handlers
	require.False(t, none.May())
	require.Zero(t, none.Bytes())
	require.False(t, New(0, 100<<10, nil).May())

	b := budget.New(1 << 30)
	h := New(3, 100<<10, b)
	require.True(t, h.May())
	require.True(t, h.Begin(200<<10), "alone")
	require.False(t, h.Begin(0))
	h.End(200 << 10)
	require.Zero(t, b.Held())
	for range 2 {
		require.True(t, h.Begin(40<<10))
	}
	require.False(t, h.Begin(40<<10))
	require.True(t, h.Begin(10<<10))
	require.False(t, h.Begin(0), "they are three")
	running, queued := h.State()
	require.Equal(t, 3, running)
	require.Zero(t, queued)
	require.Equal(t, 90<<10, h.Bytes())
	for _, n := range []int{40, 40, 10} {
		h.End(n << 10)
	}
	require.Zero(t, b.Held())
	require.Zero(t, h.Bytes())
}

// The goroutine that has the turn waits for a place and for room. State has the call for which it
// waits.
func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(2, 100, nil)
		require.True(t, h.Begin(60))
		require.True(t, h.Begin(0))
		began := false
		h.Queue(7)
		go func() { h.Await(60); began = true }()
		synctest.Wait()
		_, queued := h.State()
		require.Equal(t, uint64(7), queued)
		h.End(0)
		synctest.Wait()
		require.False(t, began, "there is no room for it")
		h.End(60)
		synctest.Wait()
		require.True(t, began)
		running, queued := h.State()
		require.Equal(t, 1, running)
		require.Zero(t, queued)
		require.Equal(t, 60, h.Bytes())
	})
}
