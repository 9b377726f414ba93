//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

func TestOverflowBlocks(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 16 << 10}, Overflow: OverflowBlock}, func(w *world) {
		w.serve()
		p := w.slow("ada") // the client acknowledges nothing, but answers pings
		sent := make(chan error, 1)
		go func() {
			for i := range 1000 {
				if err := p.c.SendBytes("n", number(i, 1<<10)); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		synctest.Wait()
		require.Empty(t, sent)
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		require.ErrorIs(t, p.c.Send("n", make([]byte, 1<<10), Wait(ctx)), context.DeadlineExceeded)
		got, missed := p.rest()
		require.NoError(t, <-sent)
		require.Zero(t, missed)
		require.Len(t, got, 1000)
		require.NoError(t, p.Stream.Close())
	})
}

// A sender that waits because nothing was acknowledged asks for an ack, also if everything has been
// written by then.
func TestBlockedSenderAsksByItself(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 16 << 10}}, func(w *world) {
		w.serve()
		p := w.slow("ada")
		for i := range 15 { // each is read before the next is sent: no write is under way in the end
			require.NoError(t, p.c.SendBytes("n", number(i, 1<<10)))
			p.WantCommand("n")
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		sent := make(chan error, 1)
		go func() { sent <- p.c.SendBytes("n", number(15, 2<<10), Wait(ctx)) }()
		nonce, err := wire.ParseNonce(p.Want().Body)
		require.NoError(t, err)
		require.EqualValues(t, uint64(askNonce), nonce)
		p.Send(wire.AppendAck(nil, 15))
		p.WantCommand("n")
		require.NoError(t, <-sent)
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// Senders that wait do not push out frames that a resume needs: they ask for an ack.
func TestBlockedSendersWaitForAcks(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 64 << 10}}, func(w *world) {
		w.serve()
		cl, states := w.returning("ada", Retry{Min: time.Millisecond, Max: time.Millisecond})
		var got kept[int]
		cl.OnBytes("n", func(_ context.Context, _ *Conn, b []byte) error {
			n, _ := binary.Uvarint(b)
			got.Add(int(n))
			return nil
		})
		w.join(cl)
		c := w.only()
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(3 * time.Millisecond):
					c.breakOff()
				}
			}
		}()
		for i := range 2000 {
			require.NoError(t, c.SendBytes("n", number(i, 1+i%20_000), Wait(w.ctx)))
			if i%10 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		close(stop)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Len(t, got.All(), 2000)
		for i, n := range got.All() {
			require.Equal(t, i, n)
		}
		require.NotContains(t, states.All(), "disconnected: connection lost")
		require.Greater(t, w.srv.Stats().Resumed, uint64(10))
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

// A client goes at the speed of its server by default. A send for which there is no room within
// WriteTimeout queues nothing. The connection goes on, and queued messages arrive.
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
					require.Len(t, b.n.All(), sent-1)
					require.Zero(t, b.cl.Stats().SlowConsumers)
					require.Empty(t, b.missed.All())
				})
			})
		}
	}
}

// A quick loop of sends is slowed down to the server's speed and loses nothing.
func TestClientSendsQuickly(t *testing.T) {
	inBusyWorld(t, ClientOptions{}, func(b *busyServer) {
		b.open()
		for i := range 1000 {
			require.NoError(t, b.cl.SendBytes("n", number(i, 10_000)))
		}
		b.rest()
		require.Len(t, b.n.All(), 1000)
		require.Zero(t, b.cl.Stats().SlowConsumers)
	})
}

// A hook or handler may send more than there is room for. No message is lost.
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
					got.Add(int(n))
					return nil
				})
				w.serve()
				cl := newTestClient(w.lis, &ClientOptions{Codec: testCodec{}, QueueBytes: busyQueue, Manual: tc.manual})
				w.clients = append(w.clients, cl)
				var failed kept[error]
				much := func() {
					for i := range sends {
						if err := cl.SendBytes("n", number(i, 8000)); err != nil {
							failed.Add(err)
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
				synctest.Wait()
				require.Empty(t, failed.All())
				require.Len(t, got.All(), sends)
				for i, n := range got.All() {
					require.Equal(t, i, n)
				}
				require.NoError(t, cl.Err())
				cl.Close()
				<-cl.Done()
			})
		})
	}
}

// A handler that sends more than there is room for waits, also with a context of its own, and also
// if the ack that it waits for comes after more frames than may wait.
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
						to.Add(len(p))
						if len(p) > 0 { // not the start
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
				synctest.Wait()
				require.Len(t, got[1].All(), 300)
				require.NoError(t, w.only().SendBytes("n", nil))
				time.Sleep(time.Minute)
				synctest.Wait()
				require.Len(t, got[0].All(), 301)
				require.NoError(t, cl.Close())
				<-cl.Done()
			})
		})
	}
}

// A sender that waits for room goes on waiting while the client is away. Nothing is lost.
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
				synctest.Wait()
				require.Len(t, b.n.All(), 200)
				for i, n := range b.n.All() {
					require.Equal(t, i, n)
				}
				require.Empty(t, b.missed.All())
			})
		})
	}
}

// A sender does not wait for a connection that has ended.
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

// A handler may wait for room: the client comes back meanwhile.
func TestOverflowClientBlocksInHandler(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got kept[int]
		w.srv.OnBytes("n", func(_ context.Context, _ *Conn, p []byte) error {
			n, _ := binary.Uvarint(p)
			got.Add(int(n))
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
		synctest.Wait()
		require.Len(t, got.All(), 100)
		for i, n := range got.All() {
			require.Equal(t, i, n)
		}
		require.EqualValues(t, 1, cl.Stats().Resumed)
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}
