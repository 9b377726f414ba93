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

// Attacks on the memory of all, and on what Authorize holds.
func init() {
	attacks["many who fill their queues"] = attack{
		opts:  core.ServerOptions{Limits: core.Limits{MemoryBytes: 16 << 20, QueueBytes: 4 << 20}, Timeouts: core.Timeouts{Close: 100 * time.Millisecond}},
		tries: [2]int{40, 200}, grows: 96 << 10,
		run: fillQueues,
	}
	attacks["large frames to concurrent handlers"] = attack{
		tries: [2]int{4, 32}, grows: 224 << 10,
		run: copyMuch,
	}
	attacks["an Authorize that hangs"] = attack{
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
	}
}

// hangs holds up each Authorize that waits for it, until the attack is over.
var hangs = make(chan struct{})

// fillQueues reads nothing of what the server sends to each client, on many connections.
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
		time.Sleep(time.Millisecond) // also on a busy machine whoever makes room has a turn
		most = max(most, a.srv.Stats().Memory)
	}
	a.worst()
	require.GreaterOrEqual(a, a.srv.Stats().Overloaded, uint64(tries/4))
	require.LessOrEqual(a, most, 24<<20, "of 16 MiB, for a moment")
	return "disconnected: overloaded"
}

// copyMuch sends large frames to a handler that runs beside others and does not return.
func copyMuch(a *arena, tries int) string {
	frame := wire.AppendRequest(nil, 1, "never", make([]byte, 1<<20-100))
	for range tries {
		p, _ := a.hello(wire.Hello{})
		go func() {
			for id := range byte(64) {
				one := append([]byte(nil), frame...)
				one[4] = id + 1 // behind the length, which has three bytes, and the kind
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
