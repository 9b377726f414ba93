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

// A busyServer is one whose handlers wait for a gate, so that it stops reading, and a client of
// it with a small queue.
type busyServer struct {
	*world
	cl     *Client
	states *kept[string]
	gate   chan struct{}
	open   func() // closes it
	filled int    // frames sent by stall

	fill, n kept[int] // what the handlers got
	missed  kept[int] // what the server was told
}

// busyQueue is more than a stream and the server's buffers hold, so that what they do is kept.
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
			to.add(int(n))
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
		w.srv.OnMissed(func(_ *Conn, n uint64) { b.missed.add(int(n)) })
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
			b.states.add(text)
		})
		w.join(b.cl)
		f(b)
		b.cl.Close() //nolint:errcheck // some tests lose what is queued
		<-b.cl.Done()
	})
}

// stall sends until nothing more is read.
func (b *busyServer) stall() {
	b.t.Helper()
	for b.cl.Conn().Stats().Waiting == 0 {
		require.Less(b.t, b.filled, 1000, "the server goes on reading")
		require.NoError(b.t, b.cl.SendBytes("fill", number(b.filled, 2000)))
		b.filled++
		synctest.Wait()
	}
}

// leave cuts the stream. The client comes back when some time has passed.
func (b *busyServer) leave() {
	b.cl.Conn().breakOff()
	synctest.Wait()
	require.True(b.t, b.cl.Conn().Suspended())
}

// rest lets the server work, and the client come back if it is away. Both have gone on with the
// same connection, and what stall sent has arrived.
func (b *busyServer) rest() {
	b.t.Helper()
	b.open()
	time.Sleep(time.Minute)
	require.Len(b.t, b.fill.all(), b.filled)
	for i, n := range b.fill.all() {
		require.Equal(b.t, i, n)
	}
	require.NotContains(b.t, b.states.all()[1:], "connected")
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
		rest   bool // it is that of all commands
		raw    bool
		first  bool // of what is sent arrive, else the last
		count  int  // at least
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
					got, dropped := b.n.all(), int(s.Dropped)
					require.GreaterOrEqual(t, len(got), tc.count)
					require.Equal(t, sends, len(got)+dropped)
					require.Equal(t, dropped, sum(b.missed.all()), "the server knows")
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
					require.EqualValues(t, len(b.missed.all()), 1, "once for all")
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

// Where the policy says so a full queue ends the connection, and a client that is away refuses.
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
				require.Len(t, b.n.all(), sent-1)
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
				require.Equal(t, []string{"connected", "disconnected: slow consumer", "reconnecting: slow consumer", "connected"}, b.states.all())
				require.Empty(t, b.missed.all())
				require.Equal(t, ClientStats{SlowConsumers: 1}, b.cl.Stats())
			})
		})
	}
}

// Unless it says otherwise a client goes at the speed of its server. A send for which there is no room
// until WriteTimeout has queued nothing, and the connection goes on: what was queued arrives.
func TestClientWaitsByDefault(t *testing.T) {
	ways := map[string]func(cl *Client, p []byte) error{
		"bytes": func(cl *Client, p []byte) error { return cl.SendBytes("n", p) },
		"value": func(cl *Client, p []byte) error { return cl.Send("n", p) },
		"raw":   func(cl *Client, p []byte) error { return cl.SendRaw(p) },
		"with options": func(cl *Client, p []byte) error {
			return cl.Send("n", p, Key("k"), Transient(), MustReach(), AllOfThem(), Except(nil))
		},
	}
	for name, send := range ways {
		for where, away := range map[string]bool{"connected": false, "away": true} {
			t.Run(name+" "+where, func(t *testing.T) {
				inBusyWorld(t, ClientOptions{WriteTimeout: 3 * time.Second, Retry: Retry{Min: 10 * time.Second, Max: 10 * time.Second}}, func(b *busyServer) {
					b.stall()
					if away {
						b.leave()
					}
					var err error
					var waited time.Duration
					sent := 0
					for ; err == nil; sent++ {
						require.Less(t, sent, 1000)
						begin := time.Now()
						err = send(b.cl, number(sent, 8000))
						waited = time.Since(begin)
					}
					require.Equal(t, CodeQueueFull, CodeOf(err), err)
					require.Equal(t, 3*time.Second, waited)
					require.NoError(t, b.cl.Err())
					require.Contains(t, err.Error(), "limit 131072 B")
					b.rest()
					require.Len(t, b.n.all(), sent-1)
					require.Zero(t, b.cl.Stats().SlowConsumers)
					require.Empty(t, b.missed.all())
				})
			})
		}
	}
}

