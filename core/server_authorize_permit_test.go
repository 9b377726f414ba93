package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// AuthorizeCommand is asked about each command, call and raw message before anything else sees it.
func TestAuthorizeCommand(t *testing.T) {
	var asked, ran, faults kept[string]
	opts := &ServerOptions{Access: Access{AuthorizeCommand: func(ctx context.Context, c *Conn, f Frame) error {
		asked.Add(fmt.Sprint(c.Name(), " ", f.Kind, " ", f.Command, " ", string(f.Payload), " ", handlerConn(ctx) == c))
		switch string(f.Payload) {
		case "no":
			return NewError(CodeUnauthorized, "not you")
		case "panic":
			panic("no")
		}
		return nil
	}}}
	inWorld(t, opts, func(w *world) {
		w.srv.Use(func(next Handler) Handler {
			return func(ctx context.Context, c *Conn, f Frame) ([]byte, error) {
				ran.Add("middleware")
				return next(ctx, c, f)
			}
		})
		w.srv.OnError(func(_ *Conn, err error) { faults.Add(CodeOf(err).String()) })
		On(w.srv, "say", func(_ context.Context, _ *Conn, s string) error { ran.Add("say " + s); return nil })
		Handle(w.srv, "ask", func(_ context.Context, _ *Conn, s string) (string, error) { return "yes", nil })
		w.srv.OnMessage(func(_ context.Context, _ *Conn, f Frame) error { ran.Add(f.Kind.String()); return nil })
		w.serve()
		cl := w.join(w.client("ada"))
		require.NoError(t, cl.Send("say", "no"))
		require.NoError(t, cl.SendRaw([]byte("no")))
		_, err := Call[string](w.ctx, cl, "ask", "no")
		require.Equal(t, CodeUnauthorized.String(), CodeOf(err).String())
		require.Contains(t, err.Error(), "not you")
		require.Empty(t, ran.All())
		require.Equal(t, []string{"unauthorized", "unauthorized", "unauthorized"}, faults.All())
		require.Equal(t, []string{
			"ada command say no true", "ada command say no true", "ada raw message  no true", "ada call ask no true",
		}, asked.All())

		_, err = Call[string](w.ctx, cl, "ask", "panic")
		require.Equal(t, CodeInternal.String(), CodeOf(err).String())

		yes, err := Call[string](w.ctx, cl, "ask", "please")
		require.NoError(t, err)
		require.Equal(t, "yes", yes)
		require.NoError(t, cl.Send("say", "hi"))
		require.NoError(t, cl.SendRaw([]byte("hi")))
		synctest.Wait()
		require.Equal(t, []string{"middleware", "middleware", "say hi", "middleware", "command", "middleware", "raw message"}, ran.All())
		require.NoError(t, cl.Close())
	})
}

// A client that may call nothing does not learn which calls there are.
func TestAuthorizeCommandHidesCalls(t *testing.T) {
	allowed := false
	opts := &ServerOptions{Access: Access{AuthorizeCommand: func(context.Context, *Conn, Frame) error {
		if !allowed {
			return NewError(CodeUnauthorized, "no")
		}
		return nil
	}}}
	inWorld(t, opts, func(w *world) {
		w.srv.HandleBytes("there", func(context.Context, *Conn, []byte) ([]byte, error) { return nil, nil })
		w.serve()
		cl := w.join(w.client("ada"))
		_, there := cl.CallBytes(w.ctx, "there", nil)
		_, not := cl.CallBytes(w.ctx, "not there", nil)
		require.Equal(t, there, not)
		synctest.Wait()
		allowed = true
		_, err := cl.CallBytes(w.ctx, "not there", nil)
		require.Equal(t, CodeUnknownCommand.String(), CodeOf(err).String())
		require.Contains(t, err.Error(), "no handler for call not there")
		require.NoError(t, cl.Close())
	})
}

