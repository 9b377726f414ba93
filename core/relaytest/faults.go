package relaytest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

var faultCases = []relayCase{
	{"a node that is cut off is told, and comes back", func(s *scene) {
		n := s.join(2)
		if n[1].way.Cut == nil {
			s.t.Skip("the relay cannot be cut")
		}
		n[1].subscribe("t", "u")
		s.settle(n...)
		n[1].way.Cut()
		n[1].until("it is told", func() bool { return n[1].read(&n[1].downs) == 1 })
		_, err := n[1].node.Publish([]core.RelayMessage{{Topic: n[0].name, Payload: []byte("into the void")}})
		require.Error(s.t, err)
		n[1].subscribe("v") // in effect once it is back
		require.NoError(s.t, n[1].node.Unsubscribe("u"))
		n[1].way.Mend()
		n[1].until("it is told", func() bool { return n[1].read(&n[1].ups) == 2 })
		for _, topic := range []string{"t", "v", n[1].name} {
			s.reach(n[0], n[1], topic)
		}
		s.reach(n[1], n[0], n[0].name)
		n[0].publish("u", "gone")
		s.reach(n[0], n[1], "t")
		require.Empty(s.t, n[1].on("u"))
		require.Equal(s.t, 1, n[1].read(&n[1].downs))
	}},
	{"a node that is cut off claims nothing", func(s *scene) {
		n := s.join(2)
		if n[1].way.Cut == nil {
			s.t.Skip("the relay cannot be cut")
		}
		n[1].way.Cut()
		n[1].until("it is told", func() bool { return n[1].read(&n[1].downs) == 1 })
		ctx, cancel := patient()
		defer cancel()
		_, _, err := n[1].node.Claim(ctx, "k", nil)
		require.Error(s.t, err)
		_, _, err = n[1].node.Lookup(ctx, "k")
		require.Error(s.t, err)
		require.NoError(s.t, ctx.Err(), "it fails at once")
		n[1].way.Mend()
		n[1].until("it is told", func() bool { return n[1].read(&n[1].ups) == 2 })
		n[1].releaseClaim("k")
		mine, _ := n[0].claim("k", "x")
		require.True(s.t, mine)
	}},
	{"a short cut leaves the claims", func(s *scene) {
		n := s.join(2)
		if n[0].way.Cut == nil {
			s.t.Skip("the relay cannot be cut")
		}
		mine, _ := n[0].claim("k", "mine")
		require.True(s.t, mine)
		n[0].way.Cut()
		n[0].way.Mend()
		n[0].until("it can claim", func() bool {
			ctx, cancel := patient()
			defer cancel()
			_, _, err := n[0].node.Claim(ctx, "other", nil)
			return err == nil
		})
		if n[0].read(&n[0].claimsLost) == 0 {
			require.Equal(s.t, "mine", n[1].lookup("k"))
		}
	}},
	{"a node that was away too long has lost its claims", func(s *scene) {
		n := s.join(2)
		if n[0].way.Cut == nil {
			s.t.Skip("the relay cannot be cut")
		}
		for _, key := range []string{"k", "unclaimed"} {
			mine, _ := n[0].claim(key, "mine")
			require.True(s.t, mine)
		}
		n[0].way.Cut()
		n[1].until("the claim is free", func() bool { mine, _ := n[1].claim("k", "yours"); return mine })
		n[1].until("the other one is free", func() bool { return n[1].lookup("unclaimed") == "none" })
		n[0].way.Mend()
		n[0].until("it is told", func() bool { return n[0].read(&n[0].claimsLost) == 1 })
		n[0].until("it is back", func() bool { return n[0].read(&n[0].ups) == 2 })
		n[0].releaseClaim("k")
		require.Equal(s.t, "yours", n[1].lookup("k"), "an old claim releases nothing")
		mine, held := n[0].claim("k", "mine")
		require.False(s.t, mine)
		require.Equal(s.t, "yours", held)
		require.Equal(s.t, "none", n[1].lookup("unclaimed"))
		mine, _ = n[0].claim("unclaimed", "again")
		require.True(s.t, mine)
		time.Sleep(n[0].node.Lease() * 3 / 2)
		require.Equal(s.t, "again", n[1].lookup("unclaimed"))
		require.Equal(s.t, 1, n[0].read(&n[0].claimsLost))
	}},
	{"the claims of a node that died end with its lease", func(s *scene) {
		n := s.join(3)
		if n[0].way.Kill == nil {
			s.t.Skip("no node can be killed")
		}
		for _, key := range []string{"k", "l"} {
			mine, _ := n[0].claim(key, "mine")
			require.True(s.t, mine)
		}
		n[1].subscribe("t")
		s.settle(n...)
		n[0].way.Kill()
		n[1].until("the claim is free", func() bool { mine, _ := n[1].claim("k", "yours"); return mine })
		mine, _ := n[2].claim("k", "hers")
		require.False(s.t, mine)
		n[2].until("the other one is free", func() bool { return n[2].lookup("l") == "none" })
		s.reach(n[2], n[1], "t")
	}},
	{"closing a node that is cut off ends", func(s *scene) {
		n := s.join(1)
		if n[0].way.Cut == nil {
			s.t.Skip("the relay cannot be cut")
		}
		n[0].way.Cut()
		n[0].until("it is told", func() bool { return n[0].read(&n[0].downs) == 1 })
		ctx, cancel := patient()
		defer cancel()
		n[0].node.Close(ctx) //nolint:errcheck // it may have had to give something up
		require.NoError(s.t, ctx.Err())
	}},
}
