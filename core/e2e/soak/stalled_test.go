//go:build !js

package soak_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport/transporttest"
)

// One client of many stops reading. The others get everything in order, and the frames that wait
// for it stay within their bound until it is disconnected. The time that messages take is only
// logged.
func TestOneStopsReading(t *testing.T) {
	clients, messages, pace := 40, 100, 5*time.Millisecond
	if os.Getenv("HISOCK_SOAK") != "" {
		clients, messages, pace = 1000, 300, 50*time.Millisecond
	}
	alone := spread(t, clients, messages, pace, false)
	beside := spread(t, clients, messages, pace, true)
	t.Logf("soak: %d clients: median %v, 99th percentile %v; beside one that stops reading %v, %v: %.2f times",
		clients, alone[0], alone[1], beside[0], beside[1], float64(beside[1])/float64(alone[1]))
}

// spread sends messages to a number of clients. It returns the median and the 99th percentile of the
// time that a message took.
func spread(t *testing.T, clients, messages int, pace time.Duration, stall bool) [2]time.Duration {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	const bound = 256 << 10
	srv := harness.NewServer(&core.ServerOptions{Limits: core.Limits{QueueBytes: bound}})
	slow := make(chan error, 1)
	srv.OnLeave(func(c *core.Conn, why error) {
		if c.Name() == "stalled" {
			slow <- why
		}
	})
	l, err := tcp.Listen("127.0.0.1:0", nil)
	require.NoError(t, err)
	go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown

	start := time.Now()
	var mu sync.Mutex
	var took []time.Duration
	all := make(chan error, clients)
	for i := range clients {
		cl := harness.NewClient(tcp.Dialer(l.Addr(), nil), &core.ClientOptions{Name: fmt.Sprint(i)})
		next := 0
		own := make([]time.Duration, 0, messages)
		core.On(cl, "tick", func(_ context.Context, _ *core.Conn, in [2]int64) error {
			if in[0] != int64(next) {
				all <- fmt.Errorf("%d instead of %d", in[0], next)
			}
			own = append(own, time.Since(start)-time.Duration(in[1]))
			if next++; next == messages {
				mu.Lock()
				took = append(took, own...)
				mu.Unlock()
				all <- nil
			}
			return nil
		})
		core.On(cl, "fill", func(context.Context, *core.Conn, []byte) error { return nil })
		require.NoError(t, cl.Connect(ctx))
		defer cl.Close()
	}
	if stall {
		stream, err := tcp.Dialer(l.Addr(), nil).Dial(ctx)
		require.NoError(t, err)
		defer stream.Close()
		_, err = stream.Write(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Name: "stalled", Resume: true}))
		require.NoError(t, err)
		require.Eventually(t, func() bool { _, err := srv.Client("stalled"); return err == nil }, transporttest.Patience, time.Millisecond)
	}
	fill := make([]byte, 1<<10)
	for n := range messages {
		require.NoError(t, srv.All().Send("tick", [2]int64{int64(n), int64(time.Since(start))}))
		if stalled, err := srv.Client("stalled"); err == nil {
			for range 128 { // its socket is full soon
				if stalled.Send("fill", fill) != nil {
					break
				}
			}
			s := stalled.Stats()
			require.LessOrEqual(t, s.Waiting+s.Kept, bound)
		}
		time.Sleep(pace)
	}
	for range clients {
		require.NoError(t, <-all)
	}
	if stall {
		require.Equal(t, core.CodeSlowConsumer, core.CodeOf(<-slow))
	}
	require.NoError(t, srv.Shutdown(ctx))
	slices.Sort(took)
	return [2]time.Duration{took[len(took)/2], took[len(took)*99/100]}
}
