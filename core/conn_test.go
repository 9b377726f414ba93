package core

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

type line struct {
	From, Text string
}

func TestCommandsBothWays(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var heard kept[string]
		On(w.srv, "say", func(_ context.Context, c *Conn, text string) error {
			heard.add(c.Name() + ": " + text)
			return c.Send("said", line{c.Name(), text})
		})
		w.serve()
		var echoed kept[line]
		cl := w.client("ada")
		On(cl, "said", func(_ context.Context, _ *Conn, l line) error { echoed.add(l); return nil })
		w.join(cl)

		for i := range 100 {
			require.NoError(t, cl.Send("say", fmt.Sprint(i)))
		}
		synctest.Wait()
		require.Len(t, heard.all(), 100)
		require.Equal(t, "ada: 99", heard.all()[99])
		require.Equal(t, line{"ada", "42"}, echoed.all()[42])
		require.NoError(t, cl.Close())
	})
}

func TestCallBothWays(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		Handle(w.srv, "sum", func(_ context.Context, _ *Conn, in []int) (int, error) {
			total := 0
			for _, n := range in {
				total += n
			}
			return total, nil
		})
		Handle(w.srv, "greet", func(ctx context.Context, c *Conn, _ struct{}) (string, error) {
			// On the very connection that is being served.
			name, err := Call[string](ctx, c, "who", nil)
			return "hello " + name, err
		})
		w.serve()
		cl := w.client("ada")
		Handle(cl, "who", func(context.Context, *Conn, struct{}) (string, error) { return "Ada L.", nil })
		w.join(cl)

		total, err := Call[int](w.ctx, cl, "sum", []int{1, 2, 3})
		require.NoError(t, err)
		require.Equal(t, 6, total)
		greeting, err := Call[string](w.ctx, cl, "greet", nil)
		require.NoError(t, err)
		require.Equal(t, "hello Ada L.", greeting)
		require.NoError(t, cl.Close())
	})
}

// One more byte would make each connection 384 bytes larger, since memory is handed out in classes of size.
func TestConnFitsItsClass(t *testing.T) {
	if strconv.IntSize == 64 {
		require.LessOrEqual(t, reflect.TypeFor[Conn]().Size(), uintptr(2304))
	}
}
