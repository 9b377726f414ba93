//go:build !js

package python_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// A newcomer for whom there is no place or no time is told so in its own dialect, or in each that
// it may speak.
func TestRefusedInKind(t *testing.T) {
	hellos := map[string]string{"0.0.2": oldHello(`"b"`, `null`), "2.x or 3.0a": helloV3(`"b"`, `null`)}
	full := map[string]*core.ServerOptions{
		"MaxConns":        {Limits: core.Limits{MaxConns: 1}},
		"MaxConnsPerAddr": {Limits: core.Limits{MaxConnsPerAddr: 1}},
		"UniqueNames":     {Access: core.Access{UniqueNames: true}},
		"Authorize":       {Access: core.Access{Authorize: func(_ context.Context, a *core.Admission) error { return nameOnly(a.Name, "a") }}},
	}
	for name, opts := range full {
		for who, hello := range hellos {
			t.Run(name+", "+who, func(t *testing.T) {
				o := *opts
				inWorld(t, &o, func(w *world) {
					w.serve()
					first := "a"
					if name == "UniqueNames" {
						first = "b"
					}
					w.old(`"`+first+`"`, `null`)
					p := w.knock()
					p.send(hello)
					p.want("$DISCONN$")
					require.True(t, p.isEnded())
					require.Equal(t, 1, w.srv.Len())
				})
			})
		}
	}
	for who, hello := range hellos {
		t.Run("shutting down, "+who, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.serve()
				native, silent, p := w.peer(), w.knock(), w.knock()
				synctest.Wait()
				shut := make(chan error, 1)
				go func() { shut <- w.srv.Shutdown(w.ctx) }()
				synctest.Wait()
				p.send(hello) // it was on its way
				p.want("$DISCONN$")
				require.True(t, p.isEnded())
				time.Sleep(200 * time.Millisecond)
				synctest.Wait()
				require.Contains(t, silent.take(), "the server is shutting down", "as it was told before")
				wantRefusal(native, core.CodeShutdown)
				require.NoError(t, <-shut)
			})
		})
	}
}

// wantRefusal reads a refusal with that code.
func wantRefusal(p *coretest.Peer, code core.Code) {
	p.T.Helper()
	f := p.Want()
	require.Equal(p.T, wire.KindRefuse, f.Kind)
	no, err := wire.ParseRefuse(f.Body)
	require.NoError(p.T, err)
	require.Equal(p.T, code.String(), no.Code.String())
}

// The error for a header of another length names both lengths, if the client's can be told.
func TestOtherHeader(t *testing.T) {
	hello := func(n int) string {
		const text = `$CLTHELLO$ {"name": null, "group": null}`
		return "40" + strings.Repeat(" ", n-2) + text
	}
	tests := map[string]struct {
		in   string
		says string
	}{
		"shorter":           {hello(8), "the peer's has 8 B, and 16 B are set here: see ClassicOptions.HeaderLen"},
		"longer":            {hello(32), "the peer's has 32 B, and 16 B are set here"},
		"of a later one":    {`46      $CLTHELLO${"name": "eve"`, "the peer's has 8 B, and 16 B are set here"},
		"nothing of a kind": {"44      hello there and more", "not a number of bytes"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				var faults kept[string]
				w.srv.OnError(func(_ *core.Conn, err error) { faults.Add(err.Error()) })
				w.serve()
				p := w.knock()
				p.send(tc.in)
				require.True(t, p.isEnded())
				require.Len(t, faults.All(), 1)
				require.Contains(t, faults.All()[0], tc.says)
				require.Contains(t, strings.Join(w.log.Lines(), "\n"), "a client is refused")
			})
		})
	}
	for _, n := range []int{60, 300, 4096} { // more than the whole hello has
		inWorld(t, &core.ServerOptions{Classic: core.ClassicOptions{HeaderLen: n}}, func(w *world) {
			var faults kept[string]
			w.srv.OnError(func(_ *core.Conn, err error) { faults.Add(err.Error()) })
			w.serve()
			p := w.knock()
			p.send(hello(16))
			require.True(t, p.isEnded(), "at once")
			require.Contains(t, faults.All()[0], "the peer's has 16 B")
		})
	}
	for _, n := range []int{2, 65, 300, 4096} { // lengths that the original takes
		inWorld(t, &core.ServerOptions{Classic: core.ClassicOptions{HeaderLen: n}}, func(w *world) {
			w.srv.OnBytes("say", func(_ context.Context, c *core.Conn, b []byte) error { return c.SendBytes("said", b) })
			w.serve()
			p := w.knock()
			pad := func(payload, size string) string { return size + strings.Repeat(" ", n-len(size)) + payload }
			p.send(hello(n) + pad("say hi", "6"))
			require.Equal(t, pad("said hi", "7"), p.take())
		})
	}
}

