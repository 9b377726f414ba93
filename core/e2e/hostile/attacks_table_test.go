//go:build !js

package hostile_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

var attacks = map[string]attack{
	"hello that announces 1 GiB": {
		tries: [2]int{30, 1000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			for range tries {
				p := a.raw()
				p.Send(coretest.Preface(binary.AppendUvarint(nil, 1<<30)), []byte{byte(wire.KindHello)})
				a.refuses(p, core.CodeTooBig)
			}
			a.worst()
			return "refused: too big"
		},
	},
	"hello byte by byte": {
		opts:  core.ServerOptions{Timeouts: core.Timeouts{Hello: 700 * time.Millisecond}},
		tries: [2]int{30, 300}, grows: 32 << 10,
		run: dripHello,
	},
	"storm of connections": {
		opts:  core.ServerOptions{Limits: core.Limits{MaxConnsPerAddr: honestClients + 20}},
		tries: [2]int{150, 5000}, grows: 16 << 10,
		run: connectStorm,
	},
	"flood of small commands": {
		opts:  core.ServerOptions{Limits: core.Limits{FrameRate: 5000}},
		tries: [2]int{5, 100}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			flood := bytes.Repeat(wire.AppendCommand(nil, "flood", nil), 20_000)
			for range tries {
				p, _ := a.hello(wire.Hello{})
				p.Tell(flood)
				a.ends(p, core.CodeRateLimit)
			}
			a.worst()
			require.Less(a, a.handled.Load(), int64(tries)*20_000)
			return "disconnected: rate limit exceeded"
		},
	},
	"flood of bytes": {
		opts:  core.ServerOptions{Limits: core.Limits{ByteRate: 1 << 20}},
		tries: [2]int{5, 100}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			flood := bytes.Repeat(wire.AppendCommand(nil, "flood", make([]byte, 32<<10)), 80)
			for range tries {
				p, _ := a.hello(wire.Hello{})
				p.Tell(flood)
				a.ends(p, core.CodeRateLimit)
			}
			a.worst()
			return "disconnected: rate limit exceeded"
		},
	},
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
	"forged resume tokens": {
		tries: [2]int{100, 5000}, grows: 32 << 10,
		run: forgeTokens,
	},
	"asks for much and never reads": {
		opts: core.ServerOptions{
			Timeouts: core.Timeouts{Write: time.Second, Close: 100 * time.Millisecond}, Limits: core.Limits{QueueBytes: 256 << 10, InboxBytes: 64 << 10},
		},
		tries: [2]int{4, 32}, grows: 64 << 10,
		run: neverReads,
	},
	"acks of what was never sent": {
		tries: [2]int{40, 1000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			for i := range tries {
				p, _ := a.hello(wire.Hello{Resume: true})
				p.Send(wire.AppendAck(nil, 1+uint64(1)<<(i%64)))
				a.ends(p, core.CodeProtocol)
			}
			a.worst()
			return "disconnected: protocol error"
		},
	},
	"calls beyond the limit": {
		opts:  core.ServerOptions{Limits: core.Limits{MaxCalls: 16}},
		tries: [2]int{500, 50_000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			p, _ := a.hello(wire.Hello{})
			for id := range uint64(16) {
				p.Send(wire.AppendRequest(nil, id+1, "never", nil))
			}
			for id := range uint64(tries) {
				p.Send(wire.AppendRequest(nil, id+100, "never", nil))
				p.WantFailure(id+100, core.CodeTooManyCalls)
			}
			a.worst()
			require.NoError(a, p.Stream.Close())
			a.leaves(core.CodeConnLost)
			return "too many calls; 16 that wait until it goes"
		},
	},
	"frames of unknown kinds": {
		tries: [2]int{60, 1000}, grows: 16 << 10,
		run: unknownKinds,
	},
	"frames over the limit": {
		tries: [2]int{40, 1000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			for i := range tries {
				p, _ := a.hello(wire.Hello{})
				p.Send(binary.AppendUvarint(nil, 1<<20+1+uint64(1)<<(i%40)), []byte{byte(wire.KindRaw)})
				a.ends(p, core.CodeTooBig)
			}
			a.worst()
			return "disconnected: too big"
		},
	},
	"frames that are begun and not ended": {
		opts:  core.ServerOptions{Timeouts: core.Timeouts{Frame: 500 * time.Millisecond}},
		tries: [2]int{30, 300}, grows: 32 << 10,
		run: func(a *arena, tries int) string {
			var peers []*coretest.Peer
			for range tries {
				p, _ := a.hello(wire.Hello{})
				p.Send(binary.AppendUvarint(nil, 8<<10), []byte{byte(wire.KindRaw)}, make([]byte, 100))
				peers = append(peers, p)
			}
			a.worst()
			for _, p := range peers {
				a.ends(p, core.CodeDeadlineExceeded)
			}
			return "disconnected: deadline exceeded"
		},
	},
}

