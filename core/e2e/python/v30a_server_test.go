//go:build !js

package python_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
)

// helloV3 returns the hello of 3.0a. name and group are JSON.
func helloV3(name, group string) string {
	return oldFrames(`$CLTHELLO${"name": ` + name + `, "group": ` + group + `}`)
}

// only30a returns options for a server all of whose clients with markers are of 3.0a.
func only30a(o *core.ServerOptions) *core.ServerOptions {
	if o == nil {
		o = &core.ServerOptions{}
	}
	o.Classic.Unknown = core.Dialect30a
	return o
}

// cmd returns a command of 3.0a whose value has the format and data.
func cmd(name, format, data string) string {
	return "$CMD$" + name + "$MSG$" + strings.TrimSuffix(oldFrames(format), format)[:8] + format + data
}

// v3 joins by hand and drops the notice of the client's own coming.
func (w *world) v3(name, group string) *oldPeer {
	p := w.knock()
	p.send(helloV3(name, group))
	require.Contains(w.t, p.take(), "$CLTCONN$")
	return p
}

// A newcomer is told of itself before anything else.
func TestV3Joins(t *testing.T) {
	inWorld(t, only30a(nil), func(w *world) {
		w.srv.OnJoin(func(c *core.Conn) { c.Send("welcome", c.Name()) }) //nolint:errcheck // seen below
		w.tapped()
		ada := w.knock()
		ada.send(helloV3(`"ada"`, `"red"`) + oldFrames(cmd("nobody", "", "")))
		ada.want(`$CLTCONN${"ip": ["127.0.0.1", 40001], "name": "ada", "group": "red", "ipstr": "127.0.0.1:40001"}`, cmd("welcome", "3s", "ada"))
		require.Equal(t, []string{"red"}, w.conn("ada").Groups())
		ada.close()
		nobody := w.knock()
		nobody.send(helloV3(`null`, `""`))
		nobody.want(`$CLTCONN${"ip": ["127.0.0.1", 40002], "name": null, "group": "", "ipstr": "127.0.0.1:40002"}`, cmd("welcome", "0s", ""))
	})
}

// All three kinds of client share one port. Each is told everything in its own dialect.
func TestV3AmongOthers(t *testing.T) {
	inWorld(t, only30a(&core.ServerOptions{Access: core.Access{Notices: harness.TellEverything}}), func(w *world) {
		var faults kept[string]
		w.srv.OnError(func(c *core.Conn, err error) { faults.Add(c.Name() + " " + core.CodeOf(err).String()) })
		core.On(w.srv, "say", func(_ context.Context, c *core.Conn, text string) error {
			return w.srv.All().Send("said", text, core.Except(c))
		})
		w.tapped()
		var heard kept[string]
		ada := w.native(&heard, "ada", "red")
		bob := w.old(`"bob"`, `"red"`)
		eve := w.v3(`"eve"`, `"red"`)
		bob.want(`$CLTCONN$ {"ip": ["127.0.0.1", 40003], "name": "eve", "group": "red"}`)

		eve.send(oldFrames(cmd("say", "2s", "42")))
		bob.want("said 42")
		bob.send(oldFrames("say hi"))
		eve.want(cmd("said", "2s", "hi"))
		require.NoError(t, w.srv.All().Send("list", []int{1, 2}))
		require.NoError(t, w.srv.Group("red").Send("n", 7))
		require.NoError(t, w.srv.Named("eve").Send("f", 0.5))
		require.NoError(t, w.srv.Named("eve").Send("all", "x", core.AllOfThem()))
		require.NoError(t, w.srv.All().Send("bytes", []byte("b")))
		require.NoError(t, w.srv.All().SendBytes("bytes", []byte("c")))
		require.NoError(t, w.conn("eve").Send("at", time.Unix(0, 0).UTC()))
		bob.want("list [1,2]", "n 7", "bytes b", "bytes c")
		eve.want(cmd("list", "l1i1i", "12"), cmd("n", "1i", "7"), cmd("f", "4f", "\x3f\x00\x00\x00"), cmd("all", "1s", "x"),
			cmd("bytes", "1b", "b"), cmd("bytes", "1b", "c"), cmd("at", "20s", "1970-01-01T00:00:00Z"))

		require.NoError(t, w.srv.All().Send("yes", true))
		require.NoError(t, w.srv.All().SendRaw([]byte("raw")))
		require.NoError(t, w.srv.All().Send("a$MSG$b", 1))
		bob.want("yes true", "raw")
		require.Empty(t, eve.take())
		require.Equal(t, []string{"eve unsupported", "eve unsupported", "eve bad name", "bob bad name"}, sortedTail(faults.All()))
		require.Equal(t, core.CodeUnsupported, core.CodeOf(w.conn("eve").Send("yes", true)))
		_, err := w.conn("eve").CallBytes(w.ctx, "x", nil)
		require.Equal(t, core.CodeUnsupported, core.CodeOf(err))
		require.Equal(t, core.CodeBadName, core.CodeOf(w.conn("eve").Send("a\nb", 1)))
		require.NoError(t, w.conn("eve").Send("MOVE", 1), "a client reads such names")
		eve.want(cmd("MOVE", "1i", "1"))

		require.NoError(t, ada.Close())
		synctest.Wait()
		bob.want(`$CLTDISCONN$ {"ip": ["127.0.0.1", 40001], "name": "ada", "group": "red"}`)
		eve.want(`$CLTDISCONN${"ip": ["127.0.0.1", 40001], "name": "ada", "group": "red", "ipstr": "127.0.0.1:40001"}`)
		require.Contains(t, heard.All(), `came {"Name":"eve","Groups":["red"],"Addr":"127.0.0.1:40003"}`)
		require.Contains(t, heard.All(), "command list [1,2]")
	})
}

