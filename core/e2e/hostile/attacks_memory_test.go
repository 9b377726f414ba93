//go:build !js

package hostile_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport/transporttest"
)

var memoryAttacks = map[string]attack{
	"asks for much and never reads": {
		opts: core.ServerOptions{
			Timeouts: core.Timeouts{Write: time.Second, Close: 100 * time.Millisecond}, Limits: core.Limits{QueueBytes: 256 << 10, InboxBytes: 64 << 10},
		},
		tries: [2]int{4, 32}, grows: 64 << 10,
		run: neverReads,
	},
	"many who fill their queues": {
		opts:  core.ServerOptions{Limits: core.Limits{MemoryBytes: 16 << 20, QueueBytes: 4 << 20}, Timeouts: core.Timeouts{Close: 100 * time.Millisecond}},
		tries: [2]int{40, 200}, grows: 96 << 10,
		run: fillQueues,
	},
	"large frames to concurrent handlers": {
		opts:  core.ServerOptions{Timeouts: core.Timeouts{Drain: 100 * time.Millisecond}}, // the handlers never return
		tries: [2]int{4, 32}, grows: 224 << 10,
		run: copyMuch,
	},
	"an Authorize that hangs": {
		opts: core.ServerOptions{Timeouts: core.Timeouts{Hello: 300 * time.Millisecond}, Access: core.Access{Authorize: func(ctx context.Context, a *core.Admission) error {
			if strings.HasPrefix(a.Name, "hang") {
				<-hangs
			}
			return nil
		}}},
		tries: [2]int{20, 100}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			var peers []*coretest.Peer
			for i := range tries {
				p := a.raw()
				p.Send(coretest.Hello(wire.Hello{Name: fmt.Sprint("hang ", i)}))
				peers = append(peers, p)
			}
			a.worst()
			for _, p := range peers {
				a.refuses(p, core.CodeUnavailable)
			}
			for range peers {
				hangs <- struct{}{}
			}
			return "refused: unavailable"
		},
	},
	"members of a group that never read": {
		opts:  core.ServerOptions{Limits: core.Limits{QueueBytes: 16 << 20}, Timeouts: core.Timeouts{Write: time.Second, Close: 100 * time.Millisecond}},
		tries: [2]int{40, 300}, grows: 24 << 10,
		run: stalledMembers,
	},
}

// neverReads asks for answers of 60 KiB without end.
func neverReads(a *arena, tries int) string {
	ask := wire.AppendRequest(nil, 1, "echo", make([]byte, 60<<10))
	cut := make(chan error, tries)
	for range tries {
		p, _ := a.hello(wire.Hello{})
		go func() {
			for {
				if _, err := p.Stream.Write(ask); err != nil {
					cut <- err
					return
				}
			}
		}()
	}
	time.Sleep(500 * time.Millisecond) // until all is full
	a.worst()
	for range tries {
		coretest.Next(a.T, cut)
		a.leaves(core.CodeWriteTimeout)
	}
	return "disconnected: write timeout"
}

// hangs blocks each Authorize that waits for it, until the attack is over.
var hangs = make(chan struct{})

// fillQueues reads nothing that the server sends, on many connections.
func fillQueues(a *arena, tries int) string {
	for range tries {
		a.hello(wire.Hello{Name: "mallory"})
	}
	payload := make([]byte, 30<<10)
	most := 0
	for until := time.Now().Add(transporttest.Patience); a.srv.Stats().Overloaded < uint64(tries/4) && time.Now().Before(until); {
		for c := range a.srv.Named("mallory").Clients() {
			c.SendBytes("junk", payload) //nolint:errcheck // some are being ended
		}
		time.Sleep(time.Millisecond) // a goroutine that makes room has a turn, also on a busy machine
		most = max(most, a.srv.Stats().Memory)
	}
	a.worst()
	require.GreaterOrEqual(a, a.srv.Stats().Overloaded, uint64(tries/4))
	require.LessOrEqual(a, most, 24<<20, "of 16 MiB, for a moment")
	return "disconnected: overloaded"
}

// copyMuch sends large frames to a concurrent handler that does not return.
func copyMuch(a *arena, tries int) string {
	frame := wire.AppendRequest(nil, 1, "never", make([]byte, 1<<20-100))
	for range tries {
		p, _ := a.hello(wire.Hello{})
		go func() {
			for id := range byte(64) {
				one := append([]byte(nil), frame...)
				one[4] = id + 1 // after the length, which has three bytes, and the kind
				if _, err := p.Stream.Write(one); err != nil {
					return
				}
			}
		}()
	}
	time.Sleep(time.Second) // until all is full
	a.worst()
	require.LessOrEqual(a, a.srv.Stats().Memory, tries*(7<<20)+(4<<20))
	return "its inbox, and as much of copies"
}

// stalledMembers join a group and read none of the many small frames that it is sent. The members
// share the frames. Each holds only what writing them needs.
func stalledMembers(a *arena, tries int) string {
	for range tries {
		a.hello(wire.Hello{Groups: []string{"pit"}})
	}
	frame := make([]byte, 3<<10)
	for range 2000 { // twice what the system buffers for each
		require.NoError(a, a.srv.Group("pit").SendBytes("news", frame))
	}
	time.Sleep(500 * time.Millisecond) // until all are stuck
	a.worst()
	for range tries {
		a.leaves(core.CodeWriteTimeout)
	}
	return "disconnected: write timeout"
}
