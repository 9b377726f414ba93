//go:build !js

package hostile_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"math"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport/transporttest"
)

var sessionAttacks = map[string]attack{
	"forged resume tokens": {
		tries: [2]int{100, 5000}, grows: 32 << 10,
		run: forgeTokens,
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
	"forged tokens of those who only resume": {
		tries: [2]int{100, 5000}, grows: 32 << 10,
		run: forgeOnlyResume,
	},
	"takes everything and acknowledges nothing": neverAcks(),
	"positions in groups that it was never given": {
		opts:  positionOptions(),
		tries: [2]int{100, 5000}, grows: 16 << 10,
		run: lieAboutPositions,
	},
	"joins and leaves a group that has a history": {
		opts:  core.ServerOptions{Limits: core.Limits{ChangeRate: -1}, History: core.History{Messages: 100, Replay: true}},
		tries: [2]int{300, 20_000}, grows: 16 << 10,
		run: rejoin,
	},
}

// forgeTokens tries to resume sessions of others, whose ids are no secret. One of them is suspended
// and waits for its client.
func forgeTokens(a *arena, tries int) string {
	victim, mine := a.hello(wire.Hello{Name: "victim", Resume: true})
	require.NoError(a, victim.Stream.Close())
	require.Eventually(a, func() bool { return a.srv.Stats().Suspended == 1 }, transporttest.Patience, time.Millisecond)
	token := make([]byte, len(mine.Token))
	for i := range tries {
		rand.Read(token)
		session := binary.LittleEndian.AppendUint64(nil, uint64(i%(honestClients+2)))
		if i%3 == 0 { // nearly the right token
			session = mine.Session
			copy(token, mine.Token)
			token[i%len(token)] ^= 1 << (i % 8)
		}
		p, welcome := a.hello(wire.Hello{Resume: true, Session: session, Token: token})
		require.False(a, welcome.Resumed)
		require.NotEqual(a, mine.Token, welcome.Token)
		a.goes(p)
	}
	a.worst()
	p, welcome := a.hello(wire.Hello{Resume: true, Session: mine.Session, Token: mine.Token})
	require.True(a, welcome.Resumed, "the session waits for whom it belongs to")
	require.Equal(a, "victim", welcome.Name)
	a.goes(p)
	require.EqualValues(a, 1, a.srv.Stats().Resumed, "nobody else was resumed")
	return "a session of its own"
}

// forgeOnlyResume guesses the token of a suspended session, with hellos that may only resume.
func forgeOnlyResume(a *arena, tries int) string {
	victim, mine := a.hello(wire.Hello{Name: "victim", Resume: true})
	require.NoError(a, victim.Stream.Close())
	require.Eventually(a, func() bool { return a.srv.Stats().Suspended == 1 }, transporttest.Patience, time.Millisecond)
	for i := range tries {
		h := wire.Hello{Resume: true, OnlyResume: true, Token: make([]byte, len(mine.Token))}
		rand.Read(h.Token)
		h.Session = binary.LittleEndian.AppendUint64(nil, uint64(i%(honestClients+2)))
		if i%3 == 0 { // nearly the right token
			h.Session = mine.Session
			copy(h.Token, mine.Token)
			h.Token[i%len(h.Token)] ^= 1 << (i % 8)
		}
		p := a.raw()
		p.Send(coretest.Hello(h))
		a.refuses(p, core.CodeSessionOver)
	}
	a.worst()
	p, welcome := a.hello(wire.Hello{Resume: true, OnlyResume: true, Session: mine.Session, Token: mine.Token})
	require.True(a, welcome.Resumed, "the session waits for whom it belongs to")
	a.goes(p)
	require.EqualValues(a, 1, a.srv.Stats().Resumed, "nobody else was resumed")
	return "refused: session over"
}

// neverAcks has the server send it 1 MiB, reads all of it without an ack, and goes. The server has
// OnUndelivered.
func neverAcks() attack {
	const queue, feed, rounds = 256 << 10, 16 << 10, 64
	var most, times atomic.Int64
	return attack{
		opts:  core.ServerOptions{Limits: core.Limits{QueueBytes: queue}, Timeouts: core.Timeouts{Resume: 10 * time.Millisecond}},
		tries: [2]int{10, 300}, grows: 64 << 10,
		more: func(a *arena) {
			most.Store(0)
			times.Store(0)
			a.srv.OnBytes("feed", func(_ context.Context, c *core.Conn, _ []byte) error {
				for range feed >> 10 {
					if err := c.SendBytes("fed", make([]byte, 1<<10)); err != nil {
						return err
					}
				}
				return nil
			})
			a.srv.OnUndelivered(func(_ *core.Conn, frames []core.Undelivered) {
				total := 0
				for _, f := range frames {
					total += len(f.Payload)
				}
				most.Store(max(most.Load(), int64(total)))
				times.Add(1)
			})
		},
		run: func(a *arena, tries int) string {
			for range tries {
				p, _ := a.hello(wire.Hello{Resume: true})
				require.NoError(a, p.Stream.SetReadDeadline(time.Now().Add(20*time.Second)))
				for range rounds {
					p.Send(wire.AppendCommand(nil, "feed", nil))
					_, err := io.CopyN(io.Discard, p.Stream, feed)
					require.NoError(a, err)
				}
				require.NoError(a, p.Stream.Close())
				a.leaves(core.CodeConnLost)
			}
			a.worst()
			require.EqualValues(a, tries, times.Load())
			require.LessOrEqual(a, most.Load(), int64(queue+(32<<10)))
			return "what its queue holds is handed back, no more"
		},
	}
}

// lieAboutPositions claims positions that it does not have, in hellos and in requests to join, for groups in
// which it may be and for others.
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
		a.goes(p)
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

// rejoin leaves and joins a group again and again, to get its history each time.
func rejoin(a *arena, tries int) string {
	const kept = 50 * 400
	for range 50 {
		require.NoError(a, a.srv.Group("all").Send("news", make([]byte, 400)))
	}
	p, _ := a.hello(wire.Hello{Name: "mallory"})
	in, history, answers := 0, 0, 0
	begun := time.Now()
	for range tries {
		both := wire.AppendAsk(wire.AppendAsk(nil, wire.KindAskJoin, 1, "all"), wire.KindAskLeave, 2, "all")
		in += len(both)
		p.Send(both)
		for left := false; !left; {
			f := p.Want()
			if f.Kind == wire.KindGroupCommand {
				history += len(f.Body) + 2
				continue
			}
			answers += len(f.Body) + 2
			left = f.Kind == wire.KindReply && f.Body[0] == 2 // the answer to the leave
		}
	}
	a.worst()
	require.Less(a, history, in+2*kept)
	require.Less(a, answers, 3*in)
	a.Logf("soak: %d B of the history and %d B of answers for %d B in, in %v", history, answers, in, time.Since(begun).Round(time.Millisecond))
	return "the history once, and then as much as it sends"
}