// sortedTail sorts the last two codes, which are of one broadcast and have no order.
func sortedTail(all []string) []string {
	if n := len(all); n > 2 && all[n-2] < all[n-1] {
		all[n-2], all[n-1] = all[n-1], all[n-2]
	}
	return all
}

// A payload fits the handler's type, or goes to the error hook. The connection goes on.
func TestV3Values(t *testing.T) {
	type point struct {
		X, Y int
		Name string
		Data []byte
	}
	echoWorld(t, only30a(nil), func(w *world, faults *kept[hooked], _ func()) {
		p := w.v3(`"eve"`, `null`)
		p.send(oldFrames(
			cmd("point", "d1s1i1s1i4s1s4s2b", "X1Y2NameeData\x00\xff"), cmd("ints", "l1i2i", "1-2"), cmd("float", "4f", "\x3f\x00\x00\x00"),
			cmd("ints", "1s", "x"), cmd("ints", "9i", "1"), cmd("ints", "d1[1i]1i", "12"), "$CMD$ints$MSG$1,2,3,4,5", cmd("text", "1s", "\xff"),
			cmd("text", "3s", "end"),
		))
		synctest.Wait()
		const bad = core.CodeBadPayload
		require.Equal(t, []hooked{{true, bad}, {true, bad}, {true, bad}, {true, bad}, {true, bad}}, faults.All())
		p.want(cmd("got", "d1s1i1s1i4s1s4s4s", "X1Y2NameeDataAP8="), cmd("got", "l1i2i", "1-2"), cmd("got", "4f", "\x3f\x00\x00\x00"), cmd("got", "3s", "end"))
	}, func(s *core.Server) {
		core.On(s, "point", func(_ context.Context, c *core.Conn, v point) error { return c.Send("got", v) })
		core.On(s, "ints", func(_ context.Context, c *core.Conn, v []int) error { return c.Send("got", v) })
		core.On(s, "float", func(_ context.Context, c *core.Conn, v float32) error { return c.Send("got", v) })
		core.On(s, "text", func(_ context.Context, c *core.Conn, v string) error { return c.Send("got", v) })
	})
}

// JSON that would be larger than a frame is not made.
func TestV3ValuesAreBounded(t *testing.T) {
	echoWorld(t, only30a(&core.ServerOptions{Limits: core.Limits{MaxFrame: 1024}}), func(w *world, faults *kept[hooked], check func()) {
		p := w.v3(`"eve"`, `null`)
		p.send(oldFrames(cmd("say", "l900s", strings.Repeat("\x01", 900)), cmd("say", "2s", "hi")))
		p.want(cmd("said", "2b", "hi"))
		require.Equal(t, []hooked{{true, core.CodeTooBig}}, faults.All())
		check()
	})
}