// AuthorizeGroup is asked whenever a client asks for a group.
func TestAuthorizeGroup(t *testing.T) {
	var asked kept[string]
	opts := &ServerOptions{Access: Access{AuthorizeGroup: func(_ context.Context, c *Conn, group string) error {
		asked.Add(c.Name() + " " + group)
		switch group {
		case "no":
			return NewError(1500, "not that one")
		case "plain":
			return errors.New("the database is away")
		case "panic":
			panic("no")
		}
		return nil
	}}}
	inWorld(t, opts, func(w *world) {
		var faults kept[string]
		w.srv.OnError(func(c *Conn, err error) { faults.Add(c.Name() + " " + CodeOf(err).String()) })
		w.serve()
		cl := w.join(w.client("ada", "yes", "no", "panic", "plain"))
		require.Equal(t, []string{"yes"}, cl.Groups())
		require.Equal(t, []string{"yes"}, first(w).Groups())
		require.Equal(t, []string{"ada no", "ada panic", "ada plain", "ada yes"}, asked.All())
		require.Equal(t, []string{"ada unavailable", "ada unavailable"}, faults.All(), "what it has not decided")
		codes := []Code{1500, CodeUnavailable, CodeUnavailable, CodeNone, CodeNone}
		for i, r := range cl.RefusedGroups() {
			require.Equal(t, []string{"no", "panic", "plain"}[i], r.Group)
			require.Equal(t, codes[i].String(), r.Why.Code.String())
			require.True(t, IsRemote(r.Why))
			require.Equal(t, i == 0, r.Why.RetryAfter == 0, "of what was decided")
			require.NotContains(t, r.Why.Error(), "database")
		}
		require.Len(t, cl.RefusedGroups(), 3)
		require.Empty(t, first(w).RefusedGroups())

		for i, g := range []string{"no", "panic", "plain", "yes", "more"} {
			err := cl.Join(w.ctx, g)
			require.Equal(t, codes[i].String(), CodeOf(err).String())
			require.Equal(t, err != nil, IsRemote(err))
		}
		require.Equal(t, []string{"more", "yes"}, cl.Groups())
		require.Equal(t, []string{"ada no", "ada panic", "ada plain", "ada more"}, asked.All()[4:], "it is in the other already")
		require.Len(t, faults.All(), 4)
		require.NoError(t, first(w).Join(w.ctx, "no"), "the program asks nobody")
		require.NoError(t, cl.Leave(w.ctx, "yes"))
		require.Equal(t, []string{"more", "no"}, cl.Groups())
		require.Len(t, asked.All(), 8)
		require.Equal(t, []string{"more", "no"}, w.srv.Groups())
		require.NoError(t, cl.Close())
	})
}

// AuthorizeGroup is not asked about groups that Authorize adds. It is asked about groups that
// Authorize leaves.
func TestAuthorizeAndGroup(t *testing.T) {
	var asked kept[string]
	opts := &ServerOptions{
		Access: Access{Authorize: func(_ context.Context, a *Admission) error {
			a.Groups = []string{"given", "wanted"}
			a.Set("role", "guest")
			return nil
		}, AuthorizeGroup: func(_ context.Context, c *Conn, group string) error {
			asked.Add(group + " " + c.Get("role").(string))
			return NewError(CodeUnauthorized, "no")
		}},
	}
	inWorld(t, opts, func(w *world) {
		w.serve()
		cl := w.join(w.client("ada", "wanted", "dropped"))
		require.Equal(t, []string{"given"}, cl.Groups())
		require.Equal(t, []string{"wanted guest"}, asked.All())
		refused := cl.RefusedGroups()
		require.Len(t, refused, 2)
		require.Equal(t, "hisock: peer: unauthorized: no", refused[0].Why.Error())
		require.Equal(t, "dropped", refused[1].Group)
		require.Equal(t, "hisock: peer: unauthorized", refused[1].Why.Error())
		require.NoError(t, cl.Close())
	})
}

