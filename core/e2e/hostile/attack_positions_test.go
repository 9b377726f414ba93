//go:build !js

package hostile_test

import (
	"context"
	"math"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
)

func init() {
	attacks["positions in groups that it was never given"] = attack{
		opts:  positionOptions(),
		tries: [2]int{100, 5000}, grows: 16 << 10,
		run: lieAboutPositions,
	}
}

// lieAboutPositions says in hellos and as it joins that it has been given what it has not, in groups in which
// it may be, and in others.
func lieAboutPositions(a *arena, tries int) string {
	const messages, kept = 50, 50 * 400
	for range messages {
		require.NoError(a, a.srv.Group("all").Send("news", make([]byte, 400)))
		require.NoError(a, a.srv.Group("secret").Send("news", make([]byte, 400)))
	}
	epoch := uint64(1)
	for i := range tries {
		h := wire.Hello{Name: "mallory", Groups: []string{"secret", "all"}}
		for j := range 40 { // as many as fit
			group := []string{"all", "secret", "no such group"}[(i+j)%3]
			number := []uint64{0, 1, messages, messages + 1, math.MaxUint64}[(i+j)%5]
			h.Positions = append(h.Positions, wire.Position{Group: group, Epoch: epoch + uint64(j%3), Number: number})
		}
		p, welcome := a.hello(h)
		require.Equal(a, []string{"all"}, welcome.Groups)
		in, out := 0, 0
		ask := func(frames ...[]byte) {
			for _, frame := range frames {
				in += len(frame)
				p.Tell(frame)
			}
			for left := false; !left; {
				f := p.Want()
				out += len(f.Body) + 2
				switch f.Kind {
				case wire.KindReplay:
					r, err := wire.ParseReplay(f.Body, nil)
					require.NoError(a, err)
					require.Equal(a, "all", r.Group)
					epoch = r.Epoch
				case wire.KindGroupCommand:
					group, _, _, err := wire.ParseGroup(f.Kind, f.Body)
					require.NoError(a, err)
					require.Equal(a, "all", string(group))
				}
				left = (f.Kind == wire.KindReply || f.Kind == wire.KindFailure) && f.Body[0] == 9 // the answer to the last
			}
		}
		for j := range 5 {
			ask(
				wire.AppendAsk(nil, wire.KindAskLeave, 1, "all"),
				wire.AppendAskJoin(nil, 2, wire.Position{Group: "all", Epoch: epoch + uint64(j%2), Number: uint64(j%3) * messages}),
				wire.AppendAskJoin(nil, 3, wire.Position{Group: "secret", Epoch: epoch, Number: 1}),
				wire.AppendAskJoin(nil, 9, wire.Position{Group: "secret", Epoch: epoch + 1, Number: math.MaxUint64}),
			)
		}
		require.Less(a, out, 3*in+kept+kept/4, "one replay, and the answers")
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: core.CodeClosed}))
		p.WantEnd()
		a.leaves(core.CodeClosed)
	}
	a.worst()
	return "the history once for each connection; of other groups nothing"
}

func positionOptions() core.ServerOptions {
	return core.ServerOptions{
		History: core.History{Messages: 100, Replay: true},
		Limits:  core.Limits{ChangeRate: -1},
		Access: core.Access{AuthorizeGroup: func(_ context.Context, c *core.Conn, group string) error {
			if group == "secret" && string(c.Auth()) != "honest" {
				return core.NewError(core.CodeUnauthorized, "")
			}
			return nil
		}},
	}
}
