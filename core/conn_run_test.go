package core

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// Answers are written while their batch is still being handled, even if each handler of the batch
// is quick.
func TestLongBatchDoesNotDelayReplies(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		w.srv.HandleBytes("echo", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) {
			time.Sleep(2 * time.Millisecond)
			return b, nil
		})
		w.serve()
		p := w.hello(&wire.Hello{})
		var batch []byte
		for id := range uint64(500) {
			batch = wire.AppendRequest(batch, id+1, "echo", nil)
		}
		start := time.Now()
		p.Send(batch)
		require.Equal(t, wire.KindReply, p.Want().Kind)
		require.Less(t, time.Since(start), 100*time.Millisecond, "of a second in all")
		require.NoError(t, p.Stream.Close())
	})
}

// Neither side takes the other for dead while a reader is busy for many heartbeats with the bytes
// that it has read.
func TestBusyReaderIsNotDead(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Heartbeat: 200 * time.Millisecond}}, func(w *world) {
		t := w.t
		var handled kept[struct{}]
		w.srv.OnBytes("work", func(context.Context, *Conn, []byte) error {
			time.Sleep(4 * time.Millisecond) // too quick to be taken over
			handled.Add(struct{}{})
			return nil
		})
		w.serve()
		cl := w.join(w.client("ada"))
		const count = 1000
		for range count {
			require.NoError(t, cl.SendBytes("work", nil))
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.NoError(t, cl.Err())
		require.Len(t, handled.All(), count)
		require.NoError(t, cl.Close())
	})
}

// A handler that calls its peer back can never have its answer while more frames wait after it than
// may wait. This ends the connection with a reason instead of blocking it for ever.
func TestCallBackBehindFullInbox(t *testing.T) {
	opts := &ServerOptions{Limits: Limits{InboxBytes: 2 << 10}, Timeouts: Timeouts{Heartbeat: time.Second, Write: 5 * time.Second}}
	inWorld(t, opts, func(w *world) {
		t := w.t
		var why kept[error]
		w.srv.OnLeave(func(_ *Conn, err error) { why.Add(err) })
		sent := make(chan struct{})
		On(w.srv, "ask", func(ctx context.Context, c *Conn, _ struct{}) error {
			<-sent // else a quick handler may have its answer before the next frame comes
			_, err := Call[string](ctx, c, "who", nil)
			return err
		})
		w.serve()
		cl := w.client("ada")
		Handle(cl, "who", func(context.Context, *Conn, struct{}) (string, error) { return "me", nil })
		w.join(cl)
		start := time.Now()
		for range 200 {
			require.NoError(t, cl.Send("ask", nil))
		}
		close(sent)
		select {
		case <-cl.Done():
		case <-time.After(time.Minute):
		}
		require.Equal(t, CodeSlowConsumer.String(), CodeOf(cl.Err()).String())
		require.True(t, IsRemote(cl.Err()), "the peer is told")
		require.GreaterOrEqual(t, time.Since(start), 5*time.Second)
		require.Less(t, time.Since(start), 10*time.Second)
		synctest.Wait()
		require.Len(t, why.All(), 1)
		require.Equal(t, CodeSlowConsumer.String(), CodeOf(why.All()[0]).String())
	})
}

// Handlers of both sides that call each other back at the same moment do not wait for each other if
// the called handlers are concurrent.
func TestMutualCallBack(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		var both sync.WaitGroup
		both.Add(2)
		back := func(ctx context.Context, c *Conn, _ struct{}) (string, error) {
			both.Done()
			both.Wait()
			return Call[string](ctx, c, "leaf", nil)
		}
		leaf := func(context.Context, *Conn, struct{}) (string, error) { return "leaf", nil }
		Handle(w.srv, "back", back)
		Handle(w.srv, "leaf", leaf, Concurrent())
		w.serve()
		cl := w.client("ada")
		Handle(cl, "back", back)
		Handle(cl, "leaf", leaf, Concurrent())
		w.join(cl)
		ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
		defer cancel()
		results := make(chan error, 2)
		for _, to := range []Caller{cl, first(w)} {
			go func() {
				_, err := Call[string](ctx, to, "back", nil)
				results <- err
			}()
		}
		require.NoError(t, <-results)
		require.NoError(t, <-results)
		require.NoError(t, cl.Close())
	})
}

