//go:build !js

package python_test

import (
	"context"
	"net"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// goroutine returns the id of the calling goroutine.
func goroutine() string {
	b := make([]byte, 64)
	return strings.Fields(string(b[:runtime.Stack(b, false)]))[1]
}

// spin calls step until done, like the loop of a game.
func (o *original) spin(done func() bool, step func() int) {
	o.t.Helper()
	for !done() {
		require.NoError(o.t, o.ctx.Err(), "nothing happens")
		if step() == 0 {
			runtime.Gosched()
		}
	}
}

// run() once per loop, blocking or not: all handlers on the calling goroutine
func TestRun(t *testing.T) {
	var events, on []string // without a lock: all on one goroutine
	note := func(event string) {
		events = append(events, event)
		on = append(on, goroutine())
	}
	o := newOriginal(t, &core.ServerOptions{Manual: true}, func(o *original) {
		o.srv.OnJoin(func(c *core.Conn) { note("join " + c.Name()) })
		o.srv.OnLeave(func(c *core.Conn, _ error) { note("leave " + c.Name()) })
		core.On(o.srv, "say", func(_ context.Context, c *core.Conn, text string) error {
			note(c.Name() + " " + text)
			return nil
		}, core.Concurrent())
		o.srv.OnMessage(func(_ context.Context, c *core.Conn, f core.Frame) error {
			note(c.Name() + " message")
			return nil
		})
	})
	require.Zero(t, o.srv.Update(0), "not blocking: nothing waits")

	ada := o.client(&core.ClientOptions{Name: "ada"})
	connected := make(chan error, 1)
	go func() { connected <- ada.Connect(o.ctx) }()
	o.spin(func() bool { return len(connected) > 0 }, func() int { return o.srv.Update(0) })
	require.NoError(t, <-connected)
	o.spin(func() bool { return len(events) == 1 }, func() int { return o.srv.Update(0) })
	require.Equal(t, []string{"join ada"}, events)

	bob := dialPython(t, o.addr)
	bob.sends(pythonHello("bob", ""), "say hello", "raw")
	o.spin(func() bool { return len(events) == 5 }, func() int { return o.srv.Update(0) })
	require.NoError(t, ada.Send("say", "hello"))
	o.spin(func() bool { return len(events) == 7 }, func() int { return o.srv.Update(0) })
	want := []string{"join ada", "join bob", "bob hello", "bob message", "bob message", "ada hello", "ada message"}
	require.Equal(t, want, events)

	t.Run("blocking", func(t *testing.T) {
		ctx, enough := context.WithCancel(o.ctx)
		defer enough()
		calls := make(chan error, 1)
		go func() {
			_, err := core.Call[string](o.ctx, ada, "echo", "served by Run")
			calls <- err
			enough()
		}()
		require.ErrorIs(t, o.srv.Run(ctx), context.Canceled)
		require.NoError(t, <-calls)
		require.ErrorIs(t, o.srv.Run(ctx), context.Canceled, "at once")
	})
	bob.vanishes()
	o.spin(func() bool { return len(events) == 8 }, func() int { return o.srv.Update(0) })
	require.NoError(t, ada.Close())
	require.NoError(t, o.srv.Shutdown(o.ctx), "it runs what is left")
	require.Equal(t, append(want, "leave bob", "leave ada"), events)
	for _, g := range on {
		require.Equal(t, goroutine(), g)
	}
	require.NoError(t, o.srv.Run(o.ctx), "there is nothing to wait for any more")
}

// ThreadedHiSockServer, start_threaded_server: start, stop, join
func TestThreadedServer(t *testing.T) {
	var running atomic.Int32
	// Bob does not hang up, like a busy Python program.
	o := newOriginal(t, &core.ServerOptions{Timeouts: core.Timeouts{Close: 100 * time.Millisecond}}, func(o *original) {
		core.On(o.srv, "long", func(ctx context.Context, _ *core.Conn, _ struct{}) error {
			running.Add(1)
			o.heard <- "began"
			<-ctx.Done()
			running.Add(-1)
			return nil
		}, core.Concurrent())
	})
	joined := make(chan struct{}) // closed by a goroutine that waits for the end without causing it
	go func() {
		defer close(joined)
		<-o.srv.Done()
	}()
	ada, bob := o.join("ada"), o.python("bob", "")
	o.check(ada) // it runs by itself
	require.NoError(t, ada.Send("long", nil))
	o.hears("began")
	select {
	case <-o.srv.Done():
		require.Fail(t, "it has not been stopped")
	default:
	}

	require.NoError(t, o.srv.Shutdown(o.ctx))
	// All has stopped, also for idle clients. Nothing is waited for here.
	require.Zero(t, running.Load())
	require.Len(t, o.leaves, 2)
	require.Zero(t, o.srv.Len())
	require.Empty(t, o.srv.ListenAddrs())
	_, err := net.Dial("tcp", o.addr)
	require.Error(t, err)
	<-o.srv.Done()

	<-joined
	require.NoError(t, <-o.served)
	bob.gets("$DISCONN$")
	bob.ends()
	<-ada.Done()
	require.Equal(t, core.CodeShutdown, core.CodeOf(ada.Err()))
	require.NoError(t, o.srv.Shutdown(o.ctx), "again is nothing")
	require.Empty(t, o.faults)
}

// A server that nobody has joined can be stopped. The original's cannot.
func TestThreadedServerIdle(t *testing.T) {
	o := newOriginal(t, nil)
	waits := dialPython(t, o.addr) // a newcomer that has sent nothing yet
	require.NoError(t, o.srv.Shutdown(o.ctx))
	<-o.srv.Done()
	require.NoError(t, ignore(<-o.served, core.CodeShutdown), "it may not have begun")
	waits.rest()
}

// ignore returns err, or nil if err has that code.
func ignore(err error, code core.Code) error {
	if core.CodeOf(err) == code {
		return nil
	}
	return err
}
