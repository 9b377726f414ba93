//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A busyServer is a server whose handlers wait for a gate, which stops it from reading, and a
// client with a small queue.
type busyServer struct {
	*world
	cl     *Client
	states *kept[string]
	gate   chan struct{}
	open   func() // opens the gate
	filled int    // frames sent by stall

	fill, n kept[int] // numbers that the handlers got
	missed  kept[int] // numbers that the server was told
}

// busyQueue is more than a stream and the server's buffers hold, in bytes: frames that are sent
// while the server is busy stay in the queue.
const busyQueue = 128 << 10

// inBusyWorld runs f with a client that is connected.
func inBusyWorld(t *testing.T, opts ClientOptions, f func(b *busyServer)) {
	inWorld(t, &ServerOptions{Limits: Limits{InboxBytes: 2 << 10}}, func(w *world) {
		b := &busyServer{world: w, states: &kept[string]{}, gate: make(chan struct{})}
		b.open = sync.OnceFunc(func() { close(b.gate) })
		defer b.open()
		note := func(to *kept[int], payload []byte) error {
			<-b.gate
			n, _ := binary.Uvarint(payload)
			to.Add(int(n))
			return nil
		}
		w.srv.OnBytes("fill", func(_ context.Context, _ *Conn, p []byte) error { return note(&b.fill, p) })
		w.srv.OnBytes("n", func(_ context.Context, _ *Conn, p []byte) error { return note(&b.n, p) })
		w.srv.OnMessage(func(_ context.Context, _ *Conn, f Frame) error {
			if f.Kind == KindRaw {
				return note(&b.n, f.Payload)
			}
			return nil
		})
		w.srv.OnMissed(func(_ *Conn, n uint64) { b.missed.Add(int(n)) })
		w.serve()
		opts.Name, opts.Codec, opts.QueueBytes = "ada", testCodec{}, busyQueue
		opts.Retry.Min, opts.Retry.Max = time.Second, time.Second
		b.cl = newTestClient(w.lis, &opts)
		w.clients = append(w.clients, b.cl)
		b.cl.OnState(func(s State, why error) {
			text := s.String()
			if why != nil {
				text += ": " + CodeOf(why).String()
			}
			b.states.Add(text)
		})
		w.join(b.cl)
		f(b)
		b.cl.Close() //nolint:errcheck // some tests lose queued frames
		<-b.cl.Done()
	})
}

// stall sends until nothing is read.
func (b *busyServer) stall() {
	b.t.Helper()
	for b.cl.Conn().Stats().Waiting == 0 {
		require.Less(b.t, b.filled, 1000, "the server goes on reading")
		require.NoError(b.t, b.cl.SendBytes("fill", number(b.filled, 2000)))
		b.filled++
		synctest.Wait()
	}
}

// leave cuts the stream. The client comes back after a while.
func (b *busyServer) leave() {
	b.cl.Conn().breakOff()
	synctest.Wait()
	require.True(b.t, b.cl.Conn().Suspended())
}

// rest lets the server work, and the client come back if it is away. It checks that both go on with
// the same connection, and that the messages of stall have arrived.
func (b *busyServer) rest() {
	b.t.Helper()
	b.open()
	time.Sleep(time.Minute)
	synctest.Wait()
	require.Len(b.t, b.fill.All(), b.filled)
	for i, n := range b.fill.All() {
		require.Equal(b.t, i, n)
	}
	require.NotContains(b.t, b.states.All()[1:], "connected")
}

func sum(all []int) (total int) {
	for _, n := range all {
		total += n
	}
	return total
}

