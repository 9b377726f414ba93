//go:build !js

package core

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// Calls over the limit are answered at once; the connection, and the calls before, go on.
func TestMaxCalls(t *testing.T) {
	tests := map[string][]HandlerOption{
		"one at a time": nil,
		"concurrent":    {Concurrent()},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Limits: Limits{MaxCalls: 5}}, func(w *world) {
				release := make(chan struct{})
				w.srv.HandleBytes("slow", func(context.Context, *Conn, []byte) ([]byte, error) { <-release; return nil, nil }, opts...)
				w.serve()
				p := w.hello(&wire.Hello{})
				for id := range uint64(5) {
					p.Send(wire.AppendRequest(nil, id+1, "slow", nil))
					time.Sleep(3 * handlerTick)
				}
				for id := range uint64(3) {
					p.Send(wire.AppendRequest(nil, id+10, "slow", nil))
					got, code := p.WantAnswer()
					require.Equal(t, id+10, got)
					require.Equal(t, CodeTooManyCalls.String(), code.String())
				}
				close(release)
				var answered []uint64
				for range 5 {
					id, code := p.WantAnswer()
					require.Equal(t, CodeNone, code)
					answered = append(answered, id)
				}
				require.ElementsMatch(t, []uint64{1, 2, 3, 4, 5}, answered)
				synctest.Wait()
				p.Send(wire.AppendRequest(nil, 20, "slow", nil))
				id, code := p.WantAnswer()
				require.Equal(t, uint64(20), id)
				require.Equal(t, CodeNone, code)
			})
		})
	}
}

// A call that was given up while it waited does not count.
func TestMaxCallsGivenUp(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxCalls: 3}}, func(w *world) {
		release := make(chan struct{})
		w.srv.HandleBytes("slow", func(context.Context, *Conn, []byte) ([]byte, error) { <-release; return nil, nil })
		w.serve()
		p := w.hello(&wire.Hello{})
		p.Send(wire.AppendRequest(nil, 1, "slow", nil))
		time.Sleep(3 * handlerTick)
		for id := uint64(2); id < 50; id++ {
			p.Send(wire.AppendRequest(nil, id, "slow", nil))
			p.Send(wire.AppendCancel(nil, id))
			p.Send(wire.AppendCancel(nil, id))
		}
		p.Send(wire.AppendRequest(nil, 50, "slow", nil))
		p.Send(wire.AppendRequest(nil, 51, "slow", nil))
		p.Send(wire.AppendRequest(nil, 52, "slow", nil))
		id, code := p.WantAnswer()
		require.Equal(t, uint64(52), id)
		require.Equal(t, CodeTooManyCalls.String(), code.String())
		close(release)
		for _, want := range []uint64{1, 50, 51} {
			id, code := p.WantAnswer()
			require.Equal(t, want, id)
			require.Equal(t, CodeNone, code)
		}
		synctest.Wait()
		require.Zero(t, first(w).callsOpen())
	})
}

func TestMaxCommand(t *testing.T) {
	for _, limit := range []int{8, 1000} {
		inWorld(t, &ServerOptions{Limits: Limits{MaxCommand: limit}}, func(w *world) {
			var faults, got kept[string]
			w.srv.OnError(func(_ *Conn, err error) { faults.add(CodeOf(err).String()) })
			most := strings.Repeat("c", limit)
			w.srv.OnBytes(most, func(_ context.Context, _ *Conn, b []byte) error { got.add(string(b)); return nil })
			w.srv.HandleBytes(most, func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil })
			w.srv.OnMessage(func(_ context.Context, _ *Conn, f Frame) error { got.add("any"); return nil })
			w.srv.HandleAny(func(context.Context, *Conn, Frame) ([]byte, error) { return nil, nil })
			require.Panics(t, func() {
				w.srv.OnBytes(most+"c", func(context.Context, *Conn, []byte) error { return nil })
			})
			w.serve()
			cl := w.join(w.client("ada"))
			require.NoError(t, cl.SendBytes(most, []byte("x")))
			reply, err := cl.CallBytes(w.ctx, most, []byte("y"))
			require.NoError(t, err)
			require.Equal(t, "y", string(reply))
			require.Equal(t, CodeBadName, CodeOf(cl.SendBytes(most+"c", nil)), "the client was told the limit")
			require.Equal(t, []string{"x", "any"}, got.all())

			p := w.hello(&wire.Hello{})
			p.Send(wire.AppendCommand(nil, most+"c", nil))
			p.Send(wire.AppendRequest(nil, 1, most+"c", nil))
			_, code := p.WantAnswer()
			require.Equal(t, CodeBadName.String(), code.String())
			require.Equal(t, []string{"bad name"}, faults.all())
			require.Len(t, got.all(), 2)
			require.NoError(t, cl.Close())
		})
	}
}

func TestWelcomeTellsLimits(t *testing.T) {
	tests := map[string]struct {
		opts           ServerOptions
		calls, command uint64
	}{
		"by default": {calls: 1024, command: 256},
		"set":        {opts: ServerOptions{Limits: Limits{MaxCalls: 7, MaxCommand: 9}}, calls: 7, command: 9},
		"off":        {opts: ServerOptions{Limits: Limits{MaxCalls: -1}}, calls: 0, command: 256},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &tc.opts, func(w *world) {
				w.serve()
				p := w.peer()
				p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{}))
				got, err := wire.ParseWelcome(p.Want().Body, nil)
				require.NoError(t, err)
				require.Equal(t, tc.calls, got.MaxCalls)
				require.Equal(t, tc.command, got.MaxCommand)
			})
		})
	}
}
