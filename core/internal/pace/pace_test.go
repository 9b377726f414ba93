package pace

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	ms  = time.Millisecond
	sec = time.Second
)

var usual = Options{Min: 500 * ms, Max: 20 * sec}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// most returns the greatest next wait of many paces, made by again with different seeds.
func most(again func(seed uint64) *Pace, now time.Time) time.Duration {
	var d time.Duration
	for seed := range uint64(2000) {
		wait, ok := again(seed*0x9e3779b97f4a7c15).Next(now, 0)
		if ok {
			d = max(d, wait)
		}
	}
	return d
}

func within(t *testing.T, want, got time.Duration) {
	t.Helper()
	require.LessOrEqual(t, got, want)
	require.Greater(t, got, want*19/20)
}

func TestLimitDoubles(t *testing.T) {
	limits := []time.Duration{500 * ms, sec, 2 * sec, 4 * sec, 8 * sec, 16 * sec, 20 * sec, 20 * sec}
	for failed, limit := range limits {
		within(t, limit, most(func(seed uint64) *Pace {
			p := New(usual, seed)
			for range failed {
				p.Next(start, 0)
			}
			return p
		}, start))
	}
	p := New(Options{Min: time.Minute, Max: sec}, 1)
	p.Next(start, 0)
	require.Equal(t, time.Minute, p.limitLocked(), "a Min over Max is what there is")
}

// Only a connection that lasts as long as the longest next wait resets the waits.
func TestBriefConnections(t *testing.T) {
	p := New(usual, 1)
	down := func(up time.Duration) time.Duration {
		p.Next(start, 0)
		p.Next(start, 0)
		p.Down(start, up, 0)
		return p.limitLocked()
	}
	require.Equal(t, sec, down(0))
	require.Equal(t, 2*sec, down(999*ms))
	require.Equal(t, 4*sec, down(1999*ms))
	require.Equal(t, 500*ms, down(4*sec))
	require.Equal(t, 500*ms, down(500*ms))
	require.Equal(t, sec, down(499*ms))
	for range 100 {
		down(ms)
	}
	require.Equal(t, 20*sec, down(ms))
	require.Equal(t, 500*ms, down(20*sec))
}

// While a session can be resumed there is an attempt at least every 2 s, and a last one shortly
// before its end.
func TestSessionsAreResumed(t *testing.T) {
	for seed := range uint64(500) {
		p := New(usual, seed*0x9e3779b97f4a7c15)
		p.Down(start, time.Hour, 30*sec)
		now, tries, last := start, 0, start
		for {
			wait, ok := p.Next(now, 0)
			require.True(t, ok)
			now = now.Add(wait)
			if now.Sub(start) >= 30*sec {
				break
			}
			require.LessOrEqual(t, wait, 2*sec)
			last = now
			tries++
		}
		require.GreaterOrEqual(t, last.Sub(start), 27*sec)
		require.Less(t, tries, 60)
	}
}

// A session that lasts for hours is not asked for every 2 s all that time.
func TestLongSessionsAreAskedForLessOften(t *testing.T) {
	p := New(usual, 1)
	p.Down(start, time.Hour, 2*time.Hour)
	now, tries := start, 0
	for now.Sub(start) < time.Hour {
		wait, _ := p.Next(now, 0)
		require.LessOrEqual(t, wait, max(2*sec, now.Sub(start)/15))
		now = now.Add(wait)
		tries++
	}
	require.Less(t, tries, 450)
	p.Over()
	require.Equal(t, 20*sec, p.limitLocked())
}

// The wait that the server asks for holds, even if it costs the session.
func TestServerIsHeeded(t *testing.T) {
	p := New(usual, 1)
	p.Down(start, time.Hour, 30*sec)
	for _, least := range []time.Duration{3 * sec, time.Minute} {
		wait, ok := p.Next(start, least)
		require.True(t, ok)
		require.Equal(t, least, wait)
	}
}

func TestFor(t *testing.T) {
	p := New(Options{Min: sec, Max: sec, For: 10 * sec}, 1)
	now := start
	for {
		wait, ok := p.Next(now, 0)
		if !ok {
			break
		}
		now = now.Add(wait)
		require.LessOrEqual(t, now.Sub(start), 10*sec)
	}
	require.Greater(t, now.Sub(start), 8*sec)

	p.Down(now, ms, 0) // a brief connection does not begin For anew
	_, ok := p.Next(now.Add(10*sec), 0)
	require.False(t, ok)
	p.Down(now, time.Hour, 0)
	_, ok = p.Next(now.Add(time.Hour), 0)
	require.True(t, ok)
}

func TestAttempt(t *testing.T) {
	p := New(usual, 1)
	require.Equal(t, 15*sec, p.Attempt(start))
	p.Down(start, time.Hour, 30*sec)
	require.Equal(t, 5*sec, p.Attempt(start))
	p.Up(3 * sec)
	require.Equal(t, 9*sec, p.Attempt(start))
	p.Up(time.Minute)
	require.Equal(t, 15*sec, p.Attempt(start))
	require.Equal(t, 15*sec, p.Attempt(start.Add(30*sec)))

	p = New(Options{Min: sec, Max: sec, Try: 2 * sec}, 1)
	require.Equal(t, 2*sec, p.Attempt(start))
	p.Down(start, 0, 30*sec)
	require.Equal(t, 2*sec, p.Attempt(start), "also to resume")
}

func TestHurry(t *testing.T) {
	p := New(usual, 1)
	p.Down(start, 0, 0)
	for range 5 {
		p.Next(start, 0)
	}
	p.Hurry()
	require.Equal(t, sec, p.limitLocked(), "what did not last is not forgotten")
}

// Clients that were made at the same moment wait differently after Mix with different values.
func TestMix(t *testing.T) {
	waits := map[time.Duration]bool{}
	for i := range byte(100) {
		p := New(usual, 7)
		p.Mix([]byte{i, i, i, 3})
		wait, _ := p.Next(start, 0)
		waits[wait] = true
	}
	require.Greater(t, len(waits), 95)
	p := New(Options{Min: 1, Max: 1}, 0)
	p.Mix(make([]byte, 100))
	p.Next(start, 0)
}
