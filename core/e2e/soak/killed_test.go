//go:build !js

package soak_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/tcp"
)

// childEnv tells this program, started again by a test, its part and an address: "server" or
// "client".
const childEnv = "HISOCK_TEST_CHILD"

// TestKilledChild is the process that a test kills, not a test.
func TestKilledChild(t *testing.T) {
	role, addr, ok := strings.Cut(os.Getenv(childEnv), " ")
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // if nobody kills it
	defer cancel()
	if role == "client" {
		cl := harness.NewClient(tcp.Dialer(addr, nil), &core.ClientOptions{Name: "child"})
		require.NoError(t, cl.Connect(ctx))
		for n := 0; ctx.Err() == nil; n++ {
			require.NoError(t, cl.Conn().Send("tick", n, core.Wait(ctx)))
		}
		return
	}
	l, err := tcp.Listen(addr, nil)
	require.NoError(t, err)
	srv := harness.NewServer(nil)
	core.Handle(srv, "pid", func(context.Context, *core.Conn, struct{}) (int, error) { return os.Getpid(), nil })
	fmt.Println("listening on", l.Addr())
	srv.Serve(ctx, l) //nolint:errcheck // until it is killed
}

// child starts this program again. The process ends with the test at the latest.
func child(t *testing.T, role, addr string) (*exec.Cmd, *bufio.Scanner) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledChild$")
	cmd.Env = append(os.Environ(), childEnv+"="+role+" "+addr)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it has ended
		cmd.Wait()         //nolint:errcheck // it was killed
	})
	return cmd, bufio.NewScanner(out)
}

// A client whose process is killed is suspended, and has left when the resume time is over.
func TestKilledClient(t *testing.T) {
	srv := harness.NewServer(&core.ServerOptions{Timeouts: core.Timeouts{Resume: 100 * time.Millisecond}})
	ticks, events := make(chan int, 1), make(chan string, 4)
	next := 0
	core.On(srv, "tick", func(_ context.Context, _ *core.Conn, n int) error {
		if n != next {
			events <- fmt.Sprint(n, " instead of ", next)
		}
		if next++; next == 1000 {
			ticks <- n
		}
		return nil
	})
	srv.OnSuspend(func(_ *core.Conn, why error) { events <- "suspend: " + core.CodeOf(why).String() })
	srv.OnLeave(func(_ *core.Conn, why error) { events <- "leave: " + core.CodeOf(why).String() })
	l, err := tcp.Listen("127.0.0.1:0", nil)
	require.NoError(t, err)
	go srv.Serve(t.Context(), l) //nolint:errcheck // nil after Shutdown
	cmd, _ := child(t, "client", l.Addr())
	next999 := <-ticks
	require.Equal(t, 999, next999)
	require.NoError(t, cmd.Process.Kill())
	require.Equal(t, "suspend: connection lost", <-events)
	require.Equal(t, "leave: connection lost", <-events)
	require.Zero(t, srv.Len())
	require.NoError(t, srv.Shutdown(t.Context()))
}

// Clients of a server whose process is killed join the next server.
func TestKilledServer(t *testing.T) {
	first, out := child(t, "server", "127.0.0.1:0")
	require.True(t, out.Scan())
	addr := strings.TrimPrefix(out.Text(), "listening on ")
	states := make(chan string, 8)
	cl := harness.NewClient(tcp.Dialer(addr, nil), &core.ClientOptions{
		Name: "ada", Retry: core.Retry{Min: 10 * time.Millisecond, Max: 50 * time.Millisecond},
	})
	cl.OnState(func(s core.State, why error) { states <- s.String() + ": " + core.CodeOf(why).String() })
	require.NoError(t, cl.Connect(t.Context()))
	defer cl.Close()
	pid, err := core.Call[int](t.Context(), cl, "pid", nil)
	require.NoError(t, err)
	require.Equal(t, first.Process.Pid, pid)
	require.Equal(t, "connected: none", <-states)

	require.NoError(t, first.Process.Kill())
	require.Equal(t, "reconnecting: connection lost", <-states)
	calling := make(chan error, 1)
	go func() {
		_, err := core.Call[int](t.Context(), cl, "pid", nil)
		calling <- err
	}()
	second, out := child(t, "server", addr)
	require.True(t, out.Scan(), "it listens on the same port")
	require.Equal(t, "disconnected: connection lost", <-states)
	require.Equal(t, "connected: none", <-states)
	<-calling // answered by the second server, or failed with the session
	pid, err = core.Call[int](t.Context(), cl, "pid", nil)
	require.NoError(t, err)
	require.Equal(t, second.Process.Pid, pid)
}