// A client whose server has another header, or another dialect, tells its program what to set.
func TestClientMisfits(t *testing.T) {
	const who = `{"ip": ["127.0.0.1", 5], "name": "ada", "group": null`
	tests := map[string]struct {
		speaks core.Dialect
		in     string
		code   core.Code
		says   string
	}{
		"shorter header":       {core.Dialect002, "60      $CLTCONN$ " + who, core.CodeProtocol, "the peer's has 8 B, and 16 B are set here: see Classic.HeaderLen"},
		"longer header":        {core.Dialect2x, "60" + strings.Repeat(" ", 30) + "$CLTCONN${", core.CodeProtocol, "the peer's has 32 B"},
		"2.x to 0.0.2":         {core.Dialect002, oldFrames("$CLTCONN$" + who + "}"), core.CodeVersion, "the server speaks hisock 2.x, and Classic.Dialect is set to 0.0.2"},
		"2.x to 1.x":           {core.Dialect1x, oldFrames("$CLTCONN$" + who + "}"), core.CodeVersion, "the server speaks hisock 2.x"},
		"3.0a to 0.0.2":        {core.Dialect002, oldFrames("$CLTCONN$" + who + `, "ipstr": "127.0.0.1:5"}`), core.CodeVersion, "the server speaks hisock 3.0a"},
		"2.0 to 0.0.2":         {core.Dialect002, oldFrames("$CLTCONN$ "+who+"}", cmd2("say", "hi")), core.CodeVersion, "the server speaks hisock 2.x"},
		"3.0a by a command":    {core.Dialect002, oldFrames(cmd("say", "2s", "hi")), core.CodeVersion, "the server speaks hisock 3.0a"},
		"3.0a to 2.x":          {core.Dialect2x, oldFrames("$CLTCONN$" + who + `, "ipstr": "127.0.0.1:5"}`), core.CodeVersion, "hisock 3.0a, and Classic.Dialect is set to 2.x"},
		"2.x to 3.0a":          {core.Dialect30a, oldFrames("$CLTCONN$" + who + "}"), core.CodeVersion, "hisock 2.x, and Classic.Dialect is set to 3.0a"},
		"nothing that it says": {core.Dialect30a, oldFrames("$CLTCONN$ " + who + "}"), core.CodeNone, ""},
		"a bad notice":         {core.Dialect2x, oldFrames("$CLTCONN${"), core.CodeNone, ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *oldServer) {
				cl := harness.NewClient(s, &core.ClientOptions{Name: "ada", Classic: &core.Classic{Dialect: tc.speaks}, Logger: core.Silent})
				require.NoError(t, cl.Connect(t.Context()))
				s.clients[0].send(tc.in)
				synctest.Wait()
				if tc.code == core.CodeNone {
					require.NoError(t, cl.Err())
					cl.Close()
					<-cl.Done()
					return
				}
				<-cl.Done() // it does not come back: time heals nothing of this
				require.Equal(t, tc.code.String(), core.CodeOf(cl.Err()).String())
				require.ErrorContains(t, cl.Err(), tc.says)
			})
		})
	}
}

// A Python server ends the connection without a word after a hello of another release.
func TestClientEndsServer(t *testing.T) {
	for _, speaks := range []core.Dialect{core.Dialect002, core.Dialect1x, core.Dialect2x, core.Dialect30a} {
		t.Run(speaks.String(), func(t *testing.T) {
			for first, told := range map[string]bool{"": true, oldFrames("hello"): false} {
				inBubble(t, func(t *testing.T, s *oldServer) {
					cl := harness.NewClient(s, &core.ClientOptions{Classic: &core.Classic{Dialect: speaks}, Retry: core.Retry{Off: true}, Logger: core.Silent})
					require.NoError(t, cl.Connect(t.Context()))
					s.clients[0].send(first)
					synctest.Wait()
					s.clients[0].close()
					<-cl.Done()
					require.Equal(t, core.CodeConnLost, core.CodeOf(cl.Err()))
					require.Equal(t, told, strings.Contains(cl.Err().Error(), "it is of another release or has another header"), cl.Err())
				})
			}
		})
	}
}

// A native client is told that its server seems to be a Python server.
func TestNativeClientAtClassicServer(t *testing.T) {
	tests := map[string]struct {
		in   string
		code core.Code
		says string
	}{
		"ends":          {"", core.CodeConnLost, "a server of the Python package does so, see ClientOptions.Classic"},
		"says a notice": {`69              $CLTCONN${"ip": ["127.0.0.1", 5]`, core.CodeNotNative, "the protocol of the original: see ClientOptions.Classic"},
		"says goodbye":  {oldFrames("$DISCONN$"), core.CodeNotNative, "the protocol of the original"},
		"says 8 bytes":  {"8       abcdefgh", core.CodeNotNative, "the protocol of the original"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *oldServer) {
				cl := harness.NewClient(s, &core.ClientOptions{})
				failed := make(chan error, 1)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				go func() { failed <- cl.Connect(ctx) }()
				synctest.Wait()
				if tc.in != "" {
					s.clients[0].send(tc.in)
				}
				s.clients[0].close()
				err := <-failed
				require.Equal(t, tc.code.String(), core.CodeOf(err).String())
				require.ErrorContains(t, err, tc.says)
			})
		})
	}
}
