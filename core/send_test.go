package core

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// The senders of a server.
var (
	_ Sender = (*Conn)(nil)
	_ Sender = (*Client)(nil)
	_ Sender = (*Group)(nil)
	_ Sender = (*User)(nil)
	_ Sender = (*Named)(nil)
	_ Sender = (*Everybody)(nil)
)

// TestSenders has each option on each sender: who gets the message, and what fails.
func TestSenders(t *testing.T) {
	tests := map[string]struct {
		to   func(s *Server) Sender
		opts func(w *world) []SendOption
		want string // who gets the message
		code Code
	}{
		"connection":               {to: toConn("ada"), want: "ada"},
		"connection, left out":     {to: toConn("ada"), opts: butAda, want: ""},
		"connection, another is":   {to: toConn("eve"), opts: butAda, want: "eve"},
		"connection, must reach":   {to: toConn("ada"), opts: butAdaAndMust, code: CodeUnknownClient},
		"name":                     {to: named("ada"), want: "ada"},
		"name, left out":           {to: named("ada"), opts: butAda, want: ""},
		"name, must reach":         {to: named("ada"), opts: butAdaAndMust, code: CodeUnknownClient},
		"name of two":              {to: named("bob"), code: CodeAmbiguousName},
		"name of two, all of them": {to: named("bob"), opts: allOfThem, want: "bob bob"},
		"name of nobody":           {to: named("joe"), code: CodeUnknownClient},
		"name of nobody, all":      {to: named("joe"), opts: allOfThem, code: CodeUnknownClient},
		"user":                     {to: user("user of bob"), want: "bob bob"},
		"user, left out":           {to: user("user of ada"), opts: butAda, want: ""},
		"user, must reach":         {to: user("user of ada"), opts: butAdaAndMust, code: CodeUnknownClient},
		"user without connection":  {to: user("joe"), code: CodeUnknownClient},
		"group":                    {to: group("red"), want: "ada bob"},
		"group, left out":          {to: group("red"), opts: butAda, want: "bob"},
		"group, must reach":        {to: group("red"), opts: butAdaAndMust, want: "bob"},
		"group of nobody":          {to: group("blue"), want: ""},
		"group of nobody, must":    {to: group("blue"), opts: must, code: CodeUnknownGroup},
		"group that cannot be":     {to: group("two\nlines"), code: CodeBadName},
		"group of ada alone":       {to: group("hers"), opts: butAda, want: ""},
		"group of ada alone, must": {to: group("hers"), opts: butAdaAndMust, code: CodeUnknownGroup},
		"all":                      {to: everybody, want: "ada bob bob eve"},
		"all, left out":            {to: everybody, opts: butAda, want: "bob bob eve"},
		"all, must reach":          {to: everybody, opts: butAdaAndMust, want: "bob bob eve"},
		"all, several left out":    {to: everybody, opts: butBoth, want: "bob bob"},
		"all, one after the other": {to: everybody, opts: butBothInTurn, want: "bob bob"},
	}
	ways := map[string]func(to Sender, opts []SendOption) error{
		"value": func(to Sender, opts []SendOption) error { return to.Send("news", "hello", opts...) },
		"bytes": func(to Sender, opts []SendOption) error { return to.SendBytes("news", []byte("hello"), opts...) },
		"raw":   func(to Sender, opts []SendOption) error { return to.SendRaw([]byte("hello"), opts...) },
	}
	for name, tc := range tests {
		for way, send := range ways {
			for _, with := range []string{"", ", waiting", ", with middleware"} {
				t.Run(name+", "+way+with, func(t *testing.T) {
					inSendWorld(t, with == ", with middleware", func(w *world, got *kept[string], _ *Conn) {
						var opts []SendOption
						if tc.opts != nil {
							opts = tc.opts(w)
						}
						if with == ", waiting" {
							opts = append(opts, Wait(w.ctx))
						}
						require.Equal(t, tc.code.String(), CodeOf(send(tc.to(w.srv), opts)).String())
						synctest.Wait()
						require.Equal(t, tc.want, strings.Join(slices.Sorted(slices.Values(got.All())), " "))
					})
				})
			}
		}
	}
}

// inSendWorld runs f with ada and bob in the group red, ada alone in her own group, a second bob,
// and eve.
func inSendWorld(t *testing.T, middleware bool, f func(w *world, got *kept[string], ada *Conn)) {
	users := func(_ context.Context, a *Admission) error { a.User = "user of " + a.Name; return nil }
	inWorld(t, &ServerOptions{Access: Access{Authorize: users}}, func(w *world) {
		if middleware {
			w.srv.UseSend(func(next SendFunc) SendFunc { return next })
		}
		w.serve()
		var got kept[string]
		for _, who := range []struct {
			name   string
			groups []string
		}{{"ada", []string{"red", "hers"}}, {"bob", []string{"red"}}, {"bob", nil}, {"eve", nil}} {
			cl := w.client(who.name, who.groups...)
			cl.OnMessage(func(context.Context, *Conn, Frame) error { got.Add(who.name); return nil })
			w.join(cl)
		}
		f(w, &got, w.conn("ada"))
	})
}

func toConn(name string) func(s *Server) Sender {
	return func(s *Server) Sender {
		c, err := s.Client(name)
		if err != nil {
			panic(err)
		}
		return c
	}
}

func named(name string) func(s *Server) Sender {
	return func(s *Server) Sender { return s.Named(name) }
}
func user(id string) func(s *Server) Sender { return func(s *Server) Sender { return s.User(id) } }
func group(name string) func(s *Server) Sender {
	return func(s *Server) Sender { return s.Group(name) }
}
func everybody(s *Server) Sender { return s.All() }