// A client leaves once, and the others are told once, in whichever way it leaves or is ended.
func TestV3Ends(t *testing.T) {
	const gone = `$CLTDISCONN${"ip": ["127.0.0.1", 40002], "name": "eve", "group": null, "ipstr": "127.0.0.1:40002"}`
	tests := map[string]struct {
		end  func(w *world, p *oldPeer)
		want string // what the client is told
		code core.Code
	}{
		"goodbye":           {func(_ *world, p *oldPeer) { p.send(oldFrames("$USRCLOSE$", "too late")) }, "", core.CodeClosed},
		"end of the stream": {func(_ *world, p *oldPeer) { p.close() }, "", core.CodeConnLost},
		"disconnected":      {func(w *world, _ *oldPeer) { w.conn("eve").Close() }, oldFrames("$DISCONN$"), core.CodeClosed},
		"disconnected, why": {func(w *world, _ *oldPeer) {
			w.conn("eve").CloseWith(core.NewError(core.CodeShutdown, "the server is shutting down"))
		}, oldFrames("$DISCONN$"), core.CodeShutdown},
		"no header":           {func(_ *world, p *oldPeer) { p.send("$DISCONN$       ") }, oldFrames("$DISCONN$"), core.CodeProtocol},
		"header over a limit": {func(_ *world, p *oldPeer) { p.send("9999999999999999") }, oldFrames("$DISCONN$"), core.CodeTooBig},
		"disconnected behind what is queued": {func(w *world, _ *oldPeer) {
			w.conn("eve").Send("last", 1) //nolint:errcheck // seen below
			w.conn("eve").Close()
		}, oldFrames(cmd("last", "1i", "1"), "$DISCONN$"), core.CodeClosed},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, only30a(nil), func(w *world) {
				var left kept[core.Code]
				w.srv.OnLeave(func(_ *core.Conn, why error) { left.Add(core.CodeOf(why)) })
				w.tapped()
				witness, p := w.v3(`"ada"`, `null`), w.v3(`"eve"`, `null`)
				witness.take()
				tc.end(w, p)
				require.Equal(t, tc.want, p.take())
				p.close()
				require.Equal(t, []core.Code{tc.code}, left.All())
				witness.want(gone)
			})
		})
	}
	inWorld(t, only30a(nil), func(w *world) {
		w.serve()
		p := w.v3(`"eve"`, `null`)
		require.NoError(t, w.srv.Shutdown(w.ctx))
		p.want("$DISCONN$")
	})
}

// A newcomer that is refused is told so, as far as the dialect can.
func TestV3Refused(t *testing.T) {
	tests := map[string]struct {
		hello string
		code  core.Code
	}{
		"no JSON":       {oldFrames(`$CLTHELLO${"name"`), core.CodeProtocol},
		"no group":      {oldFrames(`$CLTHELLO${"name": null}`), core.CodeProtocol},
		"name too long": {helloV3(`"`+strings.Repeat("e", 129)+`"`, `null`), core.CodeBadName},
		"name taken":    {helloV3(`"good"`, `null`), core.CodeNameTaken},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			echoWorld(t, only30a(&core.ServerOptions{Access: core.Access{UniqueNames: true}}), func(w *world, faults *kept[hooked], check func()) {
				p := w.knock()
				p.send(tc.hello)
				p.want("$DISCONN$")
				require.True(t, p.isEnded())
				require.Equal(t, []hooked{{false, tc.code}}, faults.All())
				check()
			})
		})
	}
}

// A client is in the last group that it has named, and in the groups into which the program has put
// it.
func TestV3ChangesGroup(t *testing.T) {
	echoWorld(t, only30a(&core.ServerOptions{Limits: core.Limits{MaxGroups: 2}}), func(w *world, faults *kept[hooked], _ func()) {
		p := w.v3(`"eve"`, `null`)
		c := w.conn("eve")
		ask := func(payload string, want ...string) {
			t.Helper()
			p.send(oldFrames(payload))
			require.Empty(t, p.take())
			require.Equal(t, want, c.Groups())
		}
		ask("$CHGROUP$", []string(nil)...)
		ask("$CHGROUP$red", "red")
		require.NoError(t, c.Join(w.ctx, "staff"))
		ask("$CHGROUP$blue", "blue", "staff")
		ask("$CHGROUP$blue", "blue", "staff")
		ask("$CHGROUP$"+strings.Repeat("x", 129), "blue", "staff")
		require.Equal(t, []hooked{{true, core.CodeBadName}}, faults.All())
		require.Equal(t, []string{"blue", "staff"}, w.srv.Groups())
		require.NoError(t, c.Leave(w.ctx, "blue"))
		require.NoError(t, c.Join(w.ctx, "more"))
		ask("$CHGROUP$green", "more", "staff")
		require.Equal(t, []hooked{{true, core.CodeBadName}, {true, core.CodeTooManyGroups}}, faults.All())
		p.send(oldFrames("$CHNAME$", "$CHNAME$anna"))
		require.Empty(t, p.take())
		require.Equal(t, "anna", c.Name())
		require.Len(t, faults.All(), 2)
	})
}