// A quick loop is slowed down to what the server takes, and loses nothing.
func TestClientSendsQuickly(t *testing.T) {
	inBusyWorld(t, ClientOptions{}, func(b *busyServer) {
		b.open()
		for i := range 1000 {
			require.NoError(t, b.cl.SendBytes("n", number(i, 10_000)))
		}
		b.rest()
		require.Len(t, b.n.all(), 1000)
		require.Zero(t, b.cl.Stats().SlowConsumers)
	})
}

// What is sent from a hook or a handler is more than there is room for, and nothing of it is lost.
func TestClientSendsMuchFromHooks(t *testing.T) {
	const sends = 100
	tests := map[string]struct {
		manual bool
		in     State // zero: in a handler
		cut    bool
	}{
		"connected":              {in: StateConnected},
		"connected, by hand":     {in: StateConnected, manual: true},
		"handler":                {},
		"handler, by hand":       {manual: true},
		"reconnecting":           {in: StateReconnecting, cut: true},
		"reconnecting, by hand":  {in: StateReconnecting, cut: true, manual: true},
		"resumed":                {in: StateResumed, cut: true},
		"connected and then cut": {in: StateConnected, cut: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				var got kept[int]
				w.srv.OnBytes("n", func(_ context.Context, _ *Conn, p []byte) error {
					n, _ := binary.Uvarint(p)
					got.add(int(n))
					return nil
				})
				w.serve()
				cl := newTestClient(w.lis, &ClientOptions{Codec: testCodec{}, QueueBytes: busyQueue, Manual: tc.manual})
				w.clients = append(w.clients, cl)
				var failed kept[error]
				much := func() {
					for i := range sends {
						if err := cl.SendBytes("n", number(i, 8000)); err != nil {
							failed.add(err)
						}
					}
				}
				cl.OnState(func(s State, _ error) {
					if s == tc.in {
						much()
					}
				})
				cl.OnBytes("go", func(context.Context, *Conn, []byte) error { much(); return nil })
				require.NoError(t, cl.Connect(w.ctx))
				if tc.manual {
					go cl.Run(w.ctx) //nolint:errcheck // until the client ends
				}
				if tc.in == 0 {
					synctest.Wait()
					require.NoError(t, w.only().SendBytes("go", nil))
				}
				if tc.cut {
					time.Sleep(time.Second)
					cl.Conn().breakOff()
				}
				time.Sleep(time.Minute)
				require.Empty(t, failed.all())
				require.Len(t, got.all(), sends)
				for i, n := range got.all() {
					require.Equal(t, i, n)
				}
				require.NoError(t, cl.Err())
				cl.Close()
				<-cl.Done()
			})
		})
	}
}

// A handler that sends more than there is room for waits as well, also with a context of its own
// while what it waits for is behind more than is read ahead.
func TestHandlerWaitsForRoom(t *testing.T) {
	options := map[string][]SendOption{
		"by default":               nil,
		"with a context":           {Wait(context.Background())},
		"with that of the handler": nil,
	}
	for name, opts := range options {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Overflow: OverflowBlock, Limits: Limits{InboxBytes: 4 << 10, QueueBytes: 32 << 10}}, func(w *world) {
				var got [2]kept[int]
				flood := func(to *kept[int]) func(ctx context.Context, c *Conn, p []byte) error {
					return func(ctx context.Context, c *Conn, p []byte) error {
						to.add(len(p))
						if len(p) > 0 { // not a start
							return nil
						}
						with := opts
						if name == "with that of the handler" {
							with = []SendOption{Wait(ctx)}
						}
						for range 300 {
							if err := c.SendBytes("n", make([]byte, 2000), with...); err != nil {
								return err
							}
						}
						return nil
					}
				}
				w.srv.OnBytes("n", flood(&got[0]))
				w.serve()
				cl := newTestClient(w.lis, &ClientOptions{InboxBytes: 4 << 10, QueueBytes: 32 << 10, Codec: testCodec{}})
				w.clients = append(w.clients, cl)
				cl.OnBytes("n", flood(&got[1]))
				w.join(cl)
				require.NoError(t, cl.SendBytes("n", nil))
				time.Sleep(time.Minute)
				require.Len(t, got[1].all(), 300)
				require.NoError(t, w.only().SendBytes("n", nil))
				time.Sleep(time.Minute)
				require.Len(t, got[0].all(), 301)
				require.NoError(t, cl.Close())
				<-cl.Done()
			})
		})
	}
}

