package core

import (
	"context"
	"fmt"
	"reflect"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"weak"

	"github.com/stretchr/testify/require"
)

type line struct {
	From, Text string
}

func TestCommandsBothWays(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var heard kept[string]
		On(w.srv, "say", func(_ context.Context, c *Conn, text string) error {
			heard.Add(c.Name() + ": " + text)
			return c.Send("said", line{c.Name(), text})
		})
		w.serve()
		var echoed kept[line]
		cl := w.client("ada")
		On(cl, "said", func(_ context.Context, _ *Conn, l line) error { echoed.Add(l); return nil })
		w.join(cl)

		for i := range 100 {
			require.NoError(t, cl.Send("say", fmt.Sprint(i)))
		}
		synctest.Wait()
		require.Len(t, heard.All(), 100)
		require.Equal(t, "ada: 99", heard.All()[99])
		require.Equal(t, line{"ada", "42"}, echoed.All()[42])
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

// One more byte would make each connection 256 bytes larger, since memory is handed out in classes of size, of which
// the runtime takes 8 bytes.
func TestConnFitsItsClass(t *testing.T) {
	if strconv.IntSize == 64 {
		require.LessOrEqual(t, reflect.TypeFor[Conn]().Size(), uintptr(2048-8))
	}
}

type valueKey int

// A program keeps values of its own with a connection, at both ends, with and without an authorizer.
func TestConnValues(t *testing.T) {
	for name, opts := range map[string]*ServerOptions{
		"without Authorize": nil,
		"with Authorize": {Access: Access{Authorize: func(_ context.Context, a *Admission) error {
			a.Set(valueKey(0), "replaced")
			a.Set(valueKey(0), "given")
			a.Set(valueKey(9), "taken away")
			a.Set(valueKey(9), nil)
			return nil
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, opts, func(w *world) {
				w.serve()
				cl := w.join(w.client("ada"))
				there, err := w.srv.Client("ada")
				require.NoError(t, err)
				if opts != nil {
					require.Equal(t, "given", there.Get(valueKey(0)))
				} else {
					require.Nil(t, there.Get(valueKey(0)))
				}
				require.Nil(t, there.Get(valueKey(9)))
				for _, c := range []*Conn{there, cl.Conn()} {
					c.Set(valueKey(1), 1)
					c.Set("1", "a key of another type")
					c.Set(valueKey(2), []int{2})
					c.Set(valueKey(1), "one")
					require.Equal(t, "one", c.Get(valueKey(1)))
					require.Equal(t, "a key of another type", c.Get("1"))
					require.Equal(t, []int{2}, c.Get(valueKey(2)))
					c.Set(valueKey(1), nil)
					c.Set(valueKey(7), nil)
					require.Nil(t, c.Get(valueKey(1)))
					require.Equal(t, []int{2}, c.Get(valueKey(2)))
				}
				require.NoError(t, cl.Close())
				<-there.Done()
				require.Equal(t, []int{2}, there.Get(valueKey(2)), "also for who looks after the end")
			})
		})
	}
}

func TestConnValuesAtOnce(t *testing.T) {
	c := &Conn{}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 1000 {
				c.Set(valueKey(i), n)
				c.Get(valueKey(i + 1))
			}
		})
	}
	wg.Wait()
	for i := range 4 {
		require.Equal(t, 999, c.Get(valueKey(i)))
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { c.Get(valueKey(3)) }))
}

// A connection keeps the values of its admission, but nothing else of the Info that the authorizer got.
func TestAdmissionIsNotHeld(t *testing.T) {
	var admission weak.Pointer[Admission]
	authorize := func(_ context.Context, a *Admission) error {
		admission = weak.Make(a)
		a.Set("key", "value")
		return nil
	}
	inWorld(t, &ServerOptions{Access: Access{Authorize: authorize}}, func(w *world) {
		w.serve()
		w.join(w.client("ada"))
		runtime.GC()
		require.Nil(t, admission.Value())
	})
}