// While AuthorizeGroup is asked about the groups of a hello, the connection cannot be used and
// nobody can find it. Afterwards it is like any other.
func TestAuthorizeGroupBeforeWelcome(t *testing.T) {
	var w *world
	var got kept[string]
	opts := &ServerOptions{Access: Access{AuthorizeGroup: func(_ context.Context, c *Conn, _ string) error {
		for _, err := range []error{c.Send("x", 1), c.Join(w.ctx, "other")} {
			got.Add(CodeOf(err).String())
		}
		c.Close()
		c.CloseWith(NewError(1500, ""))
		_, err := c.CallBytes(context.Background(), "x", nil)
		got.Add(CodeOf(err).String())
		got.Add(fmt.Sprint(w.srv.Len(), c.Context().Err()))
		return nil
	}}}
	inWorld(t, opts, func(in *world) {
		w = in
		w.srv.HandleBytes("echo", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil })
		w.serve()
		p := w.helloOf(&wire.Hello{Name: "ada", Groups: []string{"g"}})
		require.Equal(t, wire.KindWelcome, p.Want().Kind)
		require.Equal(t, []string{"not connected", "not connected", "not connected", "0 <nil>"}, got.All())
		p.Send(wire.AppendRequest(nil, 1, "echo", []byte("x")))
		_, code := p.WantAnswer()
		require.Equal(t, CodeNone, code)
		c := first(w)
		require.NoError(t, c.Err())
		require.NoError(t, c.Send("n", 1))
		require.Equal(t, "1", p.WantCommand("n"))
	})
}

// A client that may not join a group does not learn whether anybody is in it.
func TestAuthorizeGroupRevealsNobody(t *testing.T) {
	opts := &ServerOptions{Access: Access{AuthorizeGroup: func(context.Context, *Conn, string) error { return NewError(CodeUnauthorized, "no") }}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		ada := w.join(w.client("ada"))
		require.NoError(t, first(w).Join(w.ctx, "full"))
		p := w.hello(&wire.Hello{Groups: []string{"full", "none"}})
		var answers []wire.Frame
		for _, g := range []string{"full", "none"} {
			p.Send(wire.AppendAsk(nil, wire.KindAskJoin, 7, g))
			f := p.Want()
			answers = append(answers, wire.Frame{Kind: f.Kind, Body: bytes.Clone(f.Body)})
		}
		require.Equal(t, wire.KindFailure, answers[0].Kind)
		require.Equal(t, answers[0], answers[1])
		require.Equal(t, 1, w.srv.Group("full").Len())
		require.NoError(t, ada.Close())
	})
}

// A program that keeps the connection of AuthorizeGroup sees it end if the client is not let in.
func TestConnOfARefusedNewcomerEnds(t *testing.T) {
	tests := map[string]struct {
		authorize func(w *world, c *Conn)
		code      Code // of the refusal
	}{
		"name taken":         {func(*world, *Conn) {}, CodeNameTaken},
		"ends its goroutine": {func(*world, *Conn) { runtime.Goexit() }, CodeUnavailable},
		"takes too long":     {func(*world, *Conn) { time.Sleep(time.Minute) }, CodeUnavailable},
		"shutdown": {func(w *world, _ *Conn) {
			go w.srv.Shutdown(w.ctx) //nolint:errcheck // the test shuts it down again
			time.Sleep(time.Millisecond)
		}, CodeShutdown},
		// Stands for a program that closes the connection just before it comes in.
		"closed as it comes in": {func(w *world, c *Conn) { c.who.SetName("eve"); w.srv.ended(c) }, CodeShutdown},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var w *world
			var seen *Conn
			opts := &ServerOptions{Access: Access{UniqueNames: true, AuthorizeGroup: func(_ context.Context, c *Conn, _ string) error {
				seen = c
				tc.authorize(w, c)
				return nil
			}}}
			inWorld(t, opts, func(in *world) {
				w = in
				w.serve()
				w.hello(&wire.Hello{Name: "ada"})
				p := w.helloOf(&wire.Hello{Name: "ada", Groups: []string{"g"}})
				p.WantRefuse(tc.code, "")
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				select {
				case <-seen.Done():
				default:
					require.Fail(t, "it never ends")
				}
				require.Equal(t, CodeConnLost, CodeOf(seen.Err()))
				require.Error(t, seen.Context().Err())
				require.Equal(t, CodeConnLost, CodeOf(seen.Send("n", 1)))
			})
		})
	}
}