// Who waits for room does so while the client is away, too, and then nothing is lost.
func TestOverflowClientBlocks(t *testing.T) {
	for where, away := range map[string]bool{"connected": false, "away": true} {
		t.Run(where, func(t *testing.T) {
			inBusyWorld(t, ClientOptions{OverflowOf: map[string]Overflow{"n": OverflowBlock}}, func(b *busyServer) {
				b.stall()
				if away {
					b.leave()
				}
				sent := make(chan error, 1)
				go func() {
					var err error
					for i := 0; i < 200 && err == nil; i++ {
						err = b.cl.SendBytes("n", number(i, 8000))
					}
					sent <- err
				}()
				synctest.Wait()
				require.Empty(t, sent)
				ctx, cancel := context.WithTimeout(b.ctx, 100*time.Millisecond)
				defer cancel()
				require.ErrorIs(t, b.cl.SendBytes("n", number(0, 8000), Wait(ctx)), context.DeadlineExceeded)
				require.ErrorIs(t, b.cl.Send("n", "text", Wait(ctx)), context.DeadlineExceeded)
				b.rest()
				require.NoError(t, <-sent)
				time.Sleep(time.Minute)
				require.Len(t, b.n.all(), 200)
				for i, n := range b.n.all() {
					require.Equal(t, i, n)
				}
				require.Empty(t, b.missed.all())
			})
		})
	}
}

// Nobody waits for a connection that has ended.
func TestOverflowClientBlocksUntilTheEnd(t *testing.T) {
	tests := map[string]struct {
		end  func(b *busyServer)
		code Code
	}{
		"closed": {func(b *busyServer) { b.cl.Close() }, CodeClosed}, //nolint:errcheck // nothing to be done about it
		"closed while away": {func(b *busyServer) {
			b.leave()
			b.cl.Close() //nolint:errcheck // nothing to be done about it
		}, CodeClosed},
		"given up by the server": {func(b *busyServer) {
			b.only().CloseWith(NewError(CodeUnauthorized, ""))
		}, CodeUnauthorized},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inBusyWorld(t, ClientOptions{OverflowOf: map[string]Overflow{"n": OverflowBlock}}, func(b *busyServer) {
				b.stall()
				sent := make(chan error, 1)
				go func() {
					var err error
					for err == nil {
						err = b.cl.SendBytes("n", number(0, 8000))
					}
					sent <- err
				}()
				synctest.Wait()
				require.Empty(t, sent)
				tc.end(b)
				require.Equal(t, tc.code.String(), CodeOf(<-sent).String())
				b.open()
			})
		})
	}
}

// A handler may wait as well: the client comes back meanwhile.
func TestOverflowClientBlocksInHandler(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got kept[int]
		w.srv.OnBytes("n", func(_ context.Context, _ *Conn, p []byte) error {
			n, _ := binary.Uvarint(p)
			got.add(int(n))
			return nil
		})
		w.serve()
		cl := newTestClient(w.lis, &ClientOptions{QueueBytes: busyQueue, Overflow: OverflowBlock, Retry: Retry{Min: time.Second}})
		w.clients = append(w.clients, cl)
		cl.OnBytes("go", func(_ context.Context, c *Conn, _ []byte) error {
			c.breakOff()
			for i := range 100 {
				if err := c.SendBytes("n", number(i, 8000)); err != nil {
					return err
				}
			}
			return nil
		})
		w.join(cl)
		require.NoError(t, w.only().SendBytes("go", nil))
		time.Sleep(time.Minute)
		require.Len(t, got.all(), 100)
		for i, n := range got.all() {
			require.Equal(t, i, n)
		}
		require.EqualValues(t, 1, cl.Stats().Resumed)
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

// A server hears of drops before a client that leaves in order has gone.
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
		require.NotZero(t, sum(b.missed.all()))
		require.Equal(t, 100, len(b.n.all())+sum(b.missed.all()))
	})
}
