package guard

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBucket(t *testing.T) {
	b := newBucket(10, 10)
	_, ok := b.spend(10)
	require.True(t, ok)
	wait, ok := b.spend(5)
	require.False(t, ok)
	require.Equal(t, 500*time.Millisecond, wait)
	b.fill(time.Hour, false)
	require.InDelta(t, 10, b.left, 1e-9)
	b.fill(time.Second, true)
	require.InDelta(t, 20, b.left, 1e-9)
	off := newBucket(0, 0)
	_, ok = off.spend(math.MaxInt)
	require.True(t, ok)
}

func TestNothingToWatch(t *testing.T) {
	g := New(Limits{})
	require.Nil(t, g)
	require.False(t, g.Counts())
	require.False(t, New(Limits{Bytes: 1}).Counts())
	require.True(t, New(Limits{Frames: 1}).Counts())
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRate(2, 5)
		for range 5 {
			_, ok := r.Take()
			require.True(t, ok)
		}
		for range 3 { // they do not count
			wait, ok := r.Take()
			require.False(t, ok)
			require.Equal(t, 500*time.Millisecond, wait)
		}
		time.Sleep(500 * time.Millisecond)
		_, ok := r.Take()
		require.True(t, ok)
	})
}

func TestTooMuchASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New(Limits{Frames: 3, Bytes: 100})
		for range 3 {
			require.Nil(t, g.Frame(true))
		}
		require.Equal(t, "3 frames", g.Frame(true).Limit)
		require.Nil(t, g.Read(100))
		require.Equal(t, "100 B", g.Read(50).Limit)
		g.Stall() // frames that pile up may be more than a second's worth after that
		time.Sleep(10 * time.Second)
		require.Nil(t, g.Read(800))
		for range 20 {
			require.Nil(t, g.Frame(false))
		}
	})
}

func TestIdle(t *testing.T) {
	g := New(Limits{Idle: 3 * time.Second})
	for second := 1; second <= 10; second++ {
		l := Look{Now: time.Duration(second) * time.Second, Quiet: second != 4}
		if second == 6 {
			require.Nil(t, g.Frame(true))
		}
		require.Nil(t, g.Frame(false), "which asks for nothing")
		idle, late := g.Sweep(l)
		require.Zero(t, late)
		require.Equal(t, second >= 9, idle >= 3*time.Second, second) // three seconds after the last of the frames before second 6
	}
}

// A byte that comes at the moment of a sweep does not begin the time of a frame anew. A pause of
// the reading since the last sweep does.
func TestLateFrame(t *testing.T) {
	for name, tc := range map[string]struct {
		reads uint64 // reads between two sweeps
		size  int
		ends  int // second in which the frame is late; 0 for never
	}{
		"bytes come":          {reads: 1, ends: 12},
		"a large frame":       {reads: 1, size: 4 * drip, ends: 15},
		"reading stood still": {},
	} {
		t.Run(name, func(t *testing.T) {
			g := New(Limits{Frame: 10 * time.Second})
			require.Nil(t, g.Read(50))
			g.Wait(50, tc.size)
			var reads uint64
			ended := 0
			for second := 1; second <= 20 && ended == 0; second++ {
				reads += tc.reads
				waits := second == 1 || second >= 12
				if tc.ends == 0 {
					waits = second == 1 || second == 12
				}
				idle, late := g.Sweep(Look{Now: time.Duration(second) * time.Second, Waiting: waits, Reads: reads})
				require.Zero(t, idle)
				if late > 0 {
					ended = second
				}
			}
			require.Equal(t, tc.ends, ended)
		})
	}
}

// A frame that has come is not taken for the next frame, although both wait with one byte.
func TestNextFrame(t *testing.T) {
	g := New(Limits{Frame: 10 * time.Second})
	for second := 1; second <= 100; second++ {
		require.Nil(t, g.Read(3))
		g.Wait(1, 0)
		_, late := g.Sweep(Look{Now: time.Duration(second) * time.Second, Waiting: true, Reads: uint64(second)})
		require.Zero(t, late)
	}
}
