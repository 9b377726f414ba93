//go:build !js

package python_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
)

// A payload of a client of 2.x arrives as the type that the handler takes, also a type that 2.x has
// no text for.
func TestV2Values(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got kept[string]
		var faults kept[core.Code]
		w.srv.OnError(func(_ *core.Conn, err error) { faults.Add(core.CodeOf(err)) })
		type flag bool
		core.On(w.srv, "int", func(_ context.Context, _ *core.Conn, v int) error { got.Add(fmt.Sprint("int ", v)); return nil })
		core.On(w.srv, "float", func(_ context.Context, _ *core.Conn, v float64) error { got.Add(fmt.Sprint("float ", v)); return nil })
		core.On(w.srv, "bool", func(_ context.Context, _ *core.Conn, v bool) error { got.Add(fmt.Sprint("bool ", v)); return nil })
		core.On(w.srv, "flag", func(_ context.Context, _ *core.Conn, v flag) error { got.Add(fmt.Sprint("flag ", v)); return nil })
		core.On(w.srv, "text", func(_ context.Context, _ *core.Conn, v string) error { got.Add(fmt.Sprintf("text %q", v)); return nil })
		core.On(w.srv, "bytes", func(_ context.Context, _ *core.Conn, v []byte) error { got.Add(fmt.Sprintf("bytes %q", v)); return nil })
		core.On(w.srv, "list", func(_ context.Context, _ *core.Conn, v []any) error {
			got.Add(fmt.Sprint("list ", v, v == nil))
			return nil
		})
		core.On(w.srv, "map", func(_ context.Context, _ *core.Conn, v map[string]int) error {
			got.Add(fmt.Sprint("map ", v))
			return nil
		})
		w.serve()
		p := w.knock()
		p.send(helloV3(`"eve"`, `null`))
		send := func(payloads ...string) []string {
			p.send(oldFrames(payloads...))
			synctest.Wait()
			all := got.All()
			got = kept[string]{}
			return all
		}
		require.Equal(t, []string{"int 42", "int -1", "float 3.5", "float 1e+100", `text "[1, 2]"`, "list [1 a <nil>] false", "map map[k:1]"},
			send(cmd2("int", "42"), cmd2("int", " -1"), cmd2("float", "3.5"), cmd2("float", "1e+100"), cmd2("text", "[1, 2]"),
				cmd2("list", `[1, "a", null]`), cmd2("map", `{"k": 1}`)))
		require.Equal(t, []string{"int 0", "float 0", "bool false", "bool true", "flag true", "flag false", `text ""`, `text "\x00"`, `bytes ""`, `bytes "\x00"`, "list [] true", "map map[]", "int 0"},
			send(cmd2("int", ""), cmd2("float", ""), cmd2("bool", ""), cmd2("bool", "\x00"), cmd2("flag", "\x00"), cmd2("flag", ""), cmd2("text", ""), cmd2("text", "\x00"),
				cmd2("bytes", ""), cmd2("bytes", "\x00"), cmd2("list", ""), cmd2("map", ""), "$CMD$int"))
		require.Empty(t, faults.All())
		require.Empty(t, send(cmd2("int", "\x00"), cmd2("int", "x"), cmd2("list", "{}"), cmd2("float", "inf")))
		require.Equal(t, []core.Code{core.CodeBadPayload, core.CodeBadPayload, core.CodeBadPayload, core.CodeBadPayload}, faults.All())
	})
}

// Clients of all releases share one port. Each is told everything in its own dialect.
func TestV2AmongOthers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.srv.OnAny(func(context.Context, *core.Conn, core.Frame) error { return nil })
		w.tapped()
		old, two, three := w.old(`"old"`, `null`), w.knock(), w.knock()
		two.send(helloV3(`"two"`, `null`) + oldFrames(cmd2("hi", "all")))
		synctest.Wait()
		three.send(helloV3(`"three"`, `null`) + oldFrames(cmd("hi", "3s", "all")))
		old.want(universal("two", "40002"), universal("three", "40003"))
		two.want(universal("two", "40002"), `$CLTCONN${"ip": ["127.0.0.1", 40003], "name": "three", "group": null}`)
		three.want(universal("three", "40003"))
		require.NoError(t, w.srv.All().Send("v", []any{1, "é", 2.5}))
		old.want(`v [1,"é",2.5]`)
		two.want(cmd2("v", `[1, "\u00e9", 2.5]`))
		three.want(cmd("v", "l1i2s4f", "1é\x40\x20\x00\x00"))
		require.NoError(t, w.srv.All().Send("v", true))
		old.want("v true")
		two.want(cmd2("v", "\x00"))
		require.Empty(t, three.take())
		require.NoError(t, w.srv.All().SendRaw([]byte("raw")))
		old.want("raw")
		require.Empty(t, two.take())
		fourth := w.old(`"fourth"`, `null`)
		two.want(`$CLTCONN${"ip": ["127.0.0.1", 40004], "name": "fourth", "group": null}`)
		three.want(`$CLTCONN${"ip": ["127.0.0.1", 40004], "name": "fourth", "group": null, "ipstr": "127.0.0.1:40004"}`)
		var speak []string
		for _, name := range []string{"old", "two", "three"} {
			speak = append(speak, w.conn(name).Dialect().String())
		}
		require.Equal(t, []string{"0.0.2", "2.x", "3.0a"}, speak)
		w.conn("two").Close()
		two.want("$DISCONN$")
		require.True(t, two.isEnded())
		fourth.close()
	})
}

