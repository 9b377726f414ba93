//go:build !js

package python_test

import (
	"context"
	"errors"
	"net"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
)

// HiSockServer(addr, blocking, max_connections, header_len, tls), start_server, get_addr
func TestStartServer(t *testing.T) {
	t.Run("addresses", func(t *testing.T) {
		o := newOriginal(t, nil)
		second, err := tcp.Listen("127.0.0.1:0", nil)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(o.ctx)
		defer stop()
		served := make(chan error, 1)
		go func() { served <- o.srv.Serve(ctx, second) }()
		o.join("ada")
		o.enter(clientOf(t, second.Addr(), nil))

		want := []string{o.addr, second.Addr()}
		slices.Sort(want)
		require.Equal(t, want, o.srv.ListenAddrs())
		for _, addr := range want {
			_, port, err := net.SplitHostPort(addr)
			require.NoError(t, err)
			require.NotEqual(t, "0", port)
		}
		stop()
		require.ErrorIs(t, <-served, context.Canceled)
		require.Equal(t, []string{o.addr}, o.srv.ListenAddrs())
		require.Equal(t, 2, o.srv.Len(), "who has come stays")
	})
	t.Run("max_connections is a limit", func(t *testing.T) {
		o := newOriginal(t, &core.ServerOptions{Limits: core.Limits{MaxConns: 2}})
		ada, bob := o.join("ada"), o.python("bob", "")

		err := o.client(nil).Connect(o.ctx)
		require.Equal(t, core.CodeTooManyConns, core.CodeOf(err))
		require.True(t, core.IsRemote(err))
		require.Equal(t, core.CodeTooManyConns, core.CodeOf(coretest.Next(t, o.faults).Err))
		carl := dialPython(t, o.addr)
		carl.sends(pythonHello("carl", ""))
		carl.rest() // it cannot be told the reason in a way that it understands
		require.Equal(t, core.CodeTooManyConns, core.CodeOf(coretest.Next(t, o.faults).Err))

		o.check(ada) // connected clients do not notice
		bob.vanishes()
		require.Equal(t, "bob", coretest.Next(t, o.leaves).Conn.Name())
		o.join("carol") // there is room again
		require.Equal(t, 2, o.srv.Len())
	})
	t.Run("header_len", func(t *testing.T) {
		o := newOriginal(t, &core.ServerOptions{Classic: core.ClassicOptions{HeaderLen: 6}}, func(o *original) {
			core.On(o.srv, "sum", func(_ context.Context, c *core.Conn, _ string) error { return c.Send("sum", 3) })
		})
		p := dialPython(t, o.addr)
		p.header = 6
		p.sends(pythonHello("alice", "red"), "sum 1,2")
		p.gets("sum 3")
	})
	t.Run("start and serve for ever", func(t *testing.T) {
		o := newOriginal(t, nil)
		o.join("ada")
		require.Empty(t, o.served, "Serve blocks")
	})
}

// on(command), reserved join, leave, message
func TestOn(t *testing.T) {
	o := newOriginal(t, nil, func(o *original) {
		o.srv.OnJoin(func(c *core.Conn) {
			o.heard <- c.Name() + " join"
			o.joins <- c
		})
		core.On(o.srv, "say", note[string](o, "say"))
		o.srv.OnMessage(func(_ context.Context, c *core.Conn, f core.Frame) error {
			o.heard <- c.Name() + " message " + f.Kind.String() + " " + f.Command + "|" + string(f.Payload)
			return nil
		})
		o.srv.OnLeave(func(c *core.Conn, why error) {
			o.heard <- c.Name() + " leave"
			o.leaves <- harness.Departure{Conn: c, Why: why}
		})
	})
	heard := make(chan string, harness.EventRoom)
	ada := o.client(&core.ClientOptions{Name: "ada"})
	core.On(ada, "say", func(_ context.Context, _ *core.Conn, text string) error { heard <- text; return nil })
	ada.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error { heard <- f.Kind.String(); return nil })
	server := o.enter(ada)
	o.hears("ada join")
	require.NoError(t, ada.Send("say", "hello"))
	require.NoError(t, ada.Send("other", 1))
	require.NoError(t, ada.SendRaw([]byte("raw")))
	o.hears("ada say string hello", "ada message command say|hello", "ada message command other|1", "ada message raw message |raw")
	require.NoError(t, server.Send("say", "from the server"))
	require.Equal(t, []string{"from the server", "command"}, []string{coretest.Next(t, heard), coretest.Next(t, heard)})

	bob := o.python("bob", "red")
	o.hears("bob join")
	// In the original each of the last four payloads ends the server.
	bob.sends("say hello", "raw", "join", "join me", "leave", "leave now")
	o.hears("bob say string hello", "bob message command say|hello", "bob message raw message |raw")
	for _, payload := range []string{"join", "join me", "leave", "leave now"} {
		o.hears("bob message raw message |" + payload)
	}
	bob.vanishes()
	o.hears("bob leave")
	require.Equal(t, core.CodeClosed, core.CodeOf(coretest.Next(t, o.leaves).Why))
	o.check(ada)
	require.NoError(t, ada.Close())
	o.hears("ada leave")
	require.Equal(t, core.CodeClosed, core.CodeOf(coretest.Next(t, o.leaves).Why))
	require.Empty(t, o.heard, "each event once")
}

