//go:build !js

package core

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// With manual dispatch no handler runs by itself. All handlers run in the order of arrival.
func TestManualServer(t *testing.T) {
	inWorld(t, &ServerOptions{Manual: true}, func(w *world) {
		var events []string // without a lock: all handlers run on this goroutine
		w.srv.OnJoin(func(c *Conn) {
			events = append(events, "join "+c.Name())
			if err := c.Send("hello", nil); err != nil {
				t.Error(err)
			}
		})
		w.srv.OnLeave(func(c *Conn, _ error) { events = append(events, "leave "+c.Name()) })
		On(w.srv, "n", func(_ context.Context, c *Conn, n int) error {
			events = append(events, fmt.Sprint(c.Name(), " ", n))
			return nil
		}, Concurrent())
		Handle(w.srv, "double", func(_ context.Context, _ *Conn, n int) (int, error) { return 2 * n, nil })
		w.serve()
		var hello kept[string]
		cl := w.client("ada")
		On(cl, "hello", func(context.Context, *Conn, struct{}) error { hello.Add("hello"); return nil })

		connected := make(chan error, 1)
		go func() { connected <- cl.Connect(w.ctx) }()
		synctest.Wait()
		require.Empty(t, hello.All())
		require.Equal(t, 1, w.srv.Update(0))
		require.NoError(t, <-connected)
		synctest.Wait()
		require.Equal(t, []string{"hello"}, hello.All())

		for i := range 3 {
			require.NoError(t, cl.Send("n", i))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, []string{"join ada"}, events)
		require.Equal(t, 3, w.srv.Update(0))
		require.Equal(t, 0, w.srv.Update(0))
		require.Equal(t, []string{"join ada", "ada 0", "ada 1", "ada 2"}, events)

		answer := make(chan int, 1)
		go func() { n, _ := Call[int](w.ctx, cl, "double", 21); answer <- n }()
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		require.ErrorIs(t, w.srv.Run(ctx), context.DeadlineExceeded)
		require.Equal(t, 42, <-answer)

		require.NoError(t, cl.Close())
		synctest.Wait()
		require.NotContains(t, events, "leave ada")
		require.NoError(t, w.srv.Shutdown(w.ctx), "it runs what is left")
		require.Equal(t, "leave ada", events[len(events)-1])
		require.NoError(t, w.srv.Run(w.ctx))
	})
}