func TestOverflowClient(t *testing.T) {
	const sends, size = 100, 8000
	tests := map[string]struct {
		policy Overflow
		rest   bool // the policy is for all commands
		raw    bool
		first  bool // the first messages arrive, else the last
		count  int  // messages that arrive, at least
	}{
		"drop newest":             {policy: OverflowDropNewest, first: true, count: 4},
		"drop oldest":             {policy: OverflowDropOldest, count: 4},
		"drop oldest of all":      {policy: OverflowDropOldest, rest: true, count: 4},
		"drop oldest raw message": {policy: OverflowDropOldest, raw: true, count: 4},
		"latest":                  {policy: OverflowLatest, count: 1},
	}
	for name, tc := range tests {
		for where, away := range map[string]bool{"connected": false, "away": true} {
			t.Run(name+" "+where, func(t *testing.T) {
				opts := ClientOptions{OverflowOf: map[string]Overflow{"n": tc.policy}}
				switch {
				case tc.rest:
					opts = ClientOptions{Overflow: tc.policy, OverflowOf: map[string]Overflow{"fill": OverflowDisconnect}}
				case tc.raw:
					opts.OverflowOf = map[string]Overflow{"": tc.policy}
				}
				inBusyWorld(t, opts, func(b *busyServer) {
					b.stall()
					if away {
						b.leave()
					}
					failed := 0
					for i := range sends {
						send := func(p []byte) error { return b.cl.SendBytes("n", p) }
						if tc.raw {
							send = func(p []byte) error { return b.cl.SendRaw(p) }
						}
						if err := send(number(i, size)); err != nil {
							require.Equal(t, CodeQueueFull, CodeOf(err))
							failed++
						}
					}
					s := b.cl.Conn().Stats()
					require.LessOrEqual(t, s.Waiting, busyQueue)
					require.Equal(t, s.Dropped, b.cl.Stats().Dropped)
					b.rest()
					got, dropped := b.n.All(), int(s.Dropped)
					require.GreaterOrEqual(t, len(got), tc.count)
					require.Equal(t, sends, len(got)+dropped)
					require.Equal(t, dropped, sum(b.missed.All()), "the server knows")
					if tc.first {
						require.Equal(t, dropped, failed)
					} else {
						require.Zero(t, failed)
					}
					for i, n := range got {
						if !tc.first {
							i += dropped
						}
						require.Equal(t, i, n)
					}
					require.EqualValues(t, len(b.missed.All()), 1, "once for all")
					require.EqualValues(t, btoi(away), b.cl.Stats().Resumed)
				})
			})
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Under OverflowDisconnect a full queue ends the connection, and a client that is away refuses
// messages.
func TestOverflowClientDisconnects(t *testing.T) {
	tests := map[string]ClientOptions{
		"all":            {Overflow: OverflowDisconnect},
		"of one command": {Overflow: OverflowDropOldest, OverflowOf: map[string]Overflow{"n": OverflowDisconnect}},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			inBusyWorld(t, opts, func(b *busyServer) {
				b.leave()
				var err error
				sent := 0
				for ; err == nil; sent++ {
					err = b.cl.SendBytes("n", number(sent, 8000))
				}
				require.Equal(t, CodeQueueFull, CodeOf(err))
				require.True(t, b.cl.Conn().Suspended(), "it goes on")
				b.rest()
				require.Len(t, b.n.All(), sent-1)
			})
			inBusyWorld(t, opts, func(b *busyServer) {
				var err error
				for i := 0; err == nil; i++ {
					err = b.cl.SendBytes("n", number(i, 8000))
					synctest.Wait()
				}
				require.Equal(t, CodeSlowConsumer, CodeOf(err))
				require.Regexp(t, `no room for a frame of 8005 B: \d+ B wait to be written, \d+ B to be acknowledged, limit 131072 B`, err.Error())
				b.open()
				time.Sleep(time.Minute)
				synctest.Wait()
				require.Equal(t, []string{"connected", "disconnected: slow consumer", "reconnecting: slow consumer", "connected"}, b.states.All())
				require.Empty(t, b.missed.All())
				require.Equal(t, ClientStats{SlowConsumers: 1}, b.cl.Stats())
			})
		})
	}
}

// A server hears of dropped frames before the goodbye of a client that leaves in order.
func TestMissedBeforeGoodbye(t *testing.T) {
	inBusyWorld(t, ClientOptions{OverflowOf: map[string]Overflow{"n": OverflowDropOldest}}, func(b *busyServer) {
		b.stall()
		for i := range 100 {
			require.NoError(t, b.cl.SendBytes("n", number(i, 8000)))
		}
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			b.cl.Close() //nolint:errcheck // nothing to be done about it
		}()
		synctest.Wait()
		b.rest()
		<-closed
		require.NotZero(t, sum(b.missed.All()))
		require.Equal(t, 100, len(b.n.All())+sum(b.missed.All()))
	})
}
