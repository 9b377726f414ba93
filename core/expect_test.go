package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// expecting runs f with a client whose server answers a question with several answers at once.
func expecting(t *testing.T, f func(w *world, cl *Client, handled *kept[string])) {
	inWorld(t, nil, func(w *world) {
		On(w.srv, "question", func(_ context.Context, c *Conn, answers []string) error {
			for _, a := range answers {
				if err := c.Send("answer", a); err != nil {
					return err
				}
			}
			return nil
		})
		w.serve()
		var handled kept[string]
		cl := w.client("ada")
		cl.OnBytes("known", func(_ context.Context, _ *Conn, p []byte) error { handled.Add("known " + string(p)); return nil })
		cl.OnAny(func(_ context.Context, _ *Conn, f Frame) error {
			handled.Add(f.Command + " " + string(f.Payload))
			return nil
		})
		w.join(cl)
		f(w, cl, &handled)
	})
}

// An answer that was expected before the question was sent is kept, however soon it came.
func TestExpectBeforeTheSend(t *testing.T) {
	expecting(t, func(w *world, cl *Client, handled *kept[string]) {
		first, second, typed := cl.Expect("answer"), cl.Expect("answer"), Expect[int](cl, "answer")
		defer first.Stop()
		require.NoError(t, cl.Send("question", []string{"one", "two", "3", "four"}))
		synctest.Wait() // the answer has come, and nobody has received it
		for _, want := range []struct {
			e    *Expectation
			text string
		}{{first, "one"}, {second, "two"}} {
			got, err := want.e.Recv(w.ctx)
			require.NoError(t, err)
			require.Equal(t, want.text, string(got))
			require.Equal(t, "answer", want.e.Command())
		}
		n, err := typed.Recv(w.ctx)
		require.NoError(t, err)
		require.Equal(t, 3, n)
		require.Equal(t, []string{"answer four"}, handled.All())
		_, err = first.Recv(w.ctx)
		require.Equal(t, CodeClosed, CodeOf(err), "one for each")
		require.False(t, cl.Conn().recv.awaited())
	})
}

func TestExpectAnything(t *testing.T) {
	expecting(t, func(w *world, cl *Client, handled *kept[string]) {
		any, named := cl.Expect(""), cl.Expect("answer")
		c := w.conn("ada")
		require.NoError(t, c.SendRaw([]byte("not a command")))
		require.NoError(t, c.Send("known", "to its handler"))
		require.NoError(t, c.Send("answer", "to who names it"))
		require.NoError(t, c.Send("news", "to who takes any"))
		require.NoError(t, c.Send("news", "to the handler of any"))
		synctest.Wait()
		got, err := any.Recv(w.ctx)
		require.NoError(t, err)
		require.Equal(t, "to who takes any", string(got))
		require.Equal(t, "news", any.Command())
		got, err = named.Recv(w.ctx)
		require.NoError(t, err)
		require.Equal(t, "to who names it", string(got))
		require.Equal(t, []string{"known to its handler", "news to the handler of any"}, handled.All())

		go func() { c.Send("more", "later") }() //nolint:errcheck // Recv has it
		got, err = cl.Recv(w.ctx, "")
		require.NoError(t, err)
		require.Equal(t, "later", string(got))
	})
}

// A command whose name is not well formed reaches no expectation of any command.
func TestExpectAnythingWellFormed(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		p := w.hello(&wire.Hello{Name: "eve"})
		synctest.Wait()
		any := w.conn("eve").Expect("")
		for _, bad := range []string{"", "two\nlines", "\xff"} {
			p.Send(wire.AppendCommand(nil, bad, []byte("x")))
		}
		p.Send(wire.AppendCommand(nil, "fine", []byte("y")))
		got, err := any.Recv(w.ctx)
		require.NoError(t, err)
		require.Equal(t, "y", string(got))
		require.NoError(t, p.Stream.Close())
	})
}

func TestExpectFails(t *testing.T) {
	expecting(t, func(w *world, cl *Client, handled *kept[string]) {
		_, err := cl.Expect("two\nlines").Recv(w.ctx)
		require.Equal(t, CodeBadName, CodeOf(err))
		_, err = Expect[int](w.client("nobody"), "answer").Recv(w.ctx)
		require.Equal(t, CodeNotConnected, CodeOf(err))

		// A context ends one wait, not the expectation.
		e := Expect[int](cl, "answer")
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		_, err = e.Recv(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NoError(t, cl.Send("question", []string{"not a number"}))
		_, err = e.Recv(w.ctx)
		require.Equal(t, CodeBadPayload, CodeOf(err))
		_, err = e.Recv(w.ctx)
		require.Equal(t, CodeClosed, CodeOf(err))

		// An expectation that has been stopped takes nothing.
		stopped := cl.Expect("answer")
		stopped.Stop()
		stopped.Stop()
		require.NoError(t, cl.Send("question", []string{"to the handler"}))
		synctest.Wait()
		require.Equal(t, []string{"answer to the handler"}, handled.All())
		_, err = stopped.Recv(w.ctx)
		require.Equal(t, CodeClosed, CodeOf(err))

		// Commands that came before the end can be received after it.
		came, never := cl.Expect("answer"), cl.Expect("answer")
		require.NoError(t, cl.Send("question", []string{"last"}))
		synctest.Wait()
		w.conn("ada").Close()
		synctest.Wait()
		got, err := came.Recv(w.ctx)
		require.NoError(t, err)
		require.Equal(t, "last", string(got))
		_, err = never.Recv(w.ctx)
		require.Equal(t, CodeClosed, CodeOf(err))
		never.Stop()
		_, err = cl.Expect("answer").Recv(w.ctx)
		require.Equal(t, CodeClosed, CodeOf(err))
	})
}

// A handler may wait for an expected answer over its own connection.
func TestExpectInHandler(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got kept[string]
		w.srv.OnBytes("go", func(ctx context.Context, c *Conn, _ []byte) error {
			answer := Expect[string](c, "answer")
			defer answer.Stop()
			if err := c.Send("question", nil); err != nil {
				return err
			}
			text, err := answer.Recv(ctx)
			got.Add(text)
			return err
		})
		w.serve()
		cl := w.client("ada")
		cl.OnBytes("question", func(_ context.Context, c *Conn, _ []byte) error { return c.Send("answer", "here") })
		w.join(cl)
		require.NoError(t, cl.Send("go", nil))
		synctest.Wait()
		require.Equal(t, []string{"here"}, got.All())
	})
}