func TestOnReserved(t *testing.T) {
	for _, r := range []core.Registrar{harness.NewServer(nil), harness.NewClient(transport.NewPipeListener(), nil)} {
		for _, name := range []string{"join", "leave", "message", "client_connect", "client_disconnect"} {
			want := `core: command "` + name + `" is reserved: use the method of that event`
			require.PanicsWithValue(t, want, func() {
				core.On(r, name, func(context.Context, *core.Conn, string) error { return nil })
			})
			require.PanicsWithValue(t, want, func() {
				core.Handle(r, name, func(context.Context, *core.Conn, string) (int, error) { return 0, nil })
			})
		}
	}
}

// type casting to int, str, float; planned for reserved commands
func TestCasts(t *testing.T) {
	o := newOriginal(t, nil, func(o *original) {
		core.On(o.srv, "int", note[int](o, "got"))
		core.On(o.srv, "str", note[string](o, "got"))
		core.On(o.srv, "float", note[float64](o, "got"))
		core.On(o.srv, "bytes", note[[]byte](o, "got"))
		core.On(o.srv, "bool", note[bool](o, "got"))
		core.On(o.srv, "json", note[map[string]int](o, "got"))
		core.Handle(o.srv, "double", func(_ context.Context, _ *core.Conn, n int) (int, error) { return 2 * n, nil })
	})
	ada, bob := o.join("ada"), o.python("bob", "")
	good := []struct{ command, content, want string }{
		{"int", "-42", "int -42"}, {"int", " 7\n", "int 7"}, {"str", "zoë", "string zoë"}, {"str", "", "string "},
		{"float", "2.5", "float64 2.5"}, {"float", "-1e3", "float64 -1000"}, {"bytes", "\xff 1", "[]uint8 [255 32 49]"},
		{"bool", "true", "bool true"}, {"json", `{"a": 1}`, "map[string]int map[a:1]"},
	}
	for _, tc := range good {
		require.NoError(t, ada.SendBytes(tc.command, []byte(tc.content)))
		o.hears("ada got " + tc.want)
		bob.sends(tc.command + " " + tc.content)
		o.hears("bob got " + tc.want)
	}
	// In the original each of these contents ends the loop.
	bad := []struct{ command, content string }{
		{"int", "many"}, {"int", "2.5"}, {"int", ""}, {"int", "99999999999999999999"}, {"int", "1_000"},
		{"str", "\xff"}, {"float", "1,5"}, {"bool", "maybe"}, {"json", "{"},
	}
	failed := func(name, command string) {
		t.Helper()
		f := coretest.Next(t, o.faults)
		require.Equal(t, core.CodeBadPayload.String(), core.CodeOf(f.Err).String())
		require.Equal(t, name, f.Conn.Name())
		require.ErrorContains(t, f.Err, command)
	}
	for _, tc := range bad {
		require.NoError(t, ada.SendBytes(tc.command, []byte(tc.content)))
		failed("ada", tc.command)
		bob.sends(tc.command+" "+tc.content, "int 1")
		failed("bob", tc.command)
		o.hears("bob got int 1")
	}
	_, err := core.Call[int](o.ctx, ada, "double", "many")
	require.Equal(t, core.CodeBadPayload, core.CodeOf(err))
	require.True(t, core.IsRemote(err))
	n, err := core.Call[int](o.ctx, ada, "double", 21)
	require.NoError(t, err)
	require.Equal(t, 42, n)
	require.Empty(t, o.heard)
	o.check(ada)
}

