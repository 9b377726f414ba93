//go:build unix

package soak_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport/transporttest"
)

// idleEnv tells this program, started again by a test, an address and a number of clients.
const idleEnv = "HISOCK_TEST_IDLE"

// needFiles makes sure that this process may open n files.
func needFiles(t *testing.T, n uint64) {
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	if uint64(limit.Cur) >= n {
		return
	}
	if uint64(limit.Max) < n {
		t.Skipf("%d open files are needed, and no more than %d allowed: raise ulimit -Hn", n, limit.Max)
	}
	limit.Cur = limit.Max
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
}

// TestManyIdleChild is the clients of a test in a process of their own, not a test: both ends in
// one process would need twice as many files. The clients hear one broadcast, and leave after a
// second one.
func TestManyIdleChild(t *testing.T) {
	var addr string
	var count int
	if _, err := fmt.Sscan(os.Getenv(idleEnv), &addr, &count); err != nil {
		return
	}
	needFiles(t, uint64(count)+200)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var heard, told sync.WaitGroup
	var faults atomic.Int64
	heard.Add(count)
	told.Add(count)
	clients := make([]*core.Client, count)
	free := make(chan struct{}, 64)
	failed := make(chan error, count)
	for i := range clients {
		cl := harness.NewClient(tcp.Dialer(addr, nil), &core.ClientOptions{Name: fmt.Sprint(i)})
		clients[i] = cl
		core.On(cl, "hello", func(context.Context, *core.Conn, struct{}) error { heard.Done(); return nil })
		core.On(cl, "go", func(context.Context, *core.Conn, struct{}) error { told.Done(); return nil })
		cl.OnState(func(s core.State, _ error) {
			if s == core.StateReconnecting {
				faults.Add(1)
			}
		})
		free <- struct{}{}
		go func() {
			failed <- cl.Connect(ctx)
			<-free
		}()
	}
	for range clients {
		require.NoError(t, <-failed)
	}
	fmt.Println("connected")
	heard.Wait()
	fmt.Println("heard")
	told.Wait()
	for _, cl := range clients {
		go cl.Close() //nolint:errcheck // nothing to be done about it
	}
	for _, cl := range clients {
		<-cl.Done()
	}
	fmt.Println("left", faults.Load(), "came back")
}

// Many silent connections over sockets all hear a broadcast, and leave nothing behind. Their
// heartbeats are answered for many times as long as a dead connection would last.
func TestManyIdleOverSockets(t *testing.T) {
	count, heartbeat := 500, time.Second
	if os.Getenv("HISOCK_SOAK") != "" {
		count, heartbeat = 10_000, 5*time.Second
	}
	needFiles(t, uint64(count)+200)
	l, err := tcp.Listen("127.0.0.1:0", nil)
	require.NoError(t, err)
	ended := transporttest.Goroutines(t)
	goroutines := runtime.NumGoroutine()
	srv := harness.NewServer(&core.ServerOptions{Timeouts: core.Timeouts{Heartbeat: heartbeat}})
	var left atomic.Int64
	srv.OnLeave(func(*core.Conn, error) { left.Add(1) })
	served := make(chan error, 1)
	go func() { served <- srv.Serve(t.Context(), l) }()
	before := coretest.Heap()

	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestManyIdleChild$")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", idleEnv, l.Addr(), count))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it has ended
		cmd.Wait()         //nolint:errcheck // it has, or was killed
	})
	said := bufio.NewScanner(out)
	wantSaid := func(want string) {
		t.Helper()
		require.True(t, said.Scan(), "the clients' process has ended")
		require.Equal(t, want, said.Text())
	}
	wantSaid("connected")
	require.Eventually(t, func() bool { return srv.Len() == count }, time.Minute, 10*time.Millisecond)
	idle, running := coretest.Heap(), runtime.NumGoroutine()
	time.Sleep(3*heartbeat + heartbeat/2) // a dead connection is found after less than three heartbeats
	require.Equal(t, count, srv.Len())
	require.NoError(t, srv.All().Send("hello", nil))
	wantSaid("heard")
	require.NoError(t, srv.All().Send("go", nil))
	require.True(t, said.Scan(), "the clients' process has ended")
	faults := said.Text() // some may have come back, on a machine that is too busy to answer in time
	require.Eventually(t, func() bool { return srv.Len() == 0 }, time.Minute, 10*time.Millisecond)
	require.NoError(t, srv.Shutdown(t.Context()))
	require.NoError(t, <-served)
	require.EqualValues(t, count, left.Load())
	require.Zero(t, srv.Stats().Suspended)
	require.NoError(t, cmd.Wait())
	ended()
	t.Logf("soak: %d idle connections over TCP: %d B and %.1f goroutines each at the server, all heard a broadcast; "+
		"heap and stacks %d KiB before, %d KiB after; %s",
		count, (max(idle, before)-before)/uint64(count), float64(running-goroutines)/float64(count), before>>10, coretest.Heap()>>10, faults)
}
