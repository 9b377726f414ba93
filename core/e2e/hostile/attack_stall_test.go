//go:build !js

package hostile_test

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
)

func init() {
	attacks["members of a group that never read"] = attack{
		opts:  core.ServerOptions{Limits: core.Limits{QueueBytes: 16 << 20}, Timeouts: core.Timeouts{Write: time.Second, Close: 100 * time.Millisecond}},
		tries: [2]int{40, 300}, grows: 24 << 10,
		run: stalledMembers,
	}
}

// stalledMembers join a group that is sent many small frames, which its members share, and read
// none of them. They hold these once, and what is needed to write them for each.
func stalledMembers(a *arena, tries int) string {
	for range tries {
		a.hello(wire.Hello{Groups: []string{"pit"}})
	}
	frame := make([]byte, 3<<10)
	for range 2000 { // twice what the system takes for each
		require.NoError(a, a.srv.Group("pit").SendBytes("news", frame))
	}
	time.Sleep(500 * time.Millisecond) // until all are stuck
	a.worst()
	for range tries {
		a.leaves(core.CodeWriteTimeout)
	}
	return "disconnected: write timeout"
}