// The message handler casts too, at both ends. The original confuses int and float there.
func TestCastsOfMessages(t *testing.T) {
	tests := map[string]struct {
		register  func(o *original)
		good, bad string
		want      string
	}{
		"int":   {func(o *original) { core.OnMessage(o.srv, note[int](o, "message")) }, "42", "2.5", "message int 42"},
		"float": {func(o *original) { core.OnMessage(o.srv, note[float64](o, "message")) }, "2.5", "x", "message float64 2.5"},
		"str":   {func(o *original) { core.OnMessage(o.srv, note[string](o, "message")) }, "zoë", "\xff", "message string zoë"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := newOriginal(t, nil, tc.register)
			ada, bob := o.join("ada"), o.python("bob", "")
			require.NoError(t, ada.SendRaw([]byte(tc.bad)))
			require.Equal(t, core.CodeBadPayload, core.CodeOf(coretest.Next(t, o.faults).Err))
			require.NoError(t, ada.SendRaw([]byte(tc.good)))
			require.NoError(t, ada.Send("any", tc.good))
			o.hears("ada "+tc.want, "ada "+tc.want)
			bob.sends(tc.bad, tc.good)
			require.Equal(t, core.CodeBadPayload, core.CodeOf(coretest.Next(t, o.faults).Err))
			o.hears("bob " + tc.want)
			o.check(ada)
		})
	}
	t.Run("client", func(t *testing.T) {
		o := newOriginal(t, nil)
		ada := o.client(&core.ClientOptions{Name: "ada"})
		core.OnMessage(ada, note[int](o, "message"))
		faults := make(chan error, 1)
		ada.OnError(func(_ *core.Conn, err error) { faults <- err })
		c := o.enter(ada)
		require.NoError(t, errors.Join(c.SendRaw([]byte("many")), c.SendRaw([]byte("42"))))
		require.Equal(t, core.CodeBadPayload, core.CodeOf(coretest.Next(t, faults)))
		o.hears("ada message int 42")
		o.check(ada)
	})
}

// An argument list: values of several types in one command, converted each.
func TestArgumentList(t *testing.T) {
	type move struct {
		Name string
		N    int
		OK   bool
	}
	o := newOriginal(t, nil, func(o *original) {
		core.On2(o.srv, "two", func(_ context.Context, c *core.Conn, who string, by float64) error {
			return c.Send("two", []any{by, who})
		})
		core.On3(o.srv, "three", func(_ context.Context, c *core.Conn, name string, n int, ok bool) error {
			return c.Send("three", []any{ok, n, name})
		})
		core.On(o.srv, "struct", note[move](o, "got"))
	})
	ada := o.client(&core.ClientOptions{Name: "ada"})
	core.On2(ada, "two", func(_ context.Context, c *core.Conn, by float64, who string) error {
		return note[any](o, who)(nil, c, by)
	})
	core.On3(ada, "three", func(_ context.Context, c *core.Conn, ok bool, n int64, name string) error {
		return note[any](o, name)(nil, c, move{name, int(n), ok})
	})
	o.enter(ada)
	require.NoError(t, ada.Send("two", []any{"zoë", 2.5}))
	o.hears("ada zoë float64 2.5")
	require.NoError(t, ada.Send("three", []any{"zoë", 3, true}))
	o.hears("ada zoë python_test.move {zoë 3 true}")
	require.NoError(t, ada.Send("struct", move{"zoë", 3, true}))
	o.hears("ada got python_test.move {zoë 3 true}")

	bob := o.python("bob", "")
	bob.sends(`three ["bob", 3, true]`, `struct {"name": "bob", "n": 3, "ok": true}`) // json.dumps
	bob.gets(`three [true,3,"bob"]`)
	o.hears("bob got python_test.move {bob 3 true}")
	for _, bad := range []string{``, `null`, `{}`, `["bob", 3]`, `["bob", 3, true, 4]`, `["bob", "3", true]`, `["bob", 3.5, true]`, `["bob", 3, true`} {
		bob.sends("three " + bad)
		f := coretest.Next(t, o.faults)
		require.Equal(t, core.CodeBadPayload, core.CodeOf(f.Err), bad)
		require.ErrorContains(t, f.Err, "three")
	}
	bob.sends(`three ["bob", null, true]`)
	bob.gets(`three [true,0,"bob"]`)
	o.check(ada)
}
