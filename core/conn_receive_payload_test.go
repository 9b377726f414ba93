package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// A payload over the bound of a handler reaches no codec, no middleware and no handler. The caller
// is told of it, or the error hook if the message is no call. The connection goes on.
func TestMaxPayload(t *testing.T) {
	bound := MaxPayload(10)
	command := func(payload string) []byte { return wire.AppendCommand(nil, "x", []byte(payload)) }
	call := func(payload string) []byte { return wire.AppendRequest(nil, 7, "x", []byte(payload)) }
	raw := func(payload string) []byte { return wire.AppendRaw(nil, []byte(payload)) }
	tests := map[string]struct {
		frame    func(payload string) []byte
		register func(srv *Server, got func(string) error)
		fault    string // message of the error hook; empty for a call, whose caller has the error
	}{
		"command": {command, func(srv *Server, got func(string) error) {
			On(srv, "x", func(_ context.Context, _ *Conn, in string) error { return got(in) }, bound)
		}, "command"},
		"concurrent command": {command, func(srv *Server, got func(string) error) {
			srv.OnBytes("x", func(_ context.Context, _ *Conn, in []byte) error { return got(string(in)) }, bound, Concurrent())
		}, "command"},
		"command of two values": {command, func(srv *Server, got func(string) error) {
			On2(srv, "x", func(_ context.Context, _ *Conn, a, b int) error { return got("[1,2]     ") }, bound)
		}, "command"},
		"any command": {command, func(srv *Server, got func(string) error) {
			srv.OnAny(func(_ context.Context, _ *Conn, f Frame) error { return got(string(f.Payload)) }, bound)
		}, "command"},
		"call": {call, func(srv *Server, got func(string) error) {
			Handle(srv, "x", func(_ context.Context, _ *Conn, in string) (string, error) { return "", got(in) }, bound)
		}, ""},
		"concurrent call": {call, func(srv *Server, got func(string) error) {
			srv.HandleBytes("x", func(_ context.Context, _ *Conn, in []byte) ([]byte, error) { return nil, got(string(in)) }, bound, Concurrent())
		}, ""},
		"any call": {call, func(srv *Server, got func(string) error) {
			srv.HandleAny(func(_ context.Context, _ *Conn, f Frame) ([]byte, error) { return nil, got(string(f.Payload)) }, bound)
		}, ""},
		"raw message": {raw, func(srv *Server, got func(string) error) {
			OnMessage(srv, func(_ context.Context, _ *Conn, in string) error { return got(in) }, bound)
		}, "raw message"},
		"message handler": {command, func(srv *Server, got func(string) error) {
			srv.OnMessage(func(_ context.Context, _ *Conn, f Frame) error { return got(string(f.Payload)) }, bound)
		}, "command"},
	}
	for name, tc := range tests {
		for _, slow := range []string{"", ", behind a slow handler"} {
			if slow != "" && !hasCrowd { // a slow handler's frame waits for its turn there
				continue
			}
			t.Run(name+slow, func(t *testing.T) {
				inWorld(t, nil, func(w *world) {
					var got kept[string]
					var faults kept[string]
					tc.register(w.srv, func(in string) error { got.Add(in); return nil })
					release := make(chan struct{})
					w.srv.OnBytes("slow", func(context.Context, *Conn, []byte) error { <-release; return nil })
					w.srv.Use(func(next Handler) Handler {
						return func(ctx context.Context, c *Conn, f Frame) ([]byte, error) {
							require.LessOrEqual(t, len(f.Payload), 10)
							return next(ctx, c, f)
						}
					})
					w.srv.OnError(func(_ *Conn, err error) {
						require.Equal(t, CodeTooBig, CodeOf(err))
						faults.Add(err.Error())
					})
					w.serve()
					p := w.hello(&wire.Hello{})
					if slow != "" {
						p.Send(wire.AppendCommand(nil, "slow", nil))
						synctest.Wait()
						yieldsSoon(w)
					}
					for range 3 { // also as the command before was
						p.Send(append(tc.frame("[1,2]      "), tc.frame("[1,2]      ")...))
						if tc.fault == "" {
							require.Contains(t, string(p.Want().Body), "payload 11 B exceeds the handler's limit 10 B")
							require.Contains(t, string(p.Want().Body), "payload 11 B exceeds the handler's limit 10 B")
						}
					}
					synctest.Wait()
					require.Zero(t, first(w).turn.Bytes())
					close(release)
					synctest.Wait()
					for _, in := range got.All() {
						require.Empty(t, in, "of the slow command")
					}
					p.Send(tc.frame("[1,2]     "))
					synctest.Wait()
					require.Equal(t, "[1,2]     ", got.All()[len(got.All())-1])
					if tc.fault == "" {
						require.Empty(t, faults.All())
						require.Equal(t, wire.KindReply, p.Want().Kind)
					} else {
						require.Len(t, faults.All(), 6)
						require.Contains(t, faults.All()[0], tc.fault)
						require.Contains(t, faults.All()[0], "payload 11 B exceeds the handler's limit 10 B")
					}
					require.NoError(t, p.Stream.Close())
				})
			})
		}
	}
}

// yieldsSoon waits until the reading has been taken from a slow handler.
func yieldsSoon(w *world) {
	for !first(w).turn.Handed() {
		time.Sleep(handlerTick)
	}
}

// The handler of a command and the message handler each have their own bound.
func TestMaxPayloadOfEachTaker(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got, faults kept[string]
		w.srv.OnBytes("x", func(_ context.Context, _ *Conn, in []byte) error { got.Add("own"); return nil }, MaxPayload(3))
		w.srv.OnMessage(func(_ context.Context, _ *Conn, f Frame) error { got.Add("message"); return nil }, MaxPayload(5))
		w.srv.OnError(func(_ *Conn, err error) { faults.Add(err.Error()) })
		w.serve()
		cl := w.join(w.client("ada"))
		for _, payload := range []string{"123", "1234", "123456"} {
			require.NoError(t, cl.Send("x", payload))
		}
		synctest.Wait()
		require.Equal(t, []string{"own", "message", "message"}, got.All())
		require.Len(t, faults.All(), 3)
	})
}

// The smallest of several bounds holds, whatever their order. A negative bound is none.
func TestMaxPayloadOptions(t *testing.T) {
	most := func(opts ...HandlerOption) int { return newHandler("x", nil, opts).maxPayload }
	require.Equal(t, 0, most(MaxPayload(0)))
	require.Equal(t, 5, most(MaxPayload(5), Concurrent(), MaxPayload(7)))
	require.Greater(t, most(MaxPayload(-1)), 1<<30)
	require.Equal(t, most(), most(MaxPayload(-1)))
}
