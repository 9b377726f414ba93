//go:build !js

package soak_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// Many silent connections all hear a broadcast, and leave nothing behind.
func TestManyIdle(t *testing.T) {
	count := 500
	if os.Getenv("HISOCK_SOAK") != "" {
		count = 10_000
	}
	ended := transporttest.Goroutines(t)
	goroutines, before := runtime.NumGoroutine(), coretest.Heap()
	l := transport.NewPipeListener()
	srv := harness.NewServer(nil)
	go srv.Serve(t.Context(), l) //nolint:errcheck // nil after Shutdown
	var heard sync.WaitGroup
	heard.Add(count)
	clients := make([]*core.Client, count)
	for i := range clients {
		clients[i] = harness.NewClient(l, nil)
		core.On(clients[i], "hello", func(context.Context, *core.Conn, struct{}) error { heard.Done(); return nil })
		require.NoError(t, clients[i].Connect(t.Context()))
	}
	t.Logf("soak: %d idle connections over memory: %d B and %.1f goroutines for both ends of each",
		count, (coretest.Heap()-before)/uint64(count), float64(runtime.NumGoroutine()-goroutines)/float64(count))
	require.NoError(t, srv.All().Send("hello", nil))
	heard.Wait()
	for _, cl := range clients {
		require.NoError(t, cl.Close())
	}
	require.NoError(t, srv.Shutdown(t.Context()))
	ended()
}

// Clients that come and go leave nothing behind.
func TestManyComeAndGo(t *testing.T) {
	rounds := 10
	if os.Getenv("HISOCK_SOAK") != "" {
		rounds = 600 // of fifty each, a thousand a second if the machine keeps up
	}
	l, err := tcp.Listen("127.0.0.1:0", nil)
	require.NoError(t, err)
	srv := harness.NewServer(nil)
	core.Handle(srv, "double", func(_ context.Context, _ *core.Conn, n int) (int, error) { return 2 * n, nil })
	served := make(chan error, 1)
	go func() { served <- srv.Serve(t.Context(), l) }()
	visit := func(i int) error {
		cl := harness.NewClient(tcp.Dialer(l.Addr(), nil), &core.ClientOptions{Name: fmt.Sprint(i), Groups: []string{"all"}})
		if err := cl.Connect(t.Context()); err != nil {
			return err
		}
		if n, err := core.Call[int](t.Context(), cl, "double", i); err != nil || n != 2*i {
			return fmt.Errorf("%d: %d, %w", i, n, err)
		}
		return cl.Close()
	}
	require.NoError(t, visit(0)) // things that are made once exist after that
	require.Eventually(t, func() bool { return srv.Len() == 0 }, transporttest.Patience, time.Millisecond)
	goroutines, before, start := runtime.NumGoroutine(), coretest.Heap(), time.Now()
	for round := range rounds {
		errs := make(chan error, 50)
		for i := range 50 {
			go func() { errs <- visit(50*round + i) }()
		}
		for range 50 {
			require.NoError(t, <-errs)
		}
		time.Sleep(time.Until(start.Add(time.Duration(round+1) * 50 * time.Millisecond)))
	}
	took := time.Since(start)
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines+2 }, 30*time.Second, 10*time.Millisecond)
	require.Zero(t, srv.Len())
	t.Logf("soak: %d came and went in %v; heap and stacks %d KiB before, %d KiB after",
		50*rounds, took.Round(time.Millisecond), before>>10, coretest.Heap()>>10)
	require.NoError(t, srv.Shutdown(t.Context()))
	require.NoError(t, <-served)
}
