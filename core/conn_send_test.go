package core

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/wire"
)

// Messages to one client arrive in the order in which they were sent, to it alone or to all, and of
// any size.
func TestBroadcastsAndSendsInOrder(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		var got kept[int]
		cl := w.client("ada")
		cl.OnBytes("n", func(_ context.Context, _ *Conn, b []byte) error {
			var n int
			_, err := fmt.Sscan(string(b[:6]), &n)
			got.Add(n)
			return err
		})
		w.serve()
		w.join(cl)
		c := first(w)
		const count = 1000
		for i := range count {
			payload := fmt.Appendf(nil, "%6d", i)
			if i%50 < 2 { // two in a row: both ways get large payloads
				payload = append(payload, make([]byte, 8<<10)...)
			}
			if i%2 == 0 {
				require.NoError(t, w.srv.All().SendBytes("n", payload))
			} else {
				require.NoError(t, c.SendBytes("n", payload))
			}
		}
		synctest.Wait()
		require.Len(t, got.All(), count)
		for i, n := range got.All() {
			require.Equal(t, i, n)
		}
		require.NoError(t, cl.Close())
	})
}

// callAtOnce makes n calls at once. The result of each call is sent on the channel.
func callAtOnce(ctx context.Context, cl *Client, n int, command string, payload []byte) <-chan error {
	results := make(chan error, n)
	for range n {
		go func() {
			_, err := cl.CallBytes(ctx, command, payload)
			results <- err
		}()
	}
	return results
}

// A client that makes many calls and reads the answers is not taken for a slow one: answers that
// together exceed the queue's bound wait for room.
func TestManyBigAnswersDoNotEndTheConn(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		answer := make([]byte, 100<<10)
		w.srv.HandleBytes("big", func(context.Context, *Conn, []byte) ([]byte, error) { return answer, nil })
		w.serve()
		cl := w.join(w.client("ada"))
		const calls = 30
		results := callAtOnce(w.ctx, cl, calls, "big", nil)
		for range calls {
			require.NoError(t, <-results)
		}
		require.NoError(t, cl.Close())
	})
}

// Calls that wait for room do not starve other senders: a command of the same program gets its
// place among any number of calls.
func TestSendBesideManyCalls(t *testing.T) {
	tests := map[string]time.Duration{"quick handler": 2 * time.Millisecond, "slow handler": 20 * time.Millisecond}
	for name, takes := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				t := w.t
				var heard kept[int]
				w.srv.HandleBytes("work", func(context.Context, *Conn, []byte) ([]byte, error) {
					time.Sleep(takes)
					return nil, nil
				})
				w.srv.OnBytes("note", func(_ context.Context, _ *Conn, b []byte) error { heard.Add(len(b)); return nil })
				w.serve()
				cl := w.join(w.client("ada"))
				const calls, size, notes = 200, 10 << 10, 5
				results := callAtOnce(w.ctx, cl, calls, "work", make([]byte, size))
				synctest.Wait() // as many as may be are queued
				for range notes {
					require.NoError(t, cl.SendBytes("note", make([]byte, size), Wait(w.ctx)))
					time.Sleep(5 * takes)
				}
				for range calls {
					require.NoError(t, <-results)
				}
				synctest.Wait()
				require.Len(t, heard.All(), notes)
				require.NoError(t, cl.Close())
			})
		})
	}
}

// Giving up all calls at once does not overflow a full queue. The connection goes on.
func TestGiveUpInFullQueue(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{InboxBytes: 8 << 10}}, func(w *world) {
		t := w.t
		release := make(chan struct{})
		w.srv.HandleBytes("wait", func(context.Context, *Conn, []byte) ([]byte, error) { <-release; return []byte("done"), nil })
		w.srv.OnBytes("note", func(context.Context, *Conn, []byte) error { return nil })
		w.serve()
		cl := newTestClient(w.lis, &ClientOptions{Retry: Retry{Off: true}, Name: "ada", QueueBytes: 16 << 10})
		w.clients = append(w.clients, cl)
		w.join(cl)
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		results := []<-chan error{callAtOnce(ctx, cl, 40, "wait", make([]byte, 4<<10))}
		time.Sleep(100 * time.Millisecond) // they fill the inbox and the stream
		results = append(results, callAtOnce(ctx, cl, 3000, "wait", nil))
		synctest.Wait() // the calls without a payload fill the queue, as far as they may
		c := cl.Conn()
		room := 16<<10 - c.Stats().Waiting
		payload := make([]byte, 2*room-wire.CommandSize("note", room))
		dst, no := c.out.Begin(room, outbox.Data) // fills the rest, like a sender that does not wait
		require.Nil(t, no)
		c.out.Commit(wire.AppendCommand(dst, "note", payload))
		for _, r := range results {
			for range cap(r) {
				require.ErrorIs(t, <-r, context.DeadlineExceeded)
			}
		}
		synctest.Wait()
		require.NoError(t, cl.Err())

		close(release)
		answer, err := cl.CallBytes(w.ctx, "wait", nil)
		require.NoError(t, err)
		require.Equal(t, "done", string(answer))
		require.NoError(t, cl.Close())
	})
}

