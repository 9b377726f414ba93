//go:build !js

package core

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// bounce registers a call that calls the other end back until its argument is 0.
func bounce(r Registrar, opts ...HandlerOption) {
	Handle(r, "bounce", func(ctx context.Context, c *Conn, n int) (int, error) {
		if n == 0 {
			return 0, nil
		}
		deeper, err := Call[int](ctx, c, "bounce", n-1)
		return deeper + 1, err
	}, opts...)
	On(r, "begin", func(ctx context.Context, c *Conn, n int) error {
		deeper, err := Call[int](ctx, c, "bounce", n-1)
		return errOr(deeper+1, err)
	})
}

func errOr(n int, err error) error {
	if err == nil {
		return NewError(CodeApplication, fmt.Sprint("went ", n, " deep"))
	}
	return err
}

// Calls that go back and forth are answered or fail, whichever end begins and however deep they are nested.
func TestCallsBackAndForth(t *testing.T) {
	const slots = 16
	// The deepest nesting that is answered. Handlers with a turn: one call at each end. Concurrent
	// handlers: as many calls as there are slots at both ends.
	deepest := map[bool]int{false: 2, true: 2 * slots}
	for _, concurrent := range []bool{false, true} {
		for _, depth := range []int{1, 2, 3, 4, 31, 32, 33, 34, 35, 64, 140, 1000} {
			for _, begins := range []string{"client", "server"} {
				t.Run(fmt.Sprintf("concurrent %v, depth %d, %s begins", concurrent, depth, begins), func(t *testing.T) {
					var opts []HandlerOption
					if concurrent {
						opts = append(opts, Concurrent())
					}
					inWorld(t, nil, func(w *world) {
						w.srv.eng.maxConcurrent = slots
						bounce(w.srv, opts...)
						w.serve()
						cl := w.client("ada")
						cl.cfg.maxConcurrent = slots
						bounce(cl, opts...)
						w.join(cl)
						caller := Caller(cl)
						if begins == "server" {
							caller = w.conn("ada")
						}
						ctx, stop := context.WithTimeout(w.ctx, time.Minute)
						defer stop()
						start := time.Now()
						got, err := Call[int](ctx, caller, "bounce", depth-1)
						took := time.Since(start)
						if depth <= deepest[concurrent] {
							require.NoError(t, err)
							require.Equal(t, depth-1, got)
							require.Zero(t, took)
						} else {
							require.Equal(t, CodeDeadlock.String(), CodeOf(err).String(), "%v", err)
							require.True(t, IsRemote(err))
							require.Less(t, took, time.Second)
						}
						// Both ends go on.
						got, err = Call[int](ctx, cl, "bounce", 1)
						require.NoError(t, err)
						require.Equal(t, 1, got)
						got, err = Call[int](ctx, w.conn("ada"), "bounce", 1)
						require.NoError(t, err)
						require.Equal(t, 1, got)
						synctest.Wait()
						require.Zero(t, cl.Conn().calls.len()+w.conn("ada").calls.len())
						require.Zero(t, cl.Conn().waits.Len()+w.conn("ada").waits.Len())
					})
				})
			}
		}
	}
}

// Handlers of commands that call each other's ends at the same moment wait for each other. At least one of
// the calls fails, and both ends go on.
func TestHandlersCallEachOther(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		results := make(chan error, 2)
		register := func(r Registrar) {
			Handle(r, "answer", func(context.Context, *Conn, int) (int, error) { return 1, nil })
			On(r, "ask", func(ctx context.Context, c *Conn, _ int) error {
				time.Sleep(time.Second)
				_, err := Call[int](ctx, c, "answer", 0)
				results <- err
				return nil
			})
		}
		register(w.srv)
		w.serve()
		cl := w.client("ada")
		register(cl)
		w.join(cl)
		require.NoError(t, cl.Send("ask", 0))
		require.NoError(t, w.conn("ada").Send("ask", 0))
		time.Sleep(2 * time.Second)
		first, second := <-results, <-results
		if first == nil {
			first, second = second, first
		}
		require.Equal(t, CodeDeadlock, CodeOf(first))
		require.False(t, IsRemote(first))
		if second != nil {
			require.Equal(t, CodeDeadlock, CodeOf(second))
		}
		got, err := Call[int](w.ctx, cl, "answer", 0)
		require.NoError(t, err)
		require.Equal(t, 1, got)
	})
}

// A deadlock is found while a concurrent handler runs for ever beside it.
func TestDeadlockBesideOthers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		forever := func(ctx context.Context, _ *Conn, _ int) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
		bounce(w.srv)
		Handle(w.srv, "watch", forever, Concurrent())
		w.serve()
		cl := w.client("ada")
		bounce(cl)
		Handle(cl, "watch", forever, Concurrent())
		w.join(cl)
		ctx, stop := context.WithCancel(w.ctx)
		go Call[int](ctx, cl, "watch", 0)            //nolint:errcheck // it ends with ctx
		go Call[int](ctx, w.conn("ada"), "watch", 0) //nolint:errcheck // it ends with ctx
		synctest.Wait()
		_, err := Call[int](w.ctx, cl, "bounce", 5)
		require.Equal(t, CodeDeadlock, CodeOf(err))
		stop()
	})
}

