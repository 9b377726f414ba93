//go:build !js

package hostile_test

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"io"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

func init() {
	attacks["forged tokens of those who only resume"] = attack{
		tries: [2]int{100, 5000}, grows: 32 << 10,
		run: forgeOnlyResume,
	}
	attacks["takes everything and acknowledges nothing"] = neverAcks()
}

// forgeOnlyResume guesses the token of a session that waits, with hellos that do not join.
func forgeOnlyResume(a *arena, tries int) string {
	victim, mine := a.hello(wire.Hello{Name: "victim", Resume: true})
	require.NoError(a, victim.Stream.Close())
	require.Eventually(a, func() bool { return a.srv.Stats().Suspended == 1 }, 10*time.Second, time.Millisecond)
	for i := range tries {
		h := wire.Hello{Resume: true, OnlyResume: true, Token: make([]byte, len(mine.Token))}
		rand.Read(h.Token)
		h.Session = binary.LittleEndian.AppendUint64(nil, uint64(i%(honestClients+2)))
		if i%3 == 0 { // nearly right
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
	p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: core.CodeClosed}))
	p.WantEnd()
	a.leaves(core.CodeClosed)
	require.EqualValues(a, 1, a.srv.Stats().Resumed, "nobody else was resumed")
	return "refused: session over"
}

// neverAcks has the server send it 1 MiB, reads that without an ack, and goes: before a server that
// wants to know what it could not deliver.
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