// Concurrent handlers start while another handler runs. All other frames wait for the running
// handler.
func TestConcurrentBesideBlocked(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		var order kept[string]
		note := func(name string) func(context.Context, *Conn, []byte) error {
			return func(context.Context, *Conn, []byte) error { order.Add(name); return nil }
		}
		release := make(chan struct{})
		w.srv.OnBytes("block", func(context.Context, *Conn, []byte) error { <-release; order.Add("block"); return nil })
		w.srv.OnBytes("serial", note("serial"))
		w.srv.OnBytes("beside", note("beside"), Concurrent())
		w.srv.HandleBytes("echo", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil }, Concurrent())
		w.serve()
		cl := w.join(w.client("ada"))
		for _, command := range []string{"block", "serial", "beside"} {
			require.NoError(t, cl.SendBytes(command, nil))
		}
		ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
		defer cancel()
		answer, err := cl.CallBytes(ctx, "echo", []byte("hi"))
		require.NoError(t, err)
		require.Equal(t, "hi", string(answer))
		synctest.Wait()
		require.Equal(t, []string{"beside"}, order.All())
		close(release)
		synctest.Wait()
		require.Equal(t, []string{"beside", "block", "serial"}, order.All())
		require.NoError(t, cl.Close())
	})
}

// A handler that ends its goroutine, as a failed check of a test does, ends its connection with a
// reason, and no other.
func TestGoexitEndsOnlyItsConn(t *testing.T) {
	tests := map[string][]byte{
		"command":            wire.AppendCommand(nil, "exit", nil),
		"call":               wire.AppendRequest(nil, 1, "exit", nil),
		"concurrent command": wire.AppendCommand(nil, "exit beside", nil),
	}
	for name, frame := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				t := w.t
				var left kept[string]
				w.srv.OnLeave(func(c *Conn, why error) { left.Add(c.Name() + ": " + CodeOf(why).String()) })
				exit := func(context.Context, *Conn, []byte) ([]byte, error) { runtime.Goexit(); return nil, nil }
				w.srv.OnBytes("exit", func(ctx context.Context, c *Conn, b []byte) error { _, err := exit(ctx, c, b); return err })
				w.srv.OnBytes("exit beside", func(ctx context.Context, c *Conn, b []byte) error { _, err := exit(ctx, c, b); return err }, Concurrent())
				w.srv.HandleBytes("exit", exit)
				w.srv.HandleBytes("echo", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil })
				w.serve()
				cl := w.join(w.client("ada"))
				p := w.hello(&wire.Hello{Name: "eve"})
				p.Send(frame)
				p.WantGoodbye(CodeInternal, "")
				time.Sleep(time.Minute)
				synctest.Wait()
				require.Equal(t, []string{"eve: " + CodeInternal.String()}, left.All())
				answer, err := cl.CallBytes(w.ctx, "echo", []byte("still here"))
				require.NoError(t, err)
				require.Equal(t, "still here", string(answer))
				require.NoError(t, cl.Close())
			})
		})
	}
}

// A goroutine that has taken the reading over can lose it in turn, and the next one knows where to
// go on. A position that the former reader noted for a command that it could not begin has no
// effect.
func TestTakenOverAgain(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		var order kept[string]
		On(w.srv, "ask", func(ctx context.Context, c *Conn, n int) error {
			answer, err := c.CallBytes(ctx, "who", nil)
			order.Add(fmt.Sprint(n, string(answer)))
			return err
		})
		On(w.srv, "n", func(_ context.Context, _ *Conn, n int) error { order.Add(fmt.Sprint(n)); return nil })
		w.serve()
		p := w.hello(&wire.Hello{})
		answer := func() {
			f := p.Want()
			require.Equal(t, wire.KindRequest.String(), f.Kind.String())
			id, _, _, err := wire.ParseRequest(f.Body)
			require.NoError(t, err)
			p.Send(wire.AppendReply(nil, id, []byte("!")))
			synctest.Wait()
		}
		both := wire.AppendCommand(nil, "ask", []byte("1"))
		p.Send(wire.AppendCommand(both, "n", []byte("2")))
		answer()
		for range 3 {
			p.Send(wire.AppendCommand(nil, "ask", []byte("3")))
			answer()
		}
		require.Equal(t, []string{"1!", "2", "3!", "3!", "3!"}, order.All())
		p.Stream.Close() //nolint:errcheck // it is over
	})
}
