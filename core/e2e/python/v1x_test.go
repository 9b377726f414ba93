//go:build !js

package python_test

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// The requests of a client of 1.x take effect, framed or not, and are never taken for raw messages.
func TestV1Wishes(t *testing.T) {
	pieces := map[string]func(p *oldPeer, b string){"as it came": (*oldPeer).send, "byte at a time": (*oldPeer).drip}
	for how, send := range pieces {
		t.Run(how, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				var heard kept[string]
				w.srv.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error { heard.Add(string(f.Payload)); return nil })
				w.srv.OnRename(func(_ *core.Conn, old, name string) { heard.Add(old + " is " + name) })
				w.tapped()
				p, other := w.old(`"eve"`, `"red"`), w.old(`"bob"`, `null`)
				c := w.conn("eve")
				require.Equal(t, core.Dialect002, c.Dialect())
				p.take()
				ask := func(b string) string {
					t.Helper()
					send(p, b)
					require.Empty(t, p.take())
					other.take()
					other.send(oldFrames("$GETCLT$ 127.0.0.1:40001"))
					return other.take()[16:]
				}
				record := func(name, group string) string {
					return `{"ip": ["127.0.0.1", 40001], "name": ` + name + `, "group": ` + group + `}`
				}
				require.Equal(t, record(`"anna"`, `"red"`), ask(oldFrames("$CHNAME$ anna")))
				require.Equal(t, core.Dialect1x, c.Dialect())
				require.Equal(t, record(`"anna"`, `"blue"`), ask(oldFrames("$CHGROUP$ blue")))
				require.Equal(t, []string{"blue"}, c.Groups())
				require.Equal(t, record(`""`, `"blue"`), ask(oldFrames("$CHNAME$ ")))
				require.Equal(t, record(`null`, `"blue"`), ask("$CHNAME$"), "without a header")
				require.Equal(t, record(`null`, `null`), ask("$CHGROUP$"), "without a header")
				require.Empty(t, c.Groups())
				require.Equal(t, record(`null`, `""`), ask(oldFrames("$CHGROUP$ ")))
				require.Equal(t, record(`"x"`, `"two words"`), ask("$CHNAME$"+oldFrames("$CHNAME$ x", "$CHGROUP$ two words")))
				require.Equal(t, record(`null`, `null`), ask(oldFrames("$CHNAME$", "$CHGROUP$")))
				p.send(oldFrames("hello", "say hi"))
				synctest.Wait()
				require.Equal(t, []string{"eve is anna", "anna is ", " is x", "x is ", "hello", "say hi"}, heard.All())
				p.send(oldFrames("$USRCLOSE$", "too late"))
				require.True(t, p.isEnded(), "at once: it may wait for that")
				require.Equal(t, core.CodeClosed, core.CodeOf(c.Err()))
				require.True(t, core.IsRemote(c.Err()))
				require.Len(t, heard.All(), 6)
			})
		})
	}
}

// A server with authorizers refuses the requests of clients of 1.x, too.
func TestV1WishesAreAuthorized(t *testing.T) {
	opts := &core.ServerOptions{Access: core.Access{
		Authorize:      func(context.Context, *core.Admission) error { return nil },
		AuthorizeName:  func(_ context.Context, _ *core.Conn, name string) error { return nameOnly(name, "anna") },
		AuthorizeGroup: func(_ context.Context, _ *core.Conn, group string) error { return nameOnly(group, "red") },
	}}
	inWorld(t, opts, func(w *world) {
		var faults kept[core.Code]
		w.srv.OnError(func(_ *core.Conn, err error) { faults.Add(core.CodeOf(err)) })
		w.serve()
		p := w.old(`"eve"`, `"red"`)
		c := w.conn("eve")
		p.send(oldFrames("$CHNAME$ mallory", "$CHGROUP$ staff") + "$CHNAME$")
		require.Empty(t, p.take())
		require.Equal(t, "eve", c.Name())
		require.Empty(t, c.Groups(), "it has left the one, and may not join the other")
		require.Equal(t, []core.Code{core.CodeUnauthorized, core.CodeUnauthorized, core.CodeUnauthorized}, faults.All())
		p.send(oldFrames("$CHNAME$ anna", "$CHGROUP$ red"))
		require.Empty(t, p.take())
		require.Equal(t, "anna", c.Name())
		require.Equal(t, []string{"red"}, c.Groups())
		require.Len(t, faults.All(), 3)
	})
}

func nameOnly(name, allowed string) error {
	if name != allowed {
		return core.NewError(core.CodeUnauthorized, "not that")
	}
	return nil
}

// Bytes that begin like one of the two words without a header, and go on differently, end the
// connection.
func TestV1BadWords(t *testing.T) {
	for _, in := range []string{"$CHNAMES", "$USRCLOSE$", "$CHGROUP ", "$$$$$$$$"} {
		echoWorld(t, nil, func(w *world, faults *kept[hooked], check func()) {
			p := w.old(`"eve"`, `null`)
			p.send(in)
			require.True(t, p.isEnded(), in)
			require.Equal(t, []hooked{{true, core.CodeProtocol}}, faults.All())
			check()
		})
	}
}

// A client of a release without a goodbye leaves without a fault, with CodeClosed. A client that
// leaves in the middle of a frame does not.
func TestLeavesInOrder(t *testing.T) {
	tests := map[string]struct {
		in    string
		marks bool
		code  core.Code
	}{
		"0.0.2":                {"", false, core.CodeClosed},
		"0.0.2, behind more":   {oldFrames("say hi"), false, core.CodeClosed},
		"0.0.2, half a frame":  {"5               ab", false, core.CodeConnLost},
		"0.0.2, half a header": {"5     ", false, core.CodeConnLost},
		"1.x, without a word":  {oldFrames("$CHNAME$ x"), false, core.CodeClosed},
		"later, without one":   {"", true, core.CodeConnLost},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			echoWorld(t, nil, func(w *world, faults *kept[hooked], _ func()) {
				p := w.old(`"eve"`, `null`)
				c := w.conn("eve")
				if tc.marks {
					p = w.v3(`"zoe"`, `null`)
					c = w.conn("zoe")
				}
				p.send(tc.in)
				p.take()
				p.close()
				require.Equal(t, tc.code, core.CodeOf(c.Err()))
				require.Equal(t, tc.code == core.CodeClosed, core.IsRemote(c.Err()))
				require.Empty(t, faults.All())
			})
		})
	}
}
