//go:build !js

package hostile_test

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
)

func init() {
	attacks["cancels behind a full inbox"] = attack{
		opts: core.ServerOptions{Limits: core.Limits{MaxCalls: -1}},
		more: func(a *arena) {
			a.srv.HandleBytes("stuck", func(ctx context.Context, _ *core.Conn, _ []byte) ([]byte, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
		},
		tries: [2]int{20_000, 5_000_000}, grows: 16 << 10,
		run: cancelStorm,
	}
}

// cancelStorm fills an inbox with calls and gives up calls that there are and others.
func cancelStorm(a *arena, tries int) string {
	const waiting = 1900 // of what 256 KiB hold
	p, _ := a.hello(wire.Hello{})
	var calls, storm []byte
	for id := range uint64(waiting) {
		calls = wire.AppendRequest(calls, id+1, "stuck", nil)
	}
	p.Send(calls)
	for id := range uint64(1000) {
		storm = wire.AppendCancel(storm, waiting/2+id) // half of them are never made
	}
	for range tries / 1000 {
		p.Send(storm)
	}
	p.Send(wire.AppendPing(nil, 7))
	p.WantKind(wire.KindPong)
	a.worst()
	require.NoError(a, p.Stream.Close())
	a.leaves(core.CodeConnLost)
	return "calls given up; the rest waits until it goes"
}