// The messages that a program does not fetch are bounded: reading stops, and nothing is lost.
func TestManualIsBounded(t *testing.T) {
	inWorld(t, &ServerOptions{Manual: true, Limits: Limits{InboxBytes: 2 << 10}}, func(w *world) {
		got := 0
		On(w.srv, "n", func(_ context.Context, _ *Conn, n int) error {
			if n != got {
				t.Errorf("%d instead of %d", n, got)
			}
			got++
			return nil
		})
		w.serve()
		cl := w.client("ada")
		go w.srv.Run(w.ctx) //nolint:errcheck // ends with the server
		require.NoError(t, cl.Connect(w.ctx))
		for i := range 2000 {
			require.NoError(t, cl.Send("n", i))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 2000, got)
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

func TestManualClient(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		On(w.srv, "echo", func(_ context.Context, c *Conn, s string) error { return c.Send("echo", s) })
		w.serve()
		cl := newTestClient(w.lis, &ClientOptions{Retry: Retry{Off: true}, Name: "ada", Manual: true, Codec: testCodec{}})
		w.clients = append(w.clients, cl)
		var events []string
		cl.OnState(func(s State, _ error) { events = append(events, s.String()) })
		On(cl, "echo", func(_ context.Context, _ *Conn, s string) error {
			events = append(events, s)
			if s == "last" {
				return cl.Close()
			}
			return nil
		})
		w.join(cl)
		require.NoError(t, cl.Send("echo", "first"))
		require.NoError(t, cl.Send("echo", "last"))
		synctest.Wait()
		require.Empty(t, events)
		require.NoError(t, cl.Run(w.ctx))
		require.Equal(t, []string{"connected", "first", "last", "disconnected"}, events)

		w.join(cl) // again: nobody needs to call Update
		require.NoError(t, cl.Close())
		require.NoError(t, cl.Run(w.ctx))
		require.PanicsWithValue(t, notManual, func() { w.client("x").Update(0) })
	})
}

// Update has a budget. A client that sends much uses part of it, other clients have their turn in
// each Update, and the remaining messages are handled by later Updates, in order.
func TestManualUpdateWithinBudget(t *testing.T) {
	inWorld(t, &ServerOptions{Manual: true}, func(w *world) {
		var got []string // without a lock: all handlers run on this goroutine
		On(w.srv, "n", func(_ context.Context, c *Conn, n int) error {
			time.Sleep(time.Millisecond) // the work of the handler
			got = append(got, fmt.Sprint(c.Name(), " ", n))
			return nil
		})
		w.serve()
		var floods []*Client
		join := func(name string) *Client {
			cl := w.client(name)
			connected := make(chan error, 1)
			go func() { connected <- cl.Connect(w.ctx) }()
			synctest.Wait()
			w.srv.Update(0)
			require.NoError(t, <-connected)
			return cl
		}
		for i := range 3 {
			floods = append(floods, join(fmt.Sprint("flood", i)))
		}
		ada := join("ada")
		const many = 100
		for i := range many {
			for _, cl := range floods {
				require.NoError(t, cl.Send("n", i))
			}
		}
		for frame := range 5 {
			require.NoError(t, ada.Send("n", frame))
			synctest.Wait()
			begin, n := time.Now(), w.srv.Update(10*time.Millisecond)
			require.Equal(t, 10, n)
			require.Equal(t, 10*time.Millisecond, time.Since(begin))
			require.Contains(t, got[len(got)-10:], fmt.Sprint("ada ", frame))
		}
		require.Equal(t, 1, w.srv.Update(1), "at least one")
		require.Equal(t, 3*many+5-51, w.srv.Update(0))
		require.Zero(t, w.srv.Update(time.Second))
		next := map[string]int{}
		for _, g := range got {
			var name string
			var n int
			fmt.Sscan(g, &name, &n)
			require.Equal(t, next[name], n, name)
			next[name]++
		}
		for _, cl := range append(floods, ada) {
			require.NoError(t, cl.Close())
		}
	})
}

// Run handles the messages that the budget of an Update has left.
func TestManualRunAfterUpdate(t *testing.T) {
	inWorld(t, &ServerOptions{Manual: true}, func(w *world) {
		got := 0
		On(w.srv, "n", func(context.Context, *Conn, int) error { time.Sleep(time.Millisecond); got++; return nil })
		w.serve()
		p := w.peer()
		p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{}))
		for i := range 10 {
			p.Send(wire.AppendCommand(nil, "n", fmt.Append(nil, i)))
		}
		synctest.Wait()
		w.srv.Update(3 * time.Millisecond)
		require.NotEqual(t, 10, got)
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		require.ErrorIs(t, w.srv.Run(ctx), context.DeadlineExceeded)
		require.Equal(t, 10, got)
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// Handlers never run in two goroutines at once when Shutdown is called beside Run or beside a loop of
// Updates: they run in the loop, or in Shutdown.
func TestManualShutdownBesideALoop(t *testing.T) {
	loops := map[string]func(w *world, stop <-chan struct{}){
		"Run": func(w *world, _ <-chan struct{}) { w.srv.Run(w.ctx) }, //nolint:errcheck // nil after Shutdown
		"Update": func(w *world, stop <-chan struct{}) {
			for {
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
					w.srv.Update(time.Millisecond)
				}
			}
		},
	}
	for name, loop := range loops {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Manual: true}, func(w *world) {
				left, running := 0, 0 // without a lock, for the race detector
				w.srv.OnLeave(func(*Conn, error) {
					if running++; running != 1 {
						t.Error("two handlers run side by side")
					}
					time.Sleep(time.Millisecond)
					running--
					left++
				})
				w.serve()
				stop, stopped := make(chan struct{}), make(chan struct{})
				go func() { defer close(stopped); loop(w, stop) }()
				const clients = 20
				for range clients {
					require.NoError(t, w.client("").Connect(w.ctx))
				}
				synctest.Wait()
				require.NoError(t, w.srv.Shutdown(w.ctx))
				close(stop)
				<-stopped
				require.Equal(t, clients, left)
			})
		})
	}
}

// An Update within a handler runs nothing.
func TestManualUpdateInAHandler(t *testing.T) {
	inWorld(t, &ServerOptions{Manual: true}, func(w *world) {
		w.srv.OnJoin(func(*Conn) {
			if n := w.srv.Update(0); n != 0 {
				t.Error(n)
			}
		})
		w.serve()
		connected := make(chan error, 1)
		for range 2 {
			cl := w.client("")
			go func() { connected <- cl.Connect(w.ctx) }()
		}
		synctest.Wait()
		require.Equal(t, 2, w.srv.Update(0))
		require.NoError(t, <-connected)
		require.NoError(t, <-connected)
	})
}
