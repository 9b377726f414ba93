package stream

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/wire"
)

// growing returns two tables whose windows may grow by four windows together.
func growing() (client, server *Table) {
	l := testLimits
	l.Growth = 4 * l.Window
	client, server = new(Table), new(Table)
	client.Init(l, false, budget.New(1<<30), deaf{})
	server.Init(l, true, budget.New(1<<30), deaf{})
	return client, server
}

// fill sends items until the stream waits for credit, and returns their cost.
func fill(t *testing.T, client, server *Table, from *Stream) (cost int) {
	const size = 500
	flush(t, client, server)
	for from.SendNow(make([]byte, size)) {
		cost += size + wire.StreamItemCost
		flush(t, client, server)
	}
	return cost
}

// drain takes up to n items. It reports whether the receiver waits.
func drain(t *testing.T, to *Stream, n int) (waits bool) {
	for range n {
		_, st, err := to.TryNext()
		require.NoError(t, err)
		if st == Wait {
			return true
		}
	}
	return false
}

const all = 1 << 20 // items

// The window grows while the receiver takes all that comes, as far as it may.
func TestWindowGrows(t *testing.T) {
	client, server := growing()
	here, there := opened(t, client, server, 1)
	w := testLimits.Window
	for _, want := range []int{w, 2 * w, 3 * w, 3 * w, 3 * w} {
		require.InDelta(t, want, fill(t, client, server, here), 1000)
		require.True(t, drain(t, there, all))
	}
	require.Equal(t, 2*w, server.grown)
	there.Abort(wire.Goodbye{Code: wire.CodeCanceled}, errTest)
	require.Zero(t, server.grown)
}

// A receiver that takes nothing, or that takes less than comes, has the first window.
func TestWindowStays(t *testing.T) {
	client, server := growing()
	here, there := opened(t, client, server, 1)
	w := testLimits.Window
	require.InDelta(t, w, fill(t, client, server, here), 1000)
	for range 100 {
		require.False(t, drain(t, there, 10))
		fill(t, client, server, here)
	}
	require.Zero(t, server.grown)
	require.LessOrEqual(t, there.storedLocked(), w)
}

// The windows of all streams together grow by no more than they may. Each stream leaves half of the rest to the others.
func TestWindowsGrowTogether(t *testing.T) {
	client, server := growing()
	w := testLimits.Window
	var ends [][2]*Stream
	for n := range uint64(testLimits.Most) {
		here, there := opened(t, client, server, n+1)
		ends = append(ends, [2]*Stream{here, there})
		for range 5 {
			fill(t, client, server, here)
			require.True(t, drain(t, there, all))
		}
	}
	for i, want := range []int{2 * w, w, w / 2} {
		require.Equal(t, want, ends[i][1].extra)
	}
	require.Equal(t, 7*w/2, server.grown)
	for i, e := range ends { // each ends in another way
		switch i {
		case 0:
			e[0].Finish(wire.Goodbye{}, nil)
			flush(t, client, server)
			_, st, err := e[1].TryNext()
			require.NoError(t, err)
			require.Equal(t, Ended, st)
		case 1:
			e[1].Stop(wire.Goodbye{Code: wire.CodeClosed}, errTest)
		default:
			e[0].Abort(wire.Goodbye{Code: wire.CodeCanceled}, errTest)
			flush(t, client, server)
			_, st, _ := e[1].TryNext()
			require.Equal(t, Ended, st)
		}
	}
	require.Zero(t, server.grown)
}

// The window of a receiver that falls behind shrinks to the first window, and grows again when the receiver is quick again.
func TestWindowShrinks(t *testing.T) {
	client, server := growing()
	here, there := opened(t, client, server, 1)
	w := testLimits.Window
	for range 5 {
		fill(t, client, server, here)
		require.True(t, drain(t, there, all))
	}
	require.Equal(t, 2*w, there.extra)
	fill(t, client, server, here)
	for range 50 {
		require.False(t, drain(t, there, 10))
		fill(t, client, server, here)
	}
	require.Zero(t, there.extra)
	require.Zero(t, server.grown)
	fill(t, client, server, here)
	require.LessOrEqual(t, there.storedLocked(), w)
	for range 5 {
		fill(t, client, server, here)
		require.True(t, drain(t, there, all))
	}
	require.Equal(t, 2*w, there.extra)
}

// The window grows for items that are longer than the window, too.
func TestWindowGrowsForLongItems(t *testing.T) {
	client, server := growing()
	here, there := opened(t, client, server, 1)
	for range 3 {
		it := Item{Rest: make([]byte, 60<<10)}
		for st := Wait; st != Done; {
			var err error
			st, err = here.TrySend(&it)
			require.NoError(t, err)
			flush(t, client, server)
			drain(t, there, all)
			flush(t, client, server)
		}
	}
	require.Equal(t, 2*testLimits.Window, there.extra)
}
