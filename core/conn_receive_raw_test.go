package core

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/turn"
	"github.com/hisock/hisock/core/wire"
)

func TestRaw(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		// The handler of a command waits for a raw message on the same connection.
		On(w.srv, "upload", func(ctx context.Context, c *Conn, _ struct{}) error {
			b, err := c.RecvRaw(ctx)
			if err != nil {
				return err
			}
			return c.SendRaw(append([]byte("got "), b...))
		})
		w.serve()
		cl := w.join(w.client("ada"))
		require.NoError(t, cl.Send("upload", nil))
		require.NoError(t, cl.SendRaw([]byte("bytes")))
		b, err := cl.RecvRaw(w.ctx)
		require.NoError(t, err)
		require.Equal(t, "got bytes", string(b))

		// Raw messages that come while nobody waits for them are kept, in order.
		conn, err := w.srv.Client("ada")
		require.NoError(t, err)
		for i := range 5 {
			require.NoError(t, conn.SendRaw(fmt.Append(nil, i)))
		}
		synctest.Wait()
		for i := range 5 {
			b, err := cl.RecvRaw(w.ctx)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(i), string(b))
		}

		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		_, err = cl.RecvRaw(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, conn.SendRaw(nil))
		b, err = cl.RecvRaw(w.ctx)
		require.NoError(t, err, "who gave up took no message with it")
		require.Empty(t, b)

		result := make(chan error, 1)
		go func() { _, err := cl.RecvRaw(w.ctx); result <- err }()
		synctest.Wait()
		conn.Close()
		require.Equal(t, CodeClosed.String(), CodeOf(<-result).String())
		_, err = cl.RecvRaw(w.ctx)
		require.Equal(t, CodeClosed.String(), CodeOf(err).String())
	})
}

func TestRawWithoutReceiver(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var faults kept[error]
		w.srv.OnError(func(_ *Conn, err error) { faults.Add(err) })
		w.serve()
		cl := w.join(w.client("ada"))
		for range 3 {
			require.NoError(t, cl.SendRaw(make([]byte, 100<<10)))
		}
		synctest.Wait()
		require.Len(t, faults.All(), 1)
		require.Equal(t, CodeTooBig, CodeOf(faults.All()[0]))
		conn, err := w.srv.Client("ada")
		require.NoError(t, err)
		for range 2 {
			b, err := conn.RecvRaw(w.ctx)
			require.NoError(t, err)
			require.Len(t, b, 100<<10)
		}
		require.NoError(t, cl.Close())
	})
}

// The message handler gets every message: a command after the command's own handler, and a raw
// message if no RecvRaw waits for it.
func TestMessageHandler(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got kept[string]
		On(w.srv, "known", func(_ context.Context, _ *Conn, s string) error { got.Add("own " + s); return nil })
		w.srv.OnAny(func(_ context.Context, _ *Conn, f Frame) error { got.Add("any " + f.Command); return nil })
		w.srv.HandleAny(func(_ context.Context, _ *Conn, f Frame) ([]byte, error) { return []byte(f.Command + "?"), nil })
		w.srv.OnMessage(func(_ context.Context, _ *Conn, f Frame) error {
			got.Add(fmt.Sprintf("%v %s %s", f.Kind, f.Command, f.Payload))
			return nil
		})
		w.serve()
		cl := w.join(w.client("ada"))
		require.NoError(t, cl.Send("known", "a"))
		require.NoError(t, cl.Send("unknown", "b"))
		require.NoError(t, cl.SendRaw([]byte("c")))
		answer, err := Call[string](w.ctx, cl, "whatever", nil)
		require.NoError(t, err)
		require.Equal(t, "whatever?", answer)
		require.Equal(t, []string{"own a", "command known a", "any unknown", "command unknown b", "raw message  c"}, got.All())
		require.NoError(t, cl.Close())
	})
}

// A handler can receive a raw message that waits for its turn, also with a message handler.
func TestRawBehindHandler(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got kept[string]
		ready := make(chan struct{})
		On(w.srv, "upload", func(ctx context.Context, c *Conn, _ struct{}) error {
			<-ready
			b, err := c.RecvRaw(ctx)
			got.Add("upload " + string(b))
			return err
		})
		w.srv.OnMessage(func(_ context.Context, _ *Conn, f Frame) error { got.Add("message " + string(f.Payload)); return nil })
		w.serve()
		cl := w.join(w.client("ada"))
		require.NoError(t, cl.Send("upload", "u"))
		require.NoError(t, cl.SendRaw([]byte("1")))
		require.NoError(t, cl.SendRaw([]byte("2")))
		time.Sleep(time.Second)
		close(ready)
		synctest.Wait()
		require.Equal(t, []string{"upload 1", "message u", "message 2"}, got.All())
		require.NoError(t, cl.Close())
	})
}

