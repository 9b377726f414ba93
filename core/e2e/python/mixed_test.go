//go:build !js

package python_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
)

// native joins a client that records what it hears, notices included.
func (w *world) native(heard *kept[string], name string, groups ...string) *core.Client {
	cl := w.client(name, groups...)
	notice := func(what string) func(p core.Presence) {
		return func(p core.Presence) {
			b, _ := json.Marshal(p)
			heard.Add(what + " " + string(b))
		}
	}
	cl.OnClientConnect(notice("came"))
	cl.OnClientDisconnect(notice("went"))
	cl.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error {
		heard.Add(f.Kind.String() + " " + f.Command + " " + string(f.Payload))
		return nil
	})
	return w.join(cl)
}

func TestNoticesBetweenAll(t *testing.T) {
	inWorld(t, &core.ServerOptions{Access: core.Access{Notices: harness.TellEverything}}, func(w *world) {
		w.srv.OnJoin(func(c *core.Conn) { c.Send("welcome", c.Name()) }) //nolint:errcheck // seen below
		w.tapped()
		var heard kept[string]
		ada := w.native(&heard, "ada", "red", "blue")
		bob := w.old(`"bob"`, `"red"`)
		bob.want("welcome bob") // and no notice of itself
		empty, nobody := w.old(`""`, `""`), w.old(`null`, `null`)
		var ignored kept[string]
		eve := w.native(&ignored, "Zoë")
		dan := w.native(&ignored, "")
		require.NoError(t, ada.Close())
		synctest.Wait()
		require.NoError(t, dan.Close())
		synctest.Wait()
		empty.close()
		synctest.Wait()
		nobody.close()

		bob.want(
			`$CLTCONN$ {"ip": ["127.0.0.1", 40003], "name": "", "group": ""}`,
			`$CLTCONN$ {"ip": ["127.0.0.1", 40004], "name": null, "group": null}`,
			`$CLTCONN$ {"ip": ["127.0.0.1", 40005], "name": "Zo\u00eb", "group": null}`,
			`$CLTCONN$ {"ip": ["127.0.0.1", 40006], "name": null, "group": null}`,
			`$CLTDISCONN$ {"ip": ["127.0.0.1", 40001], "name": "ada", "group": "blue"}`,
			`$CLTDISCONN$ {"ip": ["127.0.0.1", 40006], "name": null, "group": null}`,
			`$CLTDISCONN$ {"ip": ["127.0.0.1", 40003], "name": "", "group": ""}`,
			`$CLTDISCONN$ {"ip": ["127.0.0.1", 40004], "name": null, "group": null}`,
		)
		require.Equal(t, []string{
			`command welcome ada`,
			`came {"Name":"bob","Groups":["red"],"Addr":"127.0.0.1:40002"}`,
			`came {"Name":"","Groups":null,"Addr":"127.0.0.1:40003"}`,
			`came {"Name":"","Groups":null,"Addr":"127.0.0.1:40004"}`,
			`came {"Name":"Zoë","Groups":null,"Addr":"127.0.0.1:40005"}`,
			`came {"Name":"","Groups":null,"Addr":"127.0.0.1:40006"}`,
		}, heard.All())
		require.NoError(t, eve.Err())
	})
}

func TestAmongNatives(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var faults kept[string]
		w.srv.OnError(func(c *core.Conn, err error) { faults.Add(c.Name() + " " + core.CodeOf(err).String()) })
		w.tapped()
		var heard kept[string]
		w.native(&heard, "ada", "red")
		bob, eve := w.old(`"bob"`, `"red"`), w.old(`"eve"`, `null`)
		bob.take()
		heard.Take()
		want := func(lines ...string) {
			t.Helper()
			synctest.Wait()
			require.Equal(t, lines, heard.Take())
		}
		red := w.srv.Group("red")
		require.NoError(t, w.srv.All().Send("tick", 7))
		require.NoError(t, w.srv.All().SendRaw([]byte("raw\x00")))
		require.NoError(t, red.Send("news", map[string]int{"a": 1}))
		require.NoError(t, red.SendRaw(nil))
		require.NoError(t, w.srv.All().Send("but", "eve", core.Except(w.conn("eve"))))
		require.NoError(t, red.Send("but", "ada", core.Except(w.conn("ada")), core.Wait(w.ctx), core.Key("k"), core.Transient(), core.MustReach()))
		require.NoError(t, w.conn("eve").Send("to", "eve", core.Wait(w.ctx), core.Key("k"), core.Transient(), core.MustReach()))
		want("command tick 7", "raw message  raw\x00", `command news {"a":1}`, "raw message  ", "command but eve")
		bob.want("tick 7", "raw\x00", `news {"a":1}`, "", "but eve", "but ada")
		eve.want("tick 7", "raw\x00", "to eve")

		// Classic clients do not get a message that they would take for something else. The others
		// do.
		require.NoError(t, w.srv.All().Send("two words", 1))
		require.NoError(t, red.Send("$x$", 2))
		require.NoError(t, w.srv.All().SendRaw([]byte("$CLTCONN$ {}")))
		want("command two words 1", "command $x$ 2", "raw message  $CLTCONN$ {}")
		bob.want()
		eve.want()
		require.ElementsMatch(t, []string{"bob bad name", "bob bad name", "bob unsupported", "eve bad name", "eve unsupported"}, faults.All())
		conn := w.conn("bob")
		require.Equal(t, core.CodeBadName, core.CodeOf(conn.Send("two words", 1)))
		require.Equal(t, core.CodeBadName, core.CodeOf(conn.Send("$x$", 1)))
		require.Equal(t, core.CodeUnsupported, core.CodeOf(conn.SendRaw([]byte("$NOTLS$"))))
		_, err := conn.CallBytes(w.ctx, "sum", nil)
		require.Equal(t, core.CodeUnsupported, core.CodeOf(err))

		// The server's program may put a classic client into groups. The client is not told.
		require.NoError(t, w.conn("eve").Join(w.ctx, "red"))
		require.NoError(t, conn.Leave(w.ctx, "red"))
		require.NoError(t, red.Send("news", 2))
		want("command news 2")
		eve.want("news 2")
		bob.want()
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(func() error { _, err := w.srv.Client(""); return err }()))
	})
}

