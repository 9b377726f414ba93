//go:build !js

package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// shutdown shuts the server down on another goroutine. The channel gets the time that it took.
func (w *world) shutdown(ctx context.Context) <-chan time.Duration {
	took := make(chan time.Duration, 1)
	start := time.Now()
	go func() {
		w.srv.Shutdown(ctx) //nolint:errcheck // the tests look at its effects
		took <- time.Since(start)
	}()
	synctest.Wait()
	return took
}

// A handler that runs during Shutdown may send, call and answer. A client without a running handler
// is told at once.
func TestShutdownLetsHandlersFinish(t *testing.T) {
	tests := map[string][]HandlerOption{
		"one at a time": nil,
		"concurrent":    {Concurrent()},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.srv.HandleBytes("work", func(ctx context.Context, c *Conn, _ []byte) ([]byte, error) {
					time.Sleep(3 * time.Second)
					if ctx.Err() != nil || c.Err() != nil {
						return nil, ctx.Err()
					}
					reply, err := c.CallBytes(ctx, "question", nil)
					if err != nil {
						return nil, err
					}
					return reply, c.Send("done", 1)
				}, opts...)
				w.serve()
				ada, bob := w.client("ada"), w.join(w.client("bob"))
				var got kept[string]
				ada.OnBytes("done", func(context.Context, *Conn, []byte) error { got.Add("done"); return nil })
				ada.HandleBytes("question", func(context.Context, *Conn, []byte) ([]byte, error) { return []byte("answer"), nil })
				w.join(ada)
				replied := make(chan string, 1)
				go func() {
					reply, err := ada.CallBytes(w.ctx, "work", nil)
					if err != nil {
						reply = []byte(err.Error())
					}
					replied <- string(reply)
				}()
				time.Sleep(time.Second)
				took := w.shutdown(w.ctx)
				time.Sleep(100 * time.Millisecond)
				synctest.Wait()
				require.Equal(t, CodeShutdown.String(), CodeOf(bob.Err()).String())
				require.NoError(t, ada.Err())
				require.Equal(t, "answer", <-replied)
				require.InDelta(t, 2*time.Second, <-took, float64(100*time.Millisecond))
				<-ada.Done()
				require.Equal(t, []string{"done"}, got.All())
				require.Equal(t, CodeShutdown.String(), CodeOf(ada.Err()).String())
			})
		})
	}
}

// Frames that were read before Shutdown are handled. Later frames are not: a later call is refused.
func TestShutdownHandlesFramesThatWereRead(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got kept[int]
		w.srv.OnBytes("slow", func(context.Context, *Conn, []byte) error { time.Sleep(time.Second); got.Add(-1); return nil })
		On(w.srv, "n", func(_ context.Context, _ *Conn, n int) error { got.Add(n); return nil })
		w.srv.HandleBytes("n", func(context.Context, *Conn, []byte) ([]byte, error) { got.Add(100); return nil, nil })
		w.serve()
		p := w.hello(&wire.Hello{})
		p.Send(wire.AppendCommand(nil, "slow", nil))
		time.Sleep(50 * time.Millisecond)
		p.Send(wire.AppendCommand(nil, "n", []byte("1")))
		p.Send(wire.AppendRequest(nil, 1, "n", nil))
		synctest.Wait()
		took := w.shutdown(w.ctx)
		p.Send(wire.AppendCommand(nil, "n", []byte("2")))
		p.Send(wire.AppendRequest(nil, 2, "n", nil))
		id, code := p.WantAnswer()
		require.Equal(t, uint64(2), id, "at once")
		require.Equal(t, CodeShutdown.String(), code.String())
		id, code = p.WantAnswer()
		require.Equal(t, uint64(1), id)
		require.Equal(t, CodeNone, code)
		p.WantGoodbye(CodeShutdown, "")
		require.Less(t, <-took, 2*time.Second)
		require.Equal(t, []int{-1, 1, 100}, got.All())
	})
}

// Shutdown ends the context of a handler when the drain time is over, or soon before its own context
// ends. The handler then has time to return.
func TestShutdownEndsContexts(t *testing.T) {
	tests := map[string]struct {
		opts  ServerOptions
		ctx   time.Duration // zero: for ever
		least time.Duration
	}{
		"by default":            {least: 10 * time.Second},
		"set":                   {opts: ServerOptions{Timeouts: Timeouts{Drain: time.Second}}, least: time.Second},
		"in time for Shutdown":  {ctx: 4 * time.Second, least: 3 * time.Second},
		"as long as it is let":  {opts: ServerOptions{Timeouts: Timeouts{Drain: -1}}, ctx: 40 * time.Second, least: 30 * time.Second},
		"sooner than it is let": {opts: ServerOptions{Timeouts: Timeouts{Drain: time.Second}}, ctx: 40 * time.Second, least: time.Second},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &tc.opts, func(w *world) {
				var why kept[string]
				w.srv.OnBytes("wait", func(ctx context.Context, _ *Conn, _ []byte) error {
					<-ctx.Done()
					why.Add(CodeOf(context.Cause(ctx)).String())
					return nil
				})
				w.serve()
				cl := w.join(w.client("ada"))
				require.NoError(t, cl.SendBytes("wait", nil))
				synctest.Wait()
				ctx := w.ctx
				if tc.ctx > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tc.ctx)
					defer cancel()
				}
				start := time.Now()
				require.NoError(t, w.srv.Shutdown(ctx))
				require.InDelta(t, tc.least, time.Since(start), float64(50*time.Millisecond))
				require.Equal(t, []string{"shutting down"}, why.All())
				<-cl.Done()
				require.Equal(t, CodeShutdown.String(), CodeOf(cl.Err()).String())
			})
		})
	}
}