// The message handler converts payloads like any handler. A payload that does not convert is
// reported with its message, and the connection goes on.
func TestTypedMessageHandler(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got kept[int]
		var faults kept[string]
		OnMessage(w.srv, func(_ context.Context, _ *Conn, n int) error { got.Add(n); return nil })
		w.srv.OnError(func(_ *Conn, err error) { faults.Add(err.Error()) })
		w.serve()
		cl := w.join(w.client("ada"))
		require.NoError(t, cl.Send("n", 1))
		require.NoError(t, cl.SendRaw([]byte("2")))
		require.NoError(t, cl.Send("n", "three"))
		require.NoError(t, cl.SendRaw([]byte("four")))
		require.NoError(t, cl.Send("n", 5))
		synctest.Wait()
		require.Equal(t, []int{1, 2, 5}, got.All())
		require.Equal(t, []string{
			`hisock: bad payload: command n: hisock: bad payload: payload "three" is not of type int`,
			`hisock: bad payload: raw message: hisock: bad payload: payload "four" is not of type int`,
		}, faults.All())
		require.NoError(t, cl.Close())
	})
}

// rawNumber returns a raw message of about a kilobyte that begins with i.
func rawNumber(i int) []byte { return fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 1000)) }

// While nobody has received raw messages, the first are kept. The ones that do not fit are dropped,
// each with a report, and later messages are not held up.
func TestRawBurstNobodyReceives(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		var dropped, after kept[string]
		w.srv.OnError(func(_ *Conn, err error) { dropped.Add(CodeOf(err).String()) })
		On(w.srv, "after", func(_ context.Context, _ *Conn, s string) error { after.Add(s); return nil })
		w.serve()
		cl := w.join(w.client("ada"))
		const count = 2 * turn.MaxRaw / 1000
		size := 0
		fits := 0
		for i := range count {
			require.NoError(t, cl.SendRaw(rawNumber(i), Wait(w.ctx)))
			if size += len(rawNumber(i)) + jobCost; size <= turn.MaxRaw {
				fits++
			}
		}
		require.NoError(t, cl.Send("after", "the burst"))
		synctest.Wait()
		require.Equal(t, []string{"the burst"}, after.All())
		require.Len(t, dropped.All(), count-fits)
		require.Equal(t, CodeTooBig.String(), dropped.All()[0])
		for i := range fits {
			b, err := first(w).RecvRaw(w.ctx)
			require.NoError(t, err)
			require.True(t, bytes.Equal(rawNumber(i), b), "message %d, got %.8s", i, b)
		}
		require.NoError(t, cl.Close())
	})
}

// A handler that waits for its own connection learns why the connection ended, and not only that
// its context did.
func TestWaitOnOwnConnSaysWhyItEnded(t *testing.T) {
	tests := map[string]func(ctx context.Context, c *Conn) error{
		"answer": func(ctx context.Context, c *Conn) error { _, err := c.CallBytes(ctx, "who", nil); return err },
		"answer, after the end": func(ctx context.Context, c *Conn) error {
			<-ctx.Done()
			_, err := c.CallBytes(ctx, "who", nil)
			return err
		},
		"raw message": func(ctx context.Context, c *Conn) error { _, err := c.RecvRaw(ctx); return err },
	}
	for name, wait := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				t := w.t
				var got kept[string]
				w.srv.OnBytes("wait", func(ctx context.Context, c *Conn, _ []byte) error {
					got.Add(CodeOf(wait(ctx, c)).String())
					return nil
				})
				w.serve()
				for i := range 50 { // several things end at once: each may be seen first
					p := w.hello(&wire.Hello{})
					p.Send(wire.AppendCommand(nil, "wait", nil))
					time.Sleep(3 * handlerTick) // until the reading is taken over
					require.NoError(t, p.Stream.Close())
					synctest.Wait()
					require.Len(t, got.All(), i+1)
					require.Equal(t, CodeConnLost.String(), got.All()[i])
				}
			})
		})
	}
}

// Once raw messages are received, reading waits while too many are kept. No message is lost, and
// all come in order.
func TestRawBurstWaitsForReceiver(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		w.serve()
		cl := w.client("ada")
		var faults kept[error]
		var after kept[string]
		cl.OnError(func(_ *Conn, err error) { faults.Add(err) })
		On(cl, "after", func(_ context.Context, _ *Conn, s string) error { after.Add(s); return nil })
		w.join(cl)
		c := first(w)
		require.NoError(t, c.SendRaw([]byte("first")))
		b, err := cl.RecvRaw(w.ctx)
		require.NoError(t, err)
		require.Equal(t, "first", string(b))

		const count = 3 * turn.MaxRaw / 1000
		for i := range count {
			require.NoError(t, c.SendRaw(rawNumber(i)))
		}
		require.NoError(t, c.Send("after", "the burst"))
		synctest.Wait()
		require.LessOrEqual(t, cl.Conn().turn.Bytes(), turn.MaxRaw)
		require.Empty(t, after.All(), "it is behind what is not read yet")
		for i := range count {
			b, err := cl.RecvRaw(w.ctx)
			require.NoError(t, err)
			require.True(t, bytes.Equal(rawNumber(i), b), "message %d, got %.8s", i, b)
		}
		synctest.Wait()
		require.Equal(t, []string{"the burst"}, after.All())
		require.Empty(t, faults.All())
		require.NoError(t, cl.Close())
	})
}