// A handler may wait for a raw message, also if a message has come before that is for the message
// handler.
func TestRecvRaw(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var heard kept[string]
		w.srv.OnBytes("ask", func(ctx context.Context, c *core.Conn, wait []byte) error {
			if len(wait) > 0 {
				time.Sleep(time.Second)
			}
			got, err := c.RecvRaw(ctx)
			heard.Add("asked " + string(got))
			return err
		})
		w.srv.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error {
			if f.Kind == core.KindRaw {
				heard.Add("raw " + string(f.Payload))
			}
			return nil
		})
		w.serve()
		p := w.old(`null`, `null`)
		p.send(oldFrames("zero", "ask ", "one", "two"))
		synctest.Wait()
		p.send(oldFrames("ask long", "three"))
		synctest.Wait()
		p.send(oldFrames("four", "six words are no command here"))
		time.Sleep(2 * time.Second)
		p.send(oldFrames("ask long"))
		time.Sleep(2 * time.Second)
		p.send(oldFrames("five"))
		synctest.Wait()
		require.Equal(t, []string{
			"raw zero", "asked one", "raw two", "asked three", "raw four", "raw six words are no command here", "asked five",
		}, heard.All())
	})
}

// A silent classic peer is not taken for dead.
func TestHasNoHeartbeat(t *testing.T) {
	echoWorld(t, nil, func(w *world, faults *kept[hooked], check func()) {
		w.join(w.client("ada"))
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, 2, w.srv.Len())
		check()
		require.Empty(t, faults.All())
	})
}

func TestShutdown(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var left kept[core.Code]
		w.srv.OnLeave(func(_ *core.Conn, why error) { left.Add(core.CodeOf(why)) })
		lis := w.tapped()
		p := w.old(`"bob"`, `null`)
		var want []string
		for range 100 { // more than the pipe holds
			require.NoError(t, w.conn("bob").SendBytes("bulk", make([]byte, 4<<10)))
			want = append(want, "bulk "+strings.Repeat("\x00", 4<<10))
		}
		require.NoError(t, w.srv.Shutdown(w.ctx))
		requireSame(t, oldFrames(append(want, "$DISCONN$")...), p.take())
		require.True(t, p.isEnded())
		require.Equal(t, []core.Code{core.CodeShutdown}, left.All())
		lis.conns[0].requireWhole(t, 16)
	})
}

// A client that does not read is disconnected like a native client.
func TestSlowConsumer(t *testing.T) {
	echoWorld(t, &core.ServerOptions{Limits: core.Limits{QueueBytes: 32 << 10}}, func(w *world, faults *kept[hooked], check func()) {
		stream, err := w.lis.Dial(w.ctx)
		require.NoError(t, err)
		defer stream.Close() //nolint:errcheck // it is over
		_, err = stream.Write([]byte(oldHello(`"slow"`, `"red"`)))
		require.NoError(t, err)
		synctest.Wait()
		slow := w.conn("slow")
		for range 20 {
			require.NoError(t, w.srv.Group("red").SendBytes("bulk", make([]byte, 8<<10)))
			check()
			if slow.Err() != nil {
				break
			}
		}
		require.Equal(t, core.CodeSlowConsumer, core.CodeOf(slow.Err()))
		<-slow.Done()
		require.Equal(t, []hooked{{true, core.CodeSlowConsumer}}, faults.All())
		check()
	})
}