// A record of another client is sent in the form that the original's client can read, a moment
// after the request.
func TestV2Record(t *testing.T) {
	inWorld(t, &core.ServerOptions{Classic: core.ClassicOptions{Unknown: core.Dialect2x}}, func(w *world) {
		w.tapped()
		w.old(`"bob"`, `"red"`)
		p := w.knock()
		p.send(helloV3(`"eve"`, `null`))
		synctest.Wait()
		p.take()
		p.send(oldFrames("$GETCLT$bob", "$GETCLT$127.0.0.1:40001", "$GETCLT$nobody", "$GETCLT$('127.0.0.1', 9)"))
		require.Empty(t, p.take())
		time.Sleep(recordDelay)
		bob := cmd2("record$1$", `{"ip": ["127.0.0.1", 40001], "name": "bob", "group": "red"}`)
		none := cmd2("record$1$", `{"traceback": "$NOEXIST$"}`)
		p.want(bob, bob, none, none)
		p.send(oldFrames("$GETCLT$nobody"))
		p.close() // before the answer
	})
}

// Clients of 2.0 and later are probed, at half the pace of native clients.
func TestAlive(t *testing.T) {
	tests := map[string]struct {
		timeouts core.Timeouts
		answers  bool
		asked    bool
		code     core.Code
	}{
		"answers":       {core.Timeouts{}, true, true, core.CodeNone},
		"does not":      {core.Timeouts{}, false, true, core.CodeHeartbeat},
		"nobody asks":   {core.Timeouts{Heartbeat: -1}, false, false, core.CodeNone},
		"asked sooner":  {core.Timeouts{Heartbeat: time.Second}, true, true, core.CodeNone},
		"and is silent": {core.Timeouts{Heartbeat: time.Second}, false, true, core.CodeHeartbeat},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &core.ServerOptions{Timeouts: tc.timeouts}, func(w *world) {
				w.serve()
				p := w.v3(`"eve"`, `null`)
				old := w.old(`"old"`, `null`) // never probed
				c := w.conn("eve")
				asked := 0
				for range 200 {
					time.Sleep(time.Second)
					if p.take() == oldFrames("$KEEPALIVE$") {
						asked++
						if tc.answers {
							p.send(oldFrames("$KEEPACK$"))
						}
					}
				}
				require.Equal(t, tc.asked, asked > 0)
				require.Equal(t, tc.code, core.CodeOf(c.Err()))
				require.NotContains(t, old.take(), "ALIVE")
				require.False(t, old.isEnded())
			})
		})
	}
}

// A Go client and a Go server understand each other in the dialect of 2.x, also beside a Go client of
// 3.0a.
func TestV2BothEnds(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		core.On(w.srv, "sum", func(_ context.Context, c *core.Conn, in []int) error {
			return errors.Join(c.Send("sum", in[0]+in[1]), c.Send("zero", 0), c.Send("yes", true))
		})
		w.serve()
		for _, d := range []core.Dialect{core.Dialect002, core.Dialect1x, core.Dialect2x} {
			cl := harness.NewClient(w.lis, &core.ClientOptions{Name: "ada" + d.String(), Codec: testCodec{}, Classic: &core.Classic{Dialect: d}, Retry: core.Retry{Off: true}})
			w.clients = append(w.clients, cl)
			var got kept[string]
			core.On(cl, "sum", func(_ context.Context, _ *core.Conn, in int) error { got.Add(fmt.Sprint(in)); return nil })
			core.On(cl, "zero", func(_ context.Context, _ *core.Conn, in int) error { got.Add(fmt.Sprint(in)); return nil })
			core.On(cl, "yes", func(_ context.Context, _ *core.Conn, in bool) error { got.Add(fmt.Sprint(in)); return nil })
			w.join(cl)
			require.NoError(t, cl.Send("sum", []int{1, 2}))
			synctest.Wait()
			require.Equal(t, []string{"3", "0", "true"}, got.All(), d.String())
			require.Equal(t, d, cl.Conn().Dialect())
			p, err := cl.Record(w.ctx, "ada"+d.String())
			if d == core.Dialect002 {
				require.Equal(t, core.CodeUnsupported, core.CodeOf(err))
			} else {
				require.NoError(t, err)
				require.Equal(t, "ada"+d.String(), p.Name)
				require.Equal(t, d, w.conn(p.Name).Dialect())
				_, err = cl.Record(w.ctx, "nobody")
				require.Equal(t, core.CodeUnknownClient, core.CodeOf(err))
				require.True(t, core.IsRemote(err))
			}
			cl.Close()
			<-cl.Done()
		}
	})
}