func TestV3AsksForRecord(t *testing.T) {
	inWorld(t, only30a(nil), func(w *world) {
		w.tapped()
		var heard kept[string]
		w.native(&heard, "ada", "red", "blue")
		eve := w.v3(`"eve"`, `null`)
		w.v3(`"eve"`, `"late"`)
		eve.take()
		eve.send(oldFrames("$CHGROUP$now", "$GETCLT$ada", "$GETCLT$eve", "$GETCLT$127.0.0.1:40003", "$GETCLT$('127.0.0.1', 40003)", "$GETCLT$nobody", "$GETCLT$"))
		record := func(port, name, group string) string {
			return fmt.Sprintf("$CMD$record$1$$MSG$%-8dd2s14[9s5i]4s%ds5s%ds5s15sip127.0.0.1%sname%sgroup%sipstr127.0.0.1:%s",
				len("d2s14[9s5i]4s3s5s4s5s15s"), len(name), len(group), port, name, group, port)
		}
		none := "$CMD$record$1$$MSG$5       d9s9straceback$NOEXIST$"
		require.Empty(t, eve.take(), "the client does not listen yet")
		time.Sleep(recordDelay)
		eve.want(record("40001", "ada", "blue"), record("40002", "eve", "now"), record("40003", "eve", "late"), record("40003", "eve", "late"), none, none)
	})
}

// Middleware sees the payload. The payload that it passes on keeps its kind.
func TestV3Middleware(t *testing.T) {
	inWorld(t, only30a(nil), func(w *world) {
		w.srv.UseSend(func(next core.SendFunc) core.SendFunc {
			return func(out *core.Outgoing) error {
				out.Payload = append([]byte("1"), out.Payload...)
				return next(out)
			}
		})
		w.serve()
		p := w.v3(`"eve"`, `null`)
		require.NoError(t, w.conn("eve").Send("n", 2))
		require.NoError(t, w.conn("eve").Send("s", "2"))
		require.NoError(t, w.srv.All().Send("n", 3))
		p.want(cmd("n", "2i", "12"), cmd("s", "2s", "12"), cmd("n", "2i", "13"))
	})
}

// A handler may wait for a command with any payload.
func TestV3Recv(t *testing.T) {
	inWorld(t, only30a(nil), func(w *world) {
		var got kept[string]
		core.On(w.srv, "ask", func(ctx context.Context, c *core.Conn, _ struct{}) error {
			b, err := c.Recv(ctx, "answer")
			got.Add(string(b))
			return err
		})
		w.srv.OnAny(func(_ context.Context, _ *core.Conn, f core.Frame) error { got.Add("any " + f.Command); return nil })
		w.serve()
		p := w.v3(`"eve"`, `null`)
		p.send(oldFrames(cmd("ask", "", "")))
		synctest.Wait()
		p.send(oldFrames(cmd("answer", "9i", "1"), cmd("other", "", ""), cmd("answer", "l1i1s", "1x"), "$KEEPACK$"))
		synctest.Wait()
		require.Equal(t, []string{`[1,"x"]`, "any other"}, got.All())
	})
}

// A payload that JSON can express is sent on in the bytes in which it came.
func TestV3RoundTrip(t *testing.T) {
	inWorld(t, only30a(nil), func(w *world) {
		w.srv.OnAny(func(_ context.Context, c *core.Conn, f core.Frame) error {
			var v any
			if err := json.Unmarshal(f.Payload, &v); err != nil {
				return err
			}
			return c.Send(f.Command, v)
		})
		w.serve()
		p := w.v3(`"eve"`, `null`)
		for _, value := range []string{cmd("x", "l1i2[1s1s]", "1ab"), cmd("x", "d1s3{1s2s}", "kzyy"), cmd("x", "l", ""), cmd("x", "d", "")} {
			p.send(oldFrames(value))
			p.want(value)
		}
	})
}