// Each message passes the send middleware, also before the server serves and at the moment it
// begins.
func TestSendMiddlewareBeforeServing(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		var seen atomic.Int32
		w.srv.UseSend(func(next SendFunc) SendFunc {
			return func(out *Outgoing) error {
				seen.Add(1)
				return next(out)
			}
		})
		require.NoError(t, w.srv.All().SendBytes("n", nil))
		require.Equal(t, int32(1), seen.Load())
		w.serve()
		const count = 100
		for range count { // beside Serve, for the race detector
			require.NoError(t, w.srv.All().SendBytes("n", nil))
		}
		require.Equal(t, int32(1+count), seen.Load())
	})
}

// A client whose queue is full is disconnected with a reason. Other clients are not affected.
func TestSlowConsumer(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 32 << 10}}, func(w *world) {
		var gone kept[string]
		w.srv.OnLeave(func(c *Conn, why error) { gone.Add(c.Name() + ": " + CodeOf(why).String()) })
		w.serve()
		stuck := w.hello(&wire.Hello{Name: "stuck"})
		var got kept[int]
		cl := w.client("ada")
		On(cl, "n", func(_ context.Context, _ *Conn, s string) error { got.Add(len(s)); return nil })
		w.join(cl)
		big := strings.Repeat("x", 4<<10)
		for range 100 {
			require.NoError(t, w.srv.All().Send("n", big))
			synctest.Wait()
		}
		require.Len(t, got.All(), 100)
		require.Equal(t, 1, w.srv.Len())
		require.Equal(t, []string{}, append([]string{}, gone.All()...), "the goodbye waits for what is being written")
		reason := stuck.WantGoodbye(CodeSlowConsumer, "").Reason
		require.Contains(t, reason, "limit 32768 B")
		synctest.Wait()
		require.Equal(t, []string{"stuck: slow consumer"}, gone.All())
		require.NoError(t, cl.Close())
	})
}

// One frame is let into an empty queue, however large.
func TestFrameLargerThanQueue(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 1 << 10}}, func(w *world) {
		w.serve()
		cl := w.client("ada")
		var got kept[int]
		cl.OnBytes("n", func(_ context.Context, _ *Conn, b []byte) error { got.Add(len(b)); return nil })
		w.join(cl)
		c, err := w.srv.Client("ada")
		require.NoError(t, err)
		require.NoError(t, c.SendBytes("n", make([]byte, 500_000)))
		synctest.Wait()
		require.Equal(t, []int{500_000}, got.All())

		limit := wire.DefaultMaxFrame
		fits := limit - (wire.CommandSize("n", 0) - wire.Size(0))
		require.NoError(t, c.SendBytes("n", make([]byte, fits)))
		synctest.Wait()
		require.Equal(t, []int{500_000, fits}, got.All())
		require.Equal(t, CodeTooBig, CodeOf(c.SendBytes("n", make([]byte, fits+1))))
		require.NoError(t, c.Send("n", "the connection goes on"))
		require.NoError(t, cl.Close())
	})
}

// The reader may begin to wait for a handler just as the handler tries to send: then the handler tries once more, as one whose acks are not read.
func TestReaderBeginsToWaitWhileHandlerTries(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		tried := make(chan outbox.Class, 3)
		ended := make(chan error, 1)
		w.srv.OnBytes("go", func(ctx context.Context, c *Conn, _ []byte) error {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			ended <- c.awaitRoom(ctx, c, 1, 0, func(as outbox.Class) *outbox.Refusal {
				tried <- as
				if len(tried) > 1 {
					return nil
				}
				c.progress.awaitsRoom.Store(true) // stands for the reader
				c.out.Nudge()
				return &outbox.Refusal{Why: outbox.Full, Room: make(chan struct{})}
			})
			c.progress.awaitsRoom.Store(false)
			return nil
		})
		w.serve()
		cl := w.join(w.client("ada"))
		require.NoError(t, cl.SendBytes("go", nil))
		require.NoError(t, <-ended)
		require.Equal(t, outbox.Patient|outbox.Await, <-tried)
		require.Equal(t, outbox.Patient|outbox.Unread|outbox.Await, <-tried)
		require.NoError(t, cl.Close())
	})
}
