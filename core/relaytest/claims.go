package relaytest

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

var claimCases = []relayCase{
	{"a claim has one holder", func(s *scene) {
		n := s.join(2)
		require.Equal(s.t, "none", n[0].lookup("k"))
		mine, _ := n[0].claim("k", "first")
		require.True(s.t, mine)
		mine, held := n[1].claim("k", "second")
		require.False(s.t, mine)
		require.Equal(s.t, "first", held)
		require.Equal(s.t, "first", n[0].lookup("k"))
		require.Equal(s.t, "first", n[1].lookup("k"))

		mine, _ = n[0].claim("k", "changed")
		require.True(s.t, mine, "its own claim is in nobody's way")
		require.Equal(s.t, "changed", n[1].lookup("k"))

		n[1].releaseClaim("k")
		require.Equal(s.t, "changed", n[1].lookup("k"), "it was not its own")
		n[0].releaseClaim("k")
		n[0].releaseClaim("k")
		require.Equal(s.t, "none", n[1].lookup("k"))
		mine, _ = n[1].claim("k", "second")
		require.True(s.t, mine)
		require.Equal(s.t, "second", n[0].lookup("k"))
	}},
	{"keys and values of every size", func(s *scene) {
		n := s.join(2)
		long := strings.Repeat("K", core.MaxRelayToken)
		value := strings.Repeat("\x00\xffv", core.MaxRelayValue/3)
		for key, value := range map[string]string{"-": "", "_": "\x00", long: value} {
			mine, _ := n[0].claim(key, value)
			require.True(s.t, mine)
			mine, held := n[1].claim(key, "other")
			require.False(s.t, mine)
			require.Equal(s.t, value, held)
			require.Equal(s.t, value, n[1].lookup(key))
		}
		require.Equal(s.t, "none", n[1].lookup(strings.ToLower(long)), "upper and lower case differ")
	}},
	{"of many who claim at once one wins", func(s *scene) {
		n := s.join(4)
		for round := range 25 {
			key := "k-" + strconv.Itoa(round)
			var won atomic.Int32
			var winner atomic.Pointer[witness]
			var all sync.WaitGroup
			errs := make(chan error, len(n))
			for _, w := range n {
				all.Go(func() {
					ctx, cancel := patient()
					defer cancel()
					mine, _, err := w.node.Claim(ctx, key, []byte(w.name))
					switch {
					case err != nil:
						errs <- err
					case mine:
						won.Add(1)
						winner.Store(w)
					}
				})
			}
			all.Wait()
			require.Empty(s.t, errs)
			require.EqualValues(s.t, 1, won.Load())
			for _, w := range n {
				require.Equal(s.t, winner.Load().name, w.lookup(key))
			}
		}
	}},
	{"a claim that goes from hand to hand is never in two", func(s *scene) {
		n := s.join(3)
		var holders, most, turns atomic.Int32
		var all sync.WaitGroup
		errs := make(chan error, len(n))
		for _, w := range n {
			all.Go(func() {
				ctx, cancel := patient()
				defer cancel()
				for done := 0; done < 20 && ctx.Err() == nil; {
					mine, _, err := w.node.Claim(ctx, "k", nil)
					if err != nil {
						errs <- err
						return
					}
					if !mine {
						time.Sleep(time.Millisecond)
						continue
					}
					if h := holders.Add(1); h > most.Load() {
						most.Store(h)
					}
					done++
					turns.Add(1)
					holders.Add(-1)
					if err := w.node.Release(ctx, "k"); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		all.Wait()
		require.Empty(s.t, errs)
		require.EqualValues(s.t, 1, most.Load())
		require.EqualValues(s.t, 60, turns.Load())
	}},
	{"claims outlast the lease while their node lives", func(s *scene) {
		n := s.join(2)
		for i := range 100 {
			mine, _ := n[0].claim("k"+strconv.Itoa(i), "here")
			require.True(s.t, mine)
		}
		time.Sleep(n[0].node.Lease() * 5 / 2)
		for i := range 100 {
			require.Equal(s.t, "here", n[1].lookup("k"+strconv.Itoa(i)))
		}
		require.Zero(s.t, n[0].read(&n[0].claimsLost))
	}},
	{"closing a node ends its claims at once", func(s *scene) {
		n := s.join(2)
		mine, _ := n[0].claim("k", "x")
		require.True(s.t, mine)
		ctx, cancel := patient()
		defer cancel()
		require.NoError(s.t, n[0].node.Close(ctx))
		require.Equal(s.t, "none", n[1].lookup("k"))
		mine, _ = n[1].claim("k", "y")
		require.True(s.t, mine)
	}},
	{"an operation ends with its context", func(s *scene) {
		n := s.join(1)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, _, err := n[0].node.Claim(ctx, "k", nil)
		require.Error(s.t, err)
		_, _, err = n[0].node.Lookup(ctx, "k")
		require.Error(s.t, err)
		require.Error(s.t, n[0].node.Release(ctx, "k"))
	}},
}
