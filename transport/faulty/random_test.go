package faulty_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/faulty"
)

var all = faulty.Plan{Delay: 1, Dribble: 1, Corrupt: 1, Stall: 1, HalfClose: 1, Cut: 1, Reset: 1}

// A logged seed gives the same scripts in later versions too.
func TestRandomIsReproducible(t *testing.T) {
	scripts := faulty.Random(7, &faulty.Plan{Delay: 0.5, Dribble: 0.5, Corrupt: 0.2, Cut: 0.5, Within: 1000})
	var got []string
	for n := range 4 {
		got = append(got, scripts(n).String())
	}
	require.Equal(t, []string{
		"read@794 delay(2.695288ms), read@534 dribble(1), read@360 cut, write@550 cut",
		"read@452 dribble(15), write@363 dribble(9), write@795 corrupt(6), write@621 cut",
		"read@106 cut, write@190 dribble(3)",
		"read@620 delay(8.031509ms), read@85 cut, write@724 dribble(16), write@514 cut",
	}, got)
	for n := range 4 { // the order of calls does not matter
		require.Equal(t, got[3-n], scripts(3-n).String())
	}
	require.NotEqual(t, faulty.Random(1, &all)(0), faulty.Random(2, &all)(0))
}

// Every kind of fault with probability 1 strikes, in both directions and within the bounds.
func TestRandomBounds(t *testing.T) {
	plan := all
	plan.Within, plan.MaxDelay, plan.MaxDribble, plan.MaxStall = 10, time.Second, 2, time.Minute
	scripts := faulty.Random(1, &plan)
	seen := map[string]bool{}
	for n := range 200 {
		s := scripts(n)
		require.Len(t, s, 2*7)
		for _, step := range s {
			require.Less(t, step.At, int64(10))
			seen[step.String()] = true
		}
		again, err := faulty.Parse(s.String())
		require.NoError(t, err)
		require.Equal(t, s, again)
		require.NotEqual(t, s.String(), scripts(n+1).String())
	}
	for _, want := range []string{"read@0 cut", "write@9 reset", "read@5 dribble(1)", "write@5 dribble(2)"} {
		require.True(t, seen[want], want)
	}
	require.Empty(t, faulty.Random(1, nil)(0))

	plan.MaxStall = -1
	require.True(t, slices.ContainsFunc(faulty.Random(1, &plan)(0), func(s faulty.Step) bool {
		return strings.HasSuffix(s.String(), " stall")
	}))
}

// Making one kind of fault unlikely does not change the others.
func TestRandomKindsAreIndependent(t *testing.T) {
	without := all
	without.Cut = 0
	for n := range 50 {
		want := slices.DeleteFunc(faulty.Random(3, &all)(n), func(s faulty.Step) bool { return s.Do == faulty.Cut() })
		require.Equal(t, want, faulty.Random(3, &without)(n))
	}
}

// Connection n gets script n, whether it is dialled or accepted.
func TestDialerAndListener(t *testing.T) {
	scripts := func(n int) faulty.Script { return faulty.Script{faulty.Write(int64(n), faulty.Cut())} }
	lis := transport.NewPipeListener()
	l, d := faulty.Listener(lis, scripts), faulty.Dialer(lis, scripts)
	defer l.Close()
	require.Equal(t, lis.Addr(), l.Addr())
	for n := range 3 {
		here, err := d.Dial(t.Context())
		require.NoError(t, err)
		there, err := l.Accept()
		require.NoError(t, err)
		for _, c := range []transport.Conn{here, there} {
			defer c.Close()
			_, err := c.Write(make([]byte, n))
			require.NoError(t, err)
		}
		_, err = there.Write([]byte("x"))
		requireBroken(t, err, scripts(n).String())
		_, err = here.Write([]byte("x"))
		requireBroken(t, err, scripts(n).String())
	}
}