// dripHello says hello in single bytes, many at once, and is not done in time.
func dripHello(a *arena, tries int) string {
	var peers []*coretest.Peer
	for range tries {
		peers = append(peers, a.raw())
	}
	slow := coretest.Hello(wire.Hello{Name: strings.Repeat("n", 100), Metadata: map[string]string{"k": strings.Repeat("v", 4000)}})
	for i := range 50 { // of some 4000
		for _, p := range peers {
			p.Tell(slow[i : i+1])
		}
		time.Sleep(5 * time.Millisecond)
	}
	a.worst()
	for _, p := range peers {
		a.refuses(p, core.CodeHelloTimeout)
	}
	return "refused: hello timeout"
}

// connectStorm takes all the places that its address has, and tries for more.
func connectStorm(a *arena, tries int) string {
	for range 20 {
		a.hello(wire.Hello{Name: "storm"})
	}
	results := make(chan error, tries)
	work := make(chan struct{}, tries)
	for range tries {
		work <- struct{}{}
	}
	close(work)
	for range 8 {
		go func() {
			for range work {
				cl := harness.NewClient(a.net.Dialer, &core.ClientOptions{Name: "storm", Retry: core.Retry{Off: true}})
				results <- cl.Connect(a.Context())
			}
		}()
	}
	for range tries {
		require.Equal(a, core.CodeTooManyConns.String(), core.CodeOf(<-results).String())
	}
	a.worst()
	require.EqualValues(a, 20, a.joined.Load())
	return "20 places, and refused: too many connections"
}

// guessGroups asks for one group after the other, and hears nothing that is sent to them.
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
	p.StillThere() // and nothing else has come
	require.Equal(a, honestClients, a.srv.Group("all").Len())
	return "in no group, and heard nothing"
}

// forgeTokens tries to go on with sessions of others, whose ids are no secret, and one of which
// waits for its client.
func forgeTokens(a *arena, tries int) string {
	victim, mine := a.hello(wire.Hello{Name: "victim", Resume: true})
	require.NoError(a, victim.Stream.Close())
	require.Eventually(a, func() bool { return a.srv.Stats().Suspended == 1 }, 10*time.Second, time.Millisecond)
	token := make([]byte, len(mine.Token))
	for i := range tries {
		rand.Read(token)
		session := binary.LittleEndian.AppendUint64(nil, uint64(i%(honestClients+2)))
		if i%3 == 0 { // nearly right
			session = mine.Session
			copy(token, mine.Token)
			token[i%len(token)] ^= 1 << (i % 8)
		}
		p, welcome := a.hello(wire.Hello{Resume: true, Session: session, Token: token})
		require.False(a, welcome.Resumed)
		require.NotEqual(a, mine.Token, welcome.Token)
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: core.CodeClosed}))
		p.WantEnd()
		a.leaves(core.CodeClosed)
	}
	a.worst()
	p, welcome := a.hello(wire.Hello{Resume: true, Session: mine.Session, Token: mine.Token})
	require.True(a, welcome.Resumed, "the session waits for whom it belongs to")
	require.Equal(a, "victim", welcome.Name)
	p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: core.CodeClosed}))
	p.WantEnd()
	a.leaves(core.CodeClosed)
	require.EqualValues(a, 1, a.srv.Stats().Resumed, "nobody else was resumed")
	return "a session of its own"
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

// unknownKinds sends every kind of frame that a client must not, and those that are skipped.
func unknownKinds(a *arena, tries int) string {
	var bad []byte
	for k := range 0x80 {
		if kind := wire.Kind(k); !kind.Known() {
			bad = append(bad, byte(k))
		}
	}
	bad = append(bad, byte(wire.KindHello), byte(wire.KindWelcome), byte(wire.KindRefuse), byte(wire.KindJoined), byte(wire.KindLeft), byte(wire.KindRenamed),
		byte(wire.KindJoinGroup), byte(wire.KindLeaveGroup), byte(wire.KindRename))
	skipped, _ := a.hello(wire.Hello{})
	for i := range tries {
		p, _ := a.hello(wire.Hello{})
		p.Tell([]byte{3, bad[i%len(bad)], 0, 0})
		a.ends(p, core.CodeProtocol)
		skipped.Send(wire.AppendFrame(nil, wire.Kind(0x80+i%0x80), []byte(fmt.Sprint(i))))
	}
	a.worst()
	skipped.StillThere()
	return "disconnected: protocol error; from 0x80 on skipped"
}
