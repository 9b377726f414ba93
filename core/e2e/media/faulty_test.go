//go:build !js

package media_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/faulty"
)

// inFaulty runs f in a bubble with a server, and shuts the server down. Commands "count" go to
// heard. The server's connections and dialer have the faults of a plan.
func inFaulty(t *testing.T, seed uint64, plan *faulty.Plan, f func(t *testing.T, dialer, sound transport.Dialer, heard chan int)) {
	synctest.Test(t, func(t *testing.T) {
		t.Logf("seed %d", seed)
		heard := make(chan int, harness.EventRoom)
		lis := transport.NewPipeListener()
		there := faulty.Random(seed, plan)
		srv := harness.NewServer(nil)
		srv.HandleBytes("echo", harness.Echo)
		core.On(srv, "count", func(_ context.Context, _ *core.Conn, i int) error {
			heard <- i
			return nil
		})
		go srv.Serve(t.Context(), faulty.Listener(lis, func(n int) faulty.Script {
			if n == 0 { // the sound client's connection
				return nil
			}
			return there(n)
		}))
		defer func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			require.NoError(t, srv.Shutdown(ctx))
		}()
		f(t, faulty.Dialer(lis, faulty.Random(seed+1, plan)), lis, heard)
	})
}

// count connects, sends numbers up to n, and returns the error that stopped it, if any.
func count(t *testing.T, d transport.Dialer, n int) error {
	cl := harness.NewClient(d, &core.ClientOptions{Name: "ada"})
	defer func() {
		cl.Close()
		<-cl.Done()
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if err := cl.Connect(ctx); err != nil {
		return err
	}
	for i := range n {
		if err := cl.Send("count", i); err != nil {
			return err
		}
	}
	_, err := cl.CallBytes(ctx, "echo", make([]byte, 500))
	return err
}

// Connections that are slow, or deliver a byte at a time, carry everything all the same.
func TestSlowNetwork(t *testing.T) {
	plan := &faulty.Plan{Delay: 0.5, Dribble: 0.5, Stall: 0.5, Within: 2000, MaxDelay: time.Millisecond}
	for seed := range uint64(20) {
		inFaulty(t, seed, plan, func(t *testing.T, dialer, sound transport.Dialer, heard chan int) {
			const commands = 100
			require.NoError(t, count(t, sound, 0))
			require.NoError(t, count(t, dialer, commands))
			require.Len(t, heard, commands)
			for i := range commands {
				require.Equal(t, i, <-heard)
			}
		})
	}
}

// Connections that break in any way lose messages only at the end: the server hears a beginning of
// what was sent. Another client is served.
func TestBreakingNetwork(t *testing.T) {
	plan := &faulty.Plan{Delay: 0.2, Dribble: 0.3, Stall: 0.2, HalfClose: 0.3, Cut: 0.3, Reset: 0.3, Within: 3000, MaxStall: -1}
	failed := 0
	for seed := range uint64(60) {
		inFaulty(t, seed, plan, func(t *testing.T, dialer, sound transport.Dialer, heard chan int) {
			good := harness.NewClient(sound, &core.ClientOptions{Name: "good"})
			defer func() {
				good.Close()
				<-good.Done()
			}()
			require.NoError(t, good.Connect(t.Context()))
			const commands = 200
			err := count(t, dialer, commands)
			if err != nil {
				failed++
				require.NotEqual(t, core.CodeInternal.String(), core.CodeOf(err).String(), "%v", err)
			}
			got := len(heard)
			if err == nil {
				require.Equal(t, commands, got)
			}
			for i := range got {
				require.Equal(t, i, <-heard)
			}
			answer, err := good.CallBytes(t.Context(), "echo", []byte("undisturbed"))
			require.NoError(t, err)
			require.Equal(t, "undisturbed", string(answer))
		})
	}
	require.NotZero(t, failed, "the faults are none") // how many faults are met depends on who writes when
}

// A byte that is changed on the way ends at most its own connection.
func TestCorruptingNetwork(t *testing.T) {
	plan := &faulty.Plan{Corrupt: 1, Within: 600}
	for seed := range uint64(60) {
		inFaulty(t, seed, plan, func(t *testing.T, dialer, sound transport.Dialer, _ chan int) {
			good := harness.NewClient(sound, &core.ClientOptions{Name: "good"})
			defer func() {
				good.Close()
				<-good.Done()
			}()
			require.NoError(t, good.Connect(t.Context()))
			count(t, dialer, 20) //nolint:errcheck // any result is right
			answer, err := good.CallBytes(t.Context(), "echo", []byte("undisturbed"))
			require.NoError(t, err)
			require.Equal(t, "undisturbed", string(answer))
		})
	}
}
