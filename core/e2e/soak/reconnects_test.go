//go:build !js

package soak_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// Streams of clients under load are cut again and again, over real sockets. Every command arrives
// once and in order at either end, and every call is answered.
func TestReconnectsUnderLoad(t *testing.T) {
	reconnects := uint64(150)
	if os.Getenv("HISOCK_SOAK") != "" {
		reconnects = 10_000
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	srv := harness.NewServer(&core.ServerOptions{Timeouts: core.Timeouts{Resume: time.Minute}})
	var faults atomic.Int64
	expected := sync.Map{} // by client: the number of its next command
	core.On(srv, "up", func(_ context.Context, c *core.Conn, n int) error {
		next, _ := expected.LoadOrStore(c.Name(), new(int))
		if want := next.(*int); n != *want {
			faults.Add(1)
		} else {
			*want++
		}
		return c.Send("down", n)
	})
	core.Handle(srv, "double", func(_ context.Context, _ *core.Conn, n int) (int, error) { return 2 * n, nil })
	var left atomic.Int64
	srv.OnLeave(func(*core.Conn, error) { left.Add(1) })
	plain, err := tcp.Listen("127.0.0.1:0", nil)
	require.NoError(t, err)
	sockets := coretest.Must(ws.NewListener(nil))
	web := httptest.NewServer(sockets)
	defer web.Close()
	go srv.Serve(ctx, plain)   //nolint:errcheck // nil after Shutdown
	go srv.Serve(ctx, sockets) //nolint:errcheck // nil after Shutdown
	dialers := []transport.Dialer{
		tcp.Dialer(plain.Addr(), nil), ws.Dialer("ws"+strings.TrimPrefix(web.URL, "http"), nil),
	}

	var stop atomic.Bool
	var sent, answered atomic.Int64
	ended := make(chan error, 8)
	for i := range 8 {
		d := &harness.Cutter{Dialer: dialers[i%2]}
		cl := harness.NewClient(d, &core.ClientOptions{
			Name: fmt.Sprint("client ", i), Retry: core.Retry{Min: time.Millisecond, Max: 20 * time.Millisecond},
		})
		back := make(chan struct{})
		want := 0
		total := atomic.Int64{}
		total.Store(-1)
		core.On(cl, "down", func(_ context.Context, _ *core.Conn, n int) error {
			if n != want {
				faults.Add(1)
			}
			if want++; int64(want) == total.Load() {
				close(back)
			}
			return nil
		})
		require.NoError(t, cl.Connect(ctx))
		_, err := core.Call[int](ctx, cl, "double", 0) // after this the server knows that the client has its token
		require.NoError(t, err)
		go func() {
			rng := rand.New(rand.NewPCG(uint64(i), 0))
			ended <- func() error {
				n := 0
				for ; !stop.Load(); n++ {
					if err := cl.Conn().Send("up", n, core.Wait(ctx)); err != nil {
						return err
					}
					if n%20 == 0 {
						if twice, err := core.Call[int](ctx, cl, "double", n); err != nil || twice != 2*n {
							return fmt.Errorf("call: %d, %w", twice, err)
						}
						answered.Add(1)
					}
					if rng.IntN(40) == 0 {
						d.Cut()
					}
				}
				sent.Add(int64(n))
				// One more command, which arrives after all others.
				total.Store(int64(n + 1))
				if err := cl.Conn().Send("up", n, core.Wait(ctx)); err != nil {
					return err
				}
				select {
				case <-back:
				case <-ctx.Done():
					return ctx.Err()
				}
				return cl.Close()
			}()
		}()
	}
	for srv.Stats().Resumed < reconnects && ctx.Err() == nil && len(ended) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	stop.Store(true)
	for range 8 {
		require.NoError(t, <-ended)
	}
	require.NoError(t, srv.Shutdown(ctx))
	require.Zero(t, faults.Load())
	require.EqualValues(t, 8, left.Load(), "nobody was given up")
	t.Logf("soak: %d reconnects, %d commands each way and %d calls under way, none lost, none twice",
		srv.Stats().Resumed, sent.Load(), answered.Load())
}
