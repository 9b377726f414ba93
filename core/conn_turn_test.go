package core

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// A slow handler keeps later commands waiting, in order. Answers to calls and heartbeats do not
// wait.
func TestSlowHandler(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var order kept[string]
		release := make(chan struct{})
		On(w.srv, "slow", func(context.Context, *Conn, struct{}) error {
			<-release
			order.Add("slow")
			return nil
		})
		On(w.srv, "quick", func(_ context.Context, _ *Conn, n int) error {
			order.Add(fmt.Sprint(n))
			return nil
		})
		w.serve()
		p := w.hello(&wire.Hello{})
		p.Send(wire.AppendCommand(nil, "slow", nil))
		for i := range 20 {
			p.Send(wire.AppendCommand(nil, "quick", fmt.Append(nil, i)))
		}
		synctest.Wait()
		require.Empty(t, order.All())

		time.Sleep(3 * handlerTick) // the sweeper takes the reading over
		p.Send(wire.AppendPing(nil, 7))
		f := p.Want()
		require.Equal(t, wire.KindPong, f.Kind)

		close(release)
		synctest.Wait()
		require.Len(t, order.All(), 21)
		require.Equal(t, []string{"slow", "0", "1"}, order.All()[:3])
		require.Equal(t, "19", order.All()[20])

		// The reader runs handlers itself again.
		p.Send(wire.AppendCommand(nil, "quick", []byte("99")))
		synctest.Wait()
		require.Equal(t, "99", order.All()[21])
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// Frames that were queued before a slow handler began are written while it runs.
func TestSlowHandlerDoesNotDelayReplies(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		release := make(chan struct{})
		On(w.srv, "slow", func(context.Context, *Conn, struct{}) error { <-release; return nil })
		w.srv.HandleBytes("echo", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil })
		w.serve()
		p := w.hello(&wire.Hello{})
		both := wire.AppendCommand(wire.AppendRequest(nil, 1, "echo", []byte("hi")), "slow", nil)
		p.Send(both)
		f := p.Want() // comes while slow still runs
		require.Equal(t, wire.KindReply, f.Kind)
		close(release)
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// When the inbox is full during a slow handler, reading stops until there is room. The peer's
// writes block, and neither end takes the other for dead.
func TestInboxFull(t *testing.T) {
	opts := &ServerOptions{Limits: Limits{InboxBytes: 4 << 10}, Timeouts: Timeouts{Heartbeat: time.Second}}
	inWorld(t, opts, func(w *world) {
		release := make(chan struct{})
		var got kept[int]
		On(w.srv, "n", func(_ context.Context, _ *Conn, n int) error {
			if n == 0 {
				<-release
			}
			got.Add(n)
			return nil
		})
		w.serve()
		cl := w.join(w.client("ada"))
		const count = 5000
		sent := make(chan error, 1)
		go func() {
			for i := range count {
				if err := cl.Send("n", i); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		time.Sleep(10 * time.Second) // many heartbeats
		synctest.Wait()
		c, err := w.srv.Client("ada")
		require.NoError(t, err)
		require.True(t, c.progress.awaitsRoom.Load())
		require.LessOrEqual(t, c.turn.Bytes(), 4<<10)
		close(release)
		require.NoError(t, <-sent)
		synctest.Wait()
		require.Len(t, got.All(), count)
		for i, n := range got.All() {
			require.Equal(t, i, n)
		}
		require.NoError(t, cl.Close())
	})
}

// Handlers on both sides call each other back, several calls deep.
func TestCallsWithinCalls(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		down := func(ctx context.Context, c *Conn, n int) (int, error) {
			if n == 0 {
				return 0, nil
			}
			below, err := Call[int](ctx, c, "down", n-1)
			return below + 1, err
		}
		Handle(w.srv, "down", down, Concurrent())
		w.serve()
		cl := w.client("ada")
		Handle(cl, "down", down, Concurrent())
		w.join(cl)
		depth, err := Call[int](w.ctx, cl, "down", 30)
		require.NoError(t, err)
		require.Equal(t, 30, depth)
		require.NoError(t, cl.Close())
	})
}

// A connection is read while its handler calls another connection.
func TestHandlerCallsAnotherConn(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		Handle(w.srv, "ask", func(ctx context.Context, _ *Conn, name string) (string, error) {
			other, err := w.srv.Client(name)
			if err != nil {
				return "", err
			}
			return Call[string](ctx, other, "answer", nil)
		})
		w.serve()
		ada, bob := w.client("ada"), w.client("bob")
		both := func(cl, other *Client, name string) {
			Handle(cl, "answer", func(context.Context, *Conn, struct{}) (string, error) {
				// The connection is asked itself while its handler waits in "ask".
				return name, nil
			})
		}
		both(ada, bob, "I am ada")
		both(bob, ada, "I am bob")
		w.join(ada)
		w.join(bob)
		answers := make(chan string, 2)
		go func() { s, err := Call[string](w.ctx, ada, "ask", "bob"); answers <- fmt.Sprint(s, err) }()
		go func() { s, err := Call[string](w.ctx, bob, "ask", "ada"); answers <- fmt.Sprint(s, err) }()
		got := []string{<-answers, <-answers}
		require.ElementsMatch(t, []string{"I am bob<nil>", "I am ada<nil>"}, got)
		require.NoError(t, ada.Close())
		require.NoError(t, bob.Close())
	})
}

// A peer that does not read cannot stop the server from reading: the replies to it wait.
func TestPeerThatDoesNotRead(t *testing.T) {
	opts := &ServerOptions{Limits: Limits{QueueBytes: 8 << 20, InboxBytes: 32 << 10}, Timeouts: Timeouts{Write: time.Minute}}
	inWorld(t, opts, func(w *world) {
		w.srv.OnBytes("echo", func(_ context.Context, c *Conn, b []byte) error { return c.SendBytes("echo", b) })
		w.serve()
		p := w.hello(&wire.Hello{})
		payload := make([]byte, 16<<10)
		sent := make(chan error, 1)
		go func() {
			for range 20 {
				if _, err := p.Stream.Write(wire.AppendCommand(nil, "echo", payload)); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		time.Sleep(time.Second) // the server's flush is stuck: this peer has read nothing
		for range 20 {
			require.Len(t, p.WantCommand("echo"), len(payload))
		}
		require.NoError(t, <-sent)
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

func TestConcurrentHandlers(t *testing.T) {
	opts := &ServerOptions{Limits: Limits{MaxConcurrent: 3}}
	inWorld(t, opts, func(w *world) {
		var running kept[string]
		release := make(chan struct{})
		w.srv.OnBytes("work", func(_ context.Context, _ *Conn, b []byte) error {
			s := string(b)
			running.Add(s)
			<-release
			if s != string(b) {
				return errors.New("the payload changed under a running handler")
			}
			return nil
		}, Concurrent())
		On(w.srv, "after", func(context.Context, *Conn, struct{}) error { running.Add("after"); return nil })
		var faults kept[error]
		w.srv.OnError(func(_ *Conn, err error) { faults.Add(err) })
		w.serve()
		cl := w.join(w.client("ada"))
		for i := range 5 {
			require.NoError(t, cl.Send("work", i))
		}
		require.NoError(t, cl.Send("after", nil))
		time.Sleep(time.Second)
		synctest.Wait()
		require.ElementsMatch(t, []string{"0", "1", "2"}, running.All(), "no more than three at once")
		close(release)
		synctest.Wait()
		require.Len(t, running.All(), 6)
		require.Empty(t, faults.All())
		require.NoError(t, cl.Close())
	})
}
