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

var nameAttacks = map[string]attack{
	"reserved names": {
		opts:  core.ServerOptions{Access: core.Access{ReservedNames: []string{"admin", "root"}, UniqueNames: true}, Limits: core.Limits{ChangeRate: -1}},
		tries: [2]int{40, 1000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			guesses := []string{"admin", "Admin", "ADMIN", "root", "rooT", "honest 3"}
			for i := range tries {
				p := a.raw()
				p.Send(coretest.Hello(wire.Hello{Name: guesses[i%len(guesses)]}))
				a.refuses(p, core.CodeNameTaken)
			}
			p, welcome := a.hello(wire.Hello{Name: "mallory"})
			require.Equal(a, "mallory", welcome.Name)
			for i := range tries {
				p.Send(wire.AppendAsk(nil, wire.KindAskRename, 1, guesses[i%len(guesses)]))
				p.WantFailure(1, core.CodeNameTaken)
			}
			a.worst()
			return "refused: name taken"
		},
	},
	"guessed groups": {
		opts: core.ServerOptions{Limits: core.Limits{ChangeRate: -1}, Access: core.Access{AuthorizeGroup: func(_ context.Context, c *core.Conn, group string) error {
			if string(c.Auth()) != "honest" {
				return core.NewError(core.CodeUnauthorized, "")
			}
			return nil
		}}},
		tries: [2]int{300, 20_000}, grows: 16 << 10,
		run: guessGroups,
	},
	"names that look like others": {
		opts:  core.ServerOptions{Access: core.Access{UniqueNames: true, ReservedNames: []string{"admin"}}, Limits: core.Limits{ChangeRate: -1}},
		tries: [2]int{200, 20_000}, grows: 16 << 10,
		run: lookAlike,
	},
	"gives up while Authorize decides": {
		opts: core.ServerOptions{Access: core.Access{UniqueNames: true, Authorize: func(ctx context.Context, a *core.Admission) error {
			if string(a.Auth) == "slow" {
				<-ctx.Done()
			}
			return nil
		}}},
		tries: [2]int{60, 5000}, grows: 32 << 10,
		run: givesUp,
	},
	"takes a name while its owner is away": {
		opts: core.ServerOptions{Access: core.Access{UniqueNames: true, Authorize: func(_ context.Context, a *core.Admission) error {
			a.User = string(a.Auth)
			return nil
		}}},
		tries: [2]int{100, 5000}, grows: 32 << 10,
		run: takesName,
	},
	"renames itself to a user": {
		opts: core.ServerOptions{Access: core.Access{UniqueNames: true, Authorize: func(_ context.Context, a *core.Admission) error {
			if string(a.Auth) != "honest" {
				a.Name = "user-" + a.Asked
			}
			return nil
		}}, Limits: core.Limits{ChangeRate: -1}},
		tries: [2]int{300, 20_000}, grows: 16 << 10,
		run: impersonate,
	},
	"flood of renames": {
		tries: [2]int{2000, 50_000}, grows: 16 << 10,
		run: floodOfRenames,
	},
}

// guessGroups asks for one group after the other, and gets none of the messages of the groups.
func guessGroups(a *arena, tries int) string {
	p, welcome := a.hello(wire.Hello{Name: "mallory", Groups: []string{"all", "vault"}})
	require.Empty(a, welcome.Groups)
	guesses := []string{"all", "vault", "honest"}
	for i := range tries {
		guess := guesses[i%len(guesses)]
		p.Send(wire.AppendAsk(nil, wire.KindAskJoin, 1, guess))
		p.WantFailure(1, core.CodeUnauthorized)
		if i%50 == 0 {
			require.NoError(a, a.srv.Group("all").Send("secret", "of the honest"))
		}
	}
	a.worst()
	p.StillThere() // and no message has come
	require.Equal(a, honestClients, a.srv.Group("all").Len())
	return "in no group, and heard nothing"
}

// lookAlike asks for names that people would take for an honest client's name, or for a reserved
// name.
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

// givesUp sends a hello with a name that others want, and hangs up while the program decides.
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

// takesName waits until other clients lose their network, and asks for their names.
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

// impersonate asks for the name of a client that has not come yet, and for a group into which it
// was not let.
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
	p.StillThere() // and no message has come
	return "refused: unauthorized; alice comes in, and gets what is for her"
}

// floodOfRenames asks for one name after the other as fast as it can, while others are told of each
// change.
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
