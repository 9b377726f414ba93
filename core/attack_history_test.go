//go:build !js

package core_test

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
)

func init() {
	attacks["joins and leaves a group that has a history"] = attack{
		opts:  core.ServerOptions{History: core.History{Messages: 100, Replay: true}},
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
		both := wire.AppendLeaveGroup(wire.AppendJoinGroup(nil, "all"), "all")
		in += len(both)
		p.send(both)
		for left := false; !left; {
			f := p.want()
			out += len(f.Body) + 2
			left = f.Kind == wire.KindLeaveGroup
		}
	}
	a.worst()
	require.Less(a, out, 2*in+2*kept)
	a.Logf("soak: %d B out for %d B in, in %v", out, in, time.Since(begun).Round(time.Millisecond))
	return "the history once, and then as much as it sends"
}
