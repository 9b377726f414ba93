//go:build !js

package hostile_test

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
)

func init() {
	attacks["joins and leaves a group that has a history"] = attack{
		opts:  core.ServerOptions{Limits: core.Limits{ChangeRate: -1}, History: core.History{Messages: 100, Replay: true}},
		tries: [2]int{300, 20_000}, grows: 16 << 10,
		run: rejoin,
	}
}

// rejoin wants to be sent again and again what a group keeps.
func rejoin(a *arena, tries int) string {
	const kept = 50 * 400
	for range 50 {
		require.NoError(a, a.srv.Group("all").Send("news", make([]byte, 400)))
	}
	p, _ := a.hello(wire.Hello{Name: "mallory"})
	in, out := 0, 0
	begun := time.Now()
	for range tries {
		both := wire.AppendAsk(wire.AppendAsk(nil, wire.KindAskJoin, 1, "all"), wire.KindAskLeave, 2, "all")
		in += len(both)
		p.Send(both)
		for left := false; !left; {
			f := p.Want()
			out += len(f.Body) + 2
			left = f.Kind == wire.KindReply && f.Body[0] == 2 // the answer to the second
		}
	}
	a.worst()
	require.Less(a, out, 2*in+2*kept)
	a.Logf("soak: %d B out for %d B in, in %v", out, in, time.Since(begun).Round(time.Millisecond))
	return "the history once, and then as much as it sends"
}