// A client that does not read delays Shutdown by CloseTimeout, and by as much again if a handler
// waits for it.
func TestShutdownWithAStalledClient(t *testing.T) {
	tests := map[string]struct {
		calls uint64
		took  time.Duration
	}{
		"nothing runs":    {calls: 1, took: 3 * time.Second},
		"a handler waits": {calls: 5, took: 6 * time.Second},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			opts := &ServerOptions{Timeouts: Timeouts{Drain: time.Hour, Close: 3 * time.Second, Heartbeat: -1, Write: -1}}
			inWorld(t, opts, func(w *world) {
				w.srv.HandleBytes("much", func(context.Context, *Conn, []byte) ([]byte, error) { return make([]byte, 600_000), nil })
				w.serve()
				stuck := w.hello(&wire.Hello{})
				for id := range tc.calls {
					stuck.Send(wire.AppendRequest(nil, id, "much", nil))
				}
				time.Sleep(time.Second)
				require.InDelta(t, tc.took, <-w.shutdown(w.ctx), float64(time.Second))
				stuck.Stream.Close() //nolint:errcheck // it is over
			})
		})
	}
}

// No two clients are told to come back at the same time. All are told to come back within farewellSpread.
func TestShutdownSpreadsReturns(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{RestartAfter: 5 * time.Second}}, func(w *world) {
		w.serve()
		const clients = 300
		for range clients {
			w.join(w.client(""))
		}
		require.NoError(t, w.srv.Shutdown(w.ctx))
		seen := make(map[time.Duration]bool)
		for _, cl := range w.clients {
			<-cl.Done()
			e, ok := find[*Error](cl.Err())
			require.True(t, ok)
			require.False(t, seen[e.RetryAfter], "two at %v", e.RetryAfter)
			seen[e.RetryAfter] = true
			require.GreaterOrEqual(t, e.RetryAfter, 5*time.Second)
			require.Less(t, e.RetryAfter, 5*time.Second+clients*farewellStep)
		}

		for range 50_000 {
			at := w.srv.farewell().RetryAfter
			require.False(t, seen[at], "two at %v", at)
			seen[at] = true
			require.Less(t, at, 5*time.Second+farewellSpread)
		}
	})
}

func TestShutdownSaysNothingOfReturns(t *testing.T) {
	s := newTestServer(&ServerOptions{Timeouts: Timeouts{RestartAfter: -1}})
	require.Zero(t, s.farewell().RetryAfter)
	require.Equal(t, time.Second, newTestServer(nil).farewell().RetryAfter)
}

// With manual dispatch Shutdown itself runs the handlers that are left, and sends their answers.
func TestShutdownDrainsManual(t *testing.T) {
	inWorld(t, &ServerOptions{Manual: true}, func(w *world) {
		w.srv.HandleBytes("n", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil })
		w.serve()
		cl := w.client("ada")
		connected := make(chan error, 1)
		go func() { connected <- cl.Connect(w.ctx) }()
		synctest.Wait()
		w.srv.Update(0)
		require.NoError(t, <-connected)
		replied := make(chan error, 1)
		go func() { _, err := cl.CallBytes(w.ctx, "n", nil); replied <- err }()
		synctest.Wait()
		require.NoError(t, w.srv.Shutdown(w.ctx))
		require.NoError(t, <-replied)
	})
}

// Close of a client first sends all queued messages, also to a server that reads slowly.
func TestClientCloseSendsAll(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{InboxBytes: 1 << 10}}, func(w *world) {
		var got kept[int]
		w.srv.OnBytes("n", func(_ context.Context, _ *Conn, b []byte) error {
			time.Sleep(20 * time.Millisecond)
			got.Add(len(b))
			return nil
		})
		w.serve()
		cl := newTestClient(w.lis, &ClientOptions{CloseTimeout: time.Minute, Retry: Retry{Off: true}})
		w.clients = append(w.clients, cl)
		w.join(cl)
		for range 200 { // far more than the stream and the inbox hold
			require.NoError(t, cl.SendBytes("n", make([]byte, 4<<10)))
		}
		require.NoError(t, cl.Close())
		<-cl.Done()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, got.All(), 200)
	})
}