func butAda(w *world) []SendOption        { return []SendOption{Except(w.conn("ada"))} }
func butBoth(w *world) []SendOption       { return []SendOption{Except(nil, w.conn("eve"), w.conn("ada"))} }
func must(*world) []SendOption            { return []SendOption{MustReach()} }
func butAdaAndMust(w *world) []SendOption { return append(butAda(w), MustReach()) }
func allOfThem(*world) []SendOption       { return []SendOption{AllOfThem()} }

func butBothInTurn(w *world) []SendOption {
	return []SendOption{Except(w.conn("ada")), Except(w.conn("eve")), Except(nil)}
}

// TestSendMiddlewareSees has what the middleware is told of a send, and what it may change.
func TestSendMiddlewareSees(t *testing.T) {
	type seen struct {
		to, group, user, name, key string
		transient                  bool
	}
	tests := map[string]struct {
		send func(s *Server, ada *Conn) error
		want seen
	}{
		"connection":      {func(_ *Server, ada *Conn) error { return ada.Send("n", 1, Key("k")) }, seen{to: "ada", key: "k"}},
		"name":            {func(s *Server, _ *Conn) error { return s.Named("ada").Send("n", 1) }, seen{to: "ada", name: "ada"}},
		"name of two":     {func(s *Server, _ *Conn) error { return s.Named("bob").Send("n", 1, AllOfThem()) }, seen{name: "bob"}},
		"name of nobody":  {func(s *Server, _ *Conn) error { return s.Named("joe").Send("n", 1) }, seen{name: "joe"}},
		"user":            {func(s *Server, _ *Conn) error { return s.User("user of eve").Send("n", 1) }, seen{user: "user of eve"}},
		"user of nobody":  {func(s *Server, _ *Conn) error { return s.User("joe").Send("n", 1) }, seen{user: "joe"}},
		"group":           {func(s *Server, _ *Conn) error { return s.Group("red").Send("n", 1, Transient()) }, seen{group: "red", transient: true}},
		"group of nobody": {func(s *Server, _ *Conn) error { return s.Group("blue").Send("n", 1, MustReach()) }, seen{group: "blue"}},
		"all":             {func(s *Server, _ *Conn) error { return s.All().Send("n", 1, Key("a"), Key("b")) }, seen{key: "b"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			users := func(_ context.Context, a *Admission) error { a.User = "user of " + a.Name; return nil }
			inWorld(t, &ServerOptions{Access: Access{Authorize: users}}, func(w *world) {
				var got kept[seen]
				w.srv.UseSend(func(next SendFunc) SendFunc {
					return func(out *Outgoing) error {
						s := seen{group: out.Group, user: out.User, name: out.Name, key: out.Key, transient: out.Transient}
						if out.To != nil {
							s.to = out.To.Name()
						}
						got.Add(s)
						return next(out)
					}
				})
				w.serve()
				for _, name := range []string{"ada", "bob", "bob", "eve"} {
					w.join(w.client(name, "red"))
				}
				tc.send(w.srv, w.conn("ada")) //nolint:errcheck // TestSenders says which fail
				require.Equal(t, []seen{tc.want}, got.All())
			})
		})
	}
}

// A send to several clients waits for a client that does not read. The other clients have the
// message at once.
func TestWaitAtSeveral(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 4 << 10}, Timeouts: Timeouts{Write: -1, Heartbeat: -1}}, func(w *world) {
		w.serve()
		var got kept[int]
		w.hello(&wire.Hello{Name: "stalled"}) // reads nothing
		cl := w.client("ada")
		On(cl, "n", func(_ context.Context, _ *Conn, in []byte) error { got.Add(len(in)); return nil })
		w.join(cl)
		sent := 0
		for {
			ctx, cancel := context.WithCancel(w.ctx)
			done := make(chan error, 1)
			go func() { done <- w.srv.All().SendBytes("n", make([]byte, 1<<10), Wait(ctx)) }()
			synctest.Wait()
			sent++
			require.Len(t, got.All(), sent, "who reads has it at once")
			if len(done) == 0 {
				cancel()
				require.ErrorIs(t, <-done, context.Canceled)
				break
			}
			require.NoError(t, <-done)
			cancel()
		}
		require.Greater(t, sent, 1)
		require.Equal(t, 2, w.srv.Len())
	})
}

// TestOptionsDoNotAllocate compares sends with options to sends without any.
func TestOptionsDoNotAllocate(t *testing.T) {
	inSendWorld(t, false, func(w *world, _ *kept[string], ada *Conn) {
		payload := []byte("hello")
		ctx := w.ctx
		key := "room1/ada"
		sends := map[string]struct{ without, with func() error }{
			"connection": {
				func() error { return ada.SendBytes("n", payload) },
				func() error { return ada.SendBytes("n", payload, Wait(ctx), Key(key), Transient(), Except(nil)) },
			},
			"group": {
				func() error { return w.srv.Group("red").SendBytes("n", payload) },
				func() error {
					return w.srv.Group("red").SendBytes("n", payload, Except(ada), Key(key), Transient(), MustReach())
				},
			},
			"name": {
				func() error { return w.srv.Named("ada").SendBytes("n", payload) },
				func() error { return w.srv.Named("ada").SendBytes("n", payload, Key(key), Except(nil)) },
			},
			"all": {
				func() error { return w.srv.All().SendBytes("n", payload) },
				func() error { return w.srv.All().SendBytes("n", payload, Except(ada), Key(key), Transient()) },
			},
		}
		for name, s := range sends {
			run := func(send func() error) float64 {
				return testing.AllocsPerRun(100, func() {
					if err := send(); err != nil {
						panic(err)
					}
					synctest.Wait()
				})
			}
			without, with := run(s.without), run(s.with)
			require.LessOrEqual(t, with, without, name)
		}
	})
}
