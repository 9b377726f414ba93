package core

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A wrong registration is the program's mistake and panics at once.
func TestRegistrationPanics(t *testing.T) {
	command := func(name string) func(s *Server) {
		return func(s *Server) {
			s.OnBytes(name, func(context.Context, *Conn, []byte) error { return nil })
		}
	}
	tests := map[string]struct {
		register func(s *Server)
		want     string
	}{
		"empty name":      {command(""), "empty"},
		"name too long":   {command(strings.Repeat("x", maxCommand+1)), "256"},
		"control in name": {command("a\nb"), "control"},
		"not UTF-8":       {command("a\xff"), "UTF-8"},
		"reserved name":   {command("join"), "reserved"},
		"twice":           {func(s *Server) { command("a")(s); command("a")(s) }, "already"},
		"too late":        {func(s *Server) { s.freeze(); command("a")(s) }, "before"},
		"hook too late":   {func(s *Server) { s.freeze(); s.OnJoin(nil) }, "before"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			defer func() {
				v, _ := recover().(string)
				require.Contains(t, v, tc.want)
				require.Contains(t, v, "core: ")
			}()
			tc.register(newTestServer(nil))
		})
	}
}

func TestMiddleware(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var seen kept[string]
		trace := func(name string) Middleware {
			return func(next Handler) Handler {
				return func(ctx context.Context, c *Conn, f Frame) ([]byte, error) {
					seen.Add(name + " " + f.Kind.String() + " " + f.Command)
					return next(ctx, c, f)
				}
			}
		}
		w.srv.Use(trace("outer"), trace("inner"))
		w.srv.Use(func(next Handler) Handler {
			return func(ctx context.Context, c *Conn, f Frame) ([]byte, error) {
				if f.Command == "forbidden" {
					return nil, NewError(CodeUnauthorized, "not for you")
				}
				return next(ctx, c, f)
			}
		})
		w.srv.UseSend(func(next SendFunc) SendFunc {
			return func(out *Outgoing) error {
				if string(out.Payload) == "swallow" {
					return errors.New("swallowed")
				}
				to := "all"
				if out.To != nil {
					to = out.To.Name()
				}
				seen.Add("send " + out.Kind.String() + " " + out.Command + " to " + to + out.Group)
				return next(out)
			}
		})
		On(w.srv, "a", func(_ context.Context, c *Conn, _ struct{}) error { return c.Send("b", nil) })
		Handle(w.srv, "forbidden", func(context.Context, *Conn, struct{}) (int, error) { return 1, nil })
		w.serve()
		cl := w.client("ada", "g")
		Handle(cl, "who", func(context.Context, *Conn, struct{}) (string, error) { return "me", nil })
		On(cl, "b", func(context.Context, *Conn, struct{}) error { return nil })
		w.join(cl)
		require.NoError(t, cl.Send("a", nil))
		_, err := Call[int](w.ctx, cl, "forbidden", nil)
		require.Equal(t, CodeUnauthorized, CodeOf(err))
		synctest.Wait()
		conn, err := w.srv.Client("ada")
		require.NoError(t, err)
		require.ErrorContains(t, conn.Send("b", "swallow"), "swallowed")
		me, err := Call[string](w.ctx, conn, "who", nil)
		require.NoError(t, err)
		require.Equal(t, "me", me)
		require.NoError(t, w.srv.Group("g").Send("b", nil))
		require.NoError(t, w.srv.All().Send("b", nil))
		require.NoError(t, conn.SendRaw([]byte("r")))
		synctest.Wait()
		require.Equal(t, []string{
			"outer command a", "inner command a", "send command b to ada",
			"outer call forbidden", "inner call forbidden",
			"send call who to ada", "send command b to allg", "send command b to all", "send raw message  to ada",
		}, seen.All())
		require.NoError(t, cl.Close())
	})
}

// A handler that panics affects nothing else, wherever it runs.
func TestPanics(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{Notices: tellEverything}}, func(w *world) {
		w.srv.OnJoin(func(*Conn) { panic("in join") })
		w.srv.OnLeave(func(*Conn, error) { panic("in leave") })
		w.srv.OnError(func(*Conn, error) { panic("in error hook") })
		On(w.srv, "a", func(context.Context, *Conn, struct{}) error { panic(errors.New("in a\x1b")) })
		On(w.srv, "b", func(context.Context, *Conn, struct{}) error { panic(42) }, Concurrent())
		Handle(w.srv, "ok", func(context.Context, *Conn, struct{}) (bool, error) { return true, nil })
		w.serve()
		cl := w.client("ada")
		cl.OnState(func(State, error) { panic("in state") })
		cl.OnClientConnect(func(Presence) { panic("in notice") })
		w.join(cl)
		other := w.join(w.client("bob"))
		require.NoError(t, cl.Send("a", nil))
		require.NoError(t, cl.Send("b", nil))
		ok, err := Call[bool](w.ctx, cl, "ok", nil)
		require.NoError(t, err)
		require.True(t, ok)
		require.NoError(t, other.Close())
		require.NoError(t, cl.Close())
		<-cl.Done()
		synctest.Wait()
		require.Equal(t, 0, w.srv.Len())
		log := strings.Join(w.log.Lines(), "\n")
		for _, want := range []string{"in join", "in leave", "in error hook", `"in a\x1b"`, "a value that is not an error"} {
			require.Contains(t, log, want)
		}
		if runtime.GOOS != "js" { // a browser build logs no stacks
			require.Contains(t, log, "handlers_test.go", "the stack")
		}
	})
}