// With manual dispatch, a handler or hook in Update that waits for the peer is part of a standstill like any other
// handler.
func TestDeadlockInHooksAndManual(t *testing.T) {
	for _, manual := range []bool{false, true} {
		t.Run(fmt.Sprintf("manual %v", manual), func(t *testing.T) {
			inWorld(t, &ServerOptions{Manual: manual}, func(w *world) {
				bounce(w.srv)
				result := make(chan error, 1)
				w.srv.OnJoin(func(c *Conn) {
					_, err := Call[int](c.Context(), c, "bounce", 1)
					result <- err
				})
				w.serve()
				if manual {
					go w.srv.Run(w.ctx) //nolint:errcheck // nil after Shutdown
				}
				cl := w.client("ada")
				bounce(cl)
				w.join(cl)
				time.Sleep(time.Second)
				require.Equal(t, CodeDeadlock, CodeOf(<-result))
				got, err := Call[int](w.ctx, cl, "bounce", 1)
				require.NoError(t, err)
				require.Equal(t, 1, got)
			})
		})
	}
}

// Calls that only take long do not fail: handlers that wait for concurrent handlers, calls of programs that
// wait for a turn, and streams that break off meanwhile.
func TestSlowCallsDoNotFail(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				random := rand.New(rand.NewPCG(1, seed))
				var mu sync.Mutex // guards random
				nap := func() {
					mu.Lock()
					d := time.Duration(random.IntN(40)) * time.Millisecond
					mu.Unlock()
					time.Sleep(d)
				}
				register := func(r Registrar) {
					Handle(r, "leaf", func(context.Context, *Conn, int) (int, error) { nap(); return 1, nil }, Concurrent())
					Handle(r, "turn", func(context.Context, *Conn, int) (int, error) { nap(); return 1, nil })
					Handle(r, "hop", func(ctx context.Context, c *Conn, n int) (int, error) {
						nap()
						return Call[int](ctx, c, "leaf", n)
					})
				}
				register(w.srv)
				w.serve()
				cl := made(NewClient(w.lis, &ClientOptions{Name: "ada", Codec: testCodec{}}))
				w.clients = append(w.clients, cl)
				register(cl)
				w.join(cl)
				there := w.conn("ada")
				errs := make(chan error, 400)
				var all sync.WaitGroup
				for range 200 {
					for _, caller := range []Caller{cl, there} {
						all.Go(func() {
							for range 5 {
								nap()
							}
							mu.Lock()
							command := []string{"leaf", "turn", "hop", "hop"}[random.IntN(4)]
							mu.Unlock()
							_, err := Call[int](w.ctx, caller, command, 0)
							errs <- err
						})
					}
				}
				for range 5 {
					nap()
					nap()
					cl.Conn().sess.Link().Stream.Close() //nolint:errcheck // it breaks off
					synctest.Wait()
				}
				all.Wait()
				for range 400 {
					require.NoError(t, <-errs)
				}
			})
		})
	}
}

// False claims, and a flood of claims, make no calls fail but the calls to the peer that makes the
// claims.
func TestFalseClaims(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		results := make(chan error, 1)
		On(w.srv, "ask", func(ctx context.Context, c *Conn, _ int) error {
			_, err := Call[int](ctx, c, "answer", 0)
			results <- err
			return nil
		})
		Handle(w.srv, "echo", func(_ context.Context, _ *Conn, n int) (int, error) { return n, nil })
		w.serve()
		honest := w.join(w.client("ada"))

		p := w.hello(&wire.Hello{Version: wire.Version, Name: "mallory"})
		random := rand.New(rand.NewPCG(1, 2))
		ids := func() (ids []uint64) {
			for range random.IntN(40) {
				ids = append(ids, random.Uint64N(6))
			}
			return ids
		}
		claim := func() []byte {
			s := &wire.Standstill{All: random.IntN(2) == 0, For: ids(), Kept: ids()}
			if len(s.For) > 0 {
				s.Turn = random.IntN(len(s.For) + 1)
			}
			return wire.AppendStandstill(nil, s)
		}
		p.Send(wire.AppendCommand(nil, "ask", []byte("0")))
		go func() {
			for p.Stream != nil {
				if _, err := p.Stream.Read(make([]byte, 4096)); err != nil {
					return
				}
			}
		}()
		synctest.Wait()
		for i := range 20_000 {
			p.Send(claim())
			if i%1000 == 0 {
				time.Sleep(10 * time.Millisecond)
				p.Send(wire.AppendRequest(nil, uint64(10+i), "echo", []byte("1"))) // waits for the handler's turn to end
				got, err := Call[int](w.ctx, honest, "echo", i)
				require.NoError(t, err)
				require.Equal(t, i, got)
			}
		}
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
		require.Empty(t, results)
		p.Send(wire.AppendStandstill(nil, &wire.Standstill{Turn: 1, For: []uint64{10}, Kept: []uint64{1}}))
		synctest.Wait()
		require.Equal(t, CodeDeadlock, CodeOf(<-results), "it has said so")
		p.Stream.Close() //nolint:errcheck // it is over
	})
}
