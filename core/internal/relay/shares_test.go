package relay

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSharesLeavePlacesToOthers(t *testing.T) {
	s := Shares{Most: 16}
	take := func(addr string) (n int) {
		for s.Take(addr) {
			n++
		}
		return n
	}
	require.Equal(t, 8, take("a"))
	require.Equal(t, 4, take("b"))
	require.Equal(t, 2, take("c"))
	require.Equal(t, 2, take(""), "an address that may stand for many")
	require.False(t, s.Take("d"))
	for range 8 {
		s.Give("a")
	}
	require.Equal(t, 4, take("d"))
	for addr, n := range map[string]int{"b": 4, "c": 2, "": 2, "d": 4} {
		for range n {
			s.Give(addr)
		}
	}
	require.Zero(t, s.taken)
	require.Empty(t, s.by)
}

func TestRateLeavesSomeToOthers(t *testing.T) {
	r := Rate{Step: 2 * time.Millisecond, Burst: 500}
	most := 0
	for now := time.Duration(0); now < 10*time.Second; now += time.Millisecond {
		n := 0
		for r.Take("hostile", now) {
			n++
		}
		most = max(most, n)
		if now%(20*time.Millisecond) == 0 { // 50 a second
			require.True(t, r.Take("a"+strconv.Itoa(int(now)), now), now)
		}
	}
	require.Equal(t, 250, most)
	for now := 20 * time.Second; r.Take("", now); most++ {
		require.Less(t, most, 1000)
	}
	require.Equal(t, 250+500, most)
	require.LessOrEqual(t, len(r.by), 500)
}
