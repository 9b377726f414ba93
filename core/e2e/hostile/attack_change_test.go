//go:build !js

package hostile_test

import (
	"context"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

func init() {
	attacks["renames itself to a user"] = attack{
		opts: core.ServerOptions{Access: core.Access{UniqueNames: true, Authorize: func(_ context.Context, a *core.Admission) error {
			if string(a.Auth) != "honest" {
				a.Name = "user-" + a.Asked
			}
			return nil
		}}, Limits: core.Limits{ChangeRate: -1}},
		tries: [2]int{300, 20_000}, grows: 16 << 10,
		run: impersonate,
	}
	attacks["flood of renames"] = attack{
		tries: [2]int{2000, 50_000}, grows: 16 << 10,
		run: floodOfRenames,
	}
}

// impersonate asks to be called as somebody is who is yet to come, and to be where it was not let in.
func impersonate(a *arena, tries int) string {
	p, welcome := a.hello(wire.Hello{Name: "mallory"})
	require.Equal(a, "user-mallory", welcome.Name)
	for i := range tries {
		k := []wire.Kind{wire.KindAskRename, wire.KindAskJoin}[i%2]
		p.Send(wire.AppendAsk(nil, k, 1, []string{"user-alice", "all"}[i%2]))
		p.WantFailure(1, core.CodeUnauthorized)
		if i%50 == 0 {
			require.Equal(a, core.CodeUnknownClient, core.CodeOf(a.srv.Named("user-alice").Send("secret", "for alice")))
		}
	}
	alice, welcome := a.hello(wire.Hello{Name: "alice"})
	require.Equal(a, "user-alice", welcome.Name)
	require.NoError(a, a.srv.Named("user-alice").Send("secret", "for alice"))
	alice.WantKind(wire.KindCommand)
	a.worst()
	p.StillThere() // and nothing else has come
	return "refused: unauthorized; alice comes in, and gets what is for her"
}

// floodOfRenames asks for one name after the other as fast as it can, while others want to be
// told of each.
func floodOfRenames(a *arena, tries int) string {
	p, _ := a.hello(wire.Hello{Name: "mallory"})
	done := make(chan error, 1)
	go func() {
		for i := range tries {
			if _, err := p.Stream.Write(wire.AppendAsk(nil, wire.KindAskRename, uint64(i), fmt.Sprint("m", i%100))); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	changed, refused := 0, 0
	for changed+refused < tries {
		switch f := p.Want(); f.Kind {
		case wire.KindReply:
			changed++
		case wire.KindFailure:
			refused++
		}
	}
	require.NoError(a, coretest.Next(a.T, done))
	a.worst()
	require.Less(a, changed, tries/5)
	require.Greater(a, refused, tries/2)
	return "as many as the rate allows, and refused: rate limit exceeded"
}
