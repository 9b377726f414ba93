//go:build !js

package hostile_test

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport/transporttest"
)

func init() {
	attacks["names that look like others"] = attack{
		opts:  core.ServerOptions{Access: core.Access{UniqueNames: true, ReservedNames: []string{"admin"}}, Limits: core.Limits{ChangeRate: -1}},
		tries: [2]int{200, 20_000}, grows: 16 << 10,
		run: lookAlike,
	}
	attacks["gives up while Authorize decides"] = attack{
		opts: core.ServerOptions{Access: core.Access{UniqueNames: true, Authorize: func(ctx context.Context, a *core.Admission) error {
			if string(a.Auth) == "slow" {
				<-ctx.Done()
			}
			return nil
		}}},
		tries: [2]int{60, 5000}, grows: 32 << 10,
		run: givesUp,
	}
	attacks["takes a name while its owner is away"] = attack{
		opts: core.ServerOptions{Access: core.Access{UniqueNames: true, Authorize: func(_ context.Context, a *core.Admission) error {
			a.User = string(a.Auth)
			return nil
		}}},
		tries: [2]int{100, 5000}, grows: 32 << 10,
		run: takesName,
	}
}

// lookAlike asks for names that people would take for that of an honest client, or for a reserved one.
func lookAlike(a *arena, tries int) string {
	names := []struct {
		name string
		code core.Code
	}{
		{"honest 3\ufe0f", core.CodeBadName}, {"honest 3\u200b", core.CodeBadName}, {"honest\u30003", core.CodeBadName},
		{"honest 3 ", core.CodeBadName}, {"\u2800honest 3", core.CodeBadName}, {"honest\u00a03", core.CodeBadName},
		{"\u202e3 tsenoh", core.CodeBadName}, {"HONEST 3", core.CodeNameTaken}, {"honest  3", core.CodeNameTaken},
		{"admin\u200b", core.CodeBadName}, {"ad\u00admin", core.CodeBadName}, {"Admin", core.CodeNameTaken},
	}
	p, _ := a.hello(wire.Hello{Name: "mallory"})
	for i := range tries {
		n := names[i%len(names)]
		if i%4 == 0 {
			stranger := a.raw()
			stranger.Send(coretest.Hello(wire.Hello{Name: n.name}))
			a.refuses(stranger, n.code)
		}
		p.Send(wire.AppendAsk(nil, wire.KindAskRename, 1, n.name))
		p.WantFailure(1, n.code)
	}
	a.worst()
	require.NotContains(a, a.srv.Names(), "admin")
	return "refused: bad name, name taken"
}

// givesUp says hello under a name that others want, and hangs up while it is decided about.
func givesUp(a *arena, tries int) string {
	for range tries {
		p := a.raw()
		p.Send(coretest.Hello(wire.Hello{Name: "wanted", Auth: []byte("slow"), Resume: true}))
		require.NoError(a, p.Stream.Close())
	}
	owner, welcome := a.hello(wire.Hello{Name: "wanted"})
	require.Equal(a, "wanted", welcome.Name)
	a.worst()
	require.EqualValues(a, 1, a.joined.Load(), "nobody else has joined")
	require.Zero(a, a.srv.Stats().Suspended)
	owner.StillThere()
	return "nothing: it never joined, and held no name"
}

// takesName waits for others to lose their network, and asks for their names.
func takesName(a *arena, tries int) string {
	victim, _ := a.hello(wire.Hello{Name: "victim", Auth: []byte("alice"), Resume: true})
	require.NoError(a, victim.Stream.Close())
	require.Eventually(a, func() bool { return a.srv.Stats().Suspended == 1 }, transporttest.Patience, time.Millisecond)
	for i := range tries {
		p := a.raw()
		p.Send(coretest.Hello(wire.Hello{Name: []string{"victim", "VICTIM"}[i%2], Auth: fmt.Append(nil, "mallory ", i%3)}))
		a.refuses(p, core.CodeNameTaken)
	}
	a.worst()
	owner, welcome := a.hello(wire.Hello{Name: "victim", Auth: []byte("alice")})
	require.Equal(a, "victim", welcome.Name)
	a.leaves(core.CodeReplaced)
	owner.StillThere()
	return "refused: name taken; the owner comes in under it"
}
