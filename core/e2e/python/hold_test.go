//go:build !js

package python_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// universal returns the notice that clients of all releases understand.
func universal(name, port string) string {
	return `$CLTCONN$ {"ip": ["127.0.0.1", ` + port + `], "name": "` + name + `", "group": null}`
}

// cmd2 returns a command of 2.x.
func cmd2(name, content string) string { return "$CMD$" + name + "$MSG$" + content }

// Messages to a client of an unknown release wait in their order until its first command tells the
// release.
func TestHoldsBack(t *testing.T) {
	tests := map[string]struct {
		first   string
		dialect core.Dialect
		want    []string
	}{
		"2.x":  {cmd2("say", "hi"), core.Dialect2x, []string{cmd2("n", "7"), cmd2("pong", ""), cmd2("list", "[1, 2]"), cmd2("raw", "ab"), cmd2("said", "hi")}},
		"3.0a": {cmd("say", "2s", "hi"), core.Dialect30a, []string{cmd("n", "1i", "7"), cmd("pong", "", ""), cmd("list", "l1i1i", "12"), cmd("raw", "2b", "ab"), cmd("said", "2b", "hi")}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.srv.OnJoin(func(c *core.Conn) {
					c.Send("ping", nil) //nolint:errcheck // seen below
					c.Send("n", 7)      //nolint:errcheck // seen below
					c.Send("pong", nil) //nolint:errcheck // seen below
				})
				w.srv.OnBytes("say", func(_ context.Context, c *core.Conn, b []byte) error { return c.SendBytes("said", b) })
				w.tapped()
				p := w.knock()
				p.send(helloV3(`"eve"`, `null`))
				p.want(universal("eve", "40001"), cmd2("ping", "")) // both releases understand these
				c := w.conn("eve")
				require.Equal(t, core.DialectUnknown, c.Dialect())
				require.NoError(t, w.srv.All().Send("list", []int{1, 2}))
				buf := []byte("ab")
				require.NoError(t, c.SendBytes("raw", buf))
				buf[0] = 'x' // SendBytes has copied it
				require.Equal(t, core.CodeUnsupported, core.CodeOf(c.SendRaw([]byte("x"))))
				require.Equal(t, core.CodeBadName, core.CodeOf(c.Send("a$MSG$b", 1)))
				require.Empty(t, p.take())
				p.send(oldFrames("$KEEPACK$", "$CHNAME$", "no command"))
				require.Empty(t, p.take(), "nothing of which tells")
				p.send(oldFrames(tc.first))
				p.want(tc.want...)
				require.Equal(t, tc.dialect, c.Dialect())
				require.NoError(t, c.Send("more", "x"))
				require.NotEmpty(t, p.take(), "at once")
				p.send(oldFrames(cmd2("say", "hi"), cmd("say", "2s", "hi"))) // the dialect is settled by the first command
				synctest.Wait()
				require.Equal(t, tc.dialect, c.Dialect())
			})
		})
	}
}

// A server with ClassicOptions.Unknown holds nothing back.
func TestUnknownOption(t *testing.T) {
	for speaks, want := range map[core.Dialect]string{core.Dialect2x: cmd2("n", "7"), core.Dialect30a: cmd("n", "1i", "7")} {
		inWorld(t, &core.ServerOptions{Classic: core.ClassicOptions{Unknown: speaks}}, func(w *world) {
			w.srv.OnJoin(func(c *core.Conn) { c.Send("n", 7) }) //nolint:errcheck // seen below
			w.srv.OnAny(func(context.Context, *core.Conn, core.Frame) error { return nil })
			w.tapped()
			p := w.knock()
			p.send(helloV3(`"eve"`, `null`))
			require.Contains(t, p.take(), oldFrames(want))
			require.Equal(t, speaks, w.conn("eve").Dialect())
			p.send(oldFrames(cmd2("say", "hi"))) // the option was wrong, or right
			synctest.Wait()
			require.Equal(t, core.Dialect2x, w.conn("eve").Dialect())
		})
	}
}

// The held messages are bounded. The policy decides what happens when they have no room.
func TestHoldIsBounded(t *testing.T) {
	big := make([]byte, 3<<10)
	limits := core.Limits{QueueBytes: 16 << 10} // half of it is for held messages
	join := func(w *world) (*oldPeer, *core.Conn) {
		w.srv.OnAny(func(context.Context, *core.Conn, core.Frame) error { return nil })
		w.tapped()
		p := w.knock()
		p.send(helloV3(`"eve"`, `null`))
		p.want(universal("eve", "40001"))
		return p, w.conn("eve")
	}
	inWorld(t, &core.ServerOptions{Limits: limits}, func(w *world) {
		p, c := join(w)
		require.NoError(t, c.SendBytes("a", big))
		require.NoError(t, c.SendBytes("b", big))
		require.Equal(t, core.CodeSlowConsumer, core.CodeOf(c.SendBytes("c", big)))
		p.want("$DISCONN$")
		require.Equal(t, core.CodeSlowConsumer, core.CodeOf(c.Err()))
	})
	inWorld(t, &core.ServerOptions{Limits: limits, Overflow: core.OverflowDropNewest}, func(w *world) {
		p, c := join(w)
		require.NoError(t, c.SendBytes("a", big))
		require.NoError(t, c.SendBytes("b", big))
		require.Equal(t, core.CodeQueueFull, core.CodeOf(c.SendBytes("c", big)))
		p.send(oldFrames(cmd2("say", "hi")))
		p.want(cmd2("a", string(big)), cmd2("b", string(big)))
	})
	for _, o := range []core.Overflow{core.OverflowDropOldest, core.OverflowLatest} {
		inWorld(t, &core.ServerOptions{Limits: limits, Overflow: o}, func(w *world) {
			p, c := join(w)
			for _, name := range []string{"a", "b", "c", "d"} {
				require.NoError(t, c.SendBytes(name, big))
			}
			require.Equal(t, uint64(2), w.srv.Stats().Dropped)
			p.send(oldFrames(cmd2("say", "hi")))
			p.want(cmd2("c", string(big)), cmd2("d", string(big)))
		})
	}
	inWorld(t, &core.ServerOptions{Limits: limits, Overflow: core.OverflowBlock}, func(w *world) {
		p, c := join(w)
		require.NoError(t, c.SendBytes("a", big))
		require.NoError(t, c.SendBytes("b", big))
		require.Equal(t, core.CodeQueueFull, core.CodeOf(c.SendBytes("c", big, core.Wait(w.ctx))), "nobody waits for what may never come")
		p.send(oldFrames(cmd2("say", "hi")))
		p.want(cmd2("a", string(big)), cmd2("b", string(big)))
	})
}

// The program is told once that a client gets nothing because it sends nothing. It gets the held messages
// back when the client has gone.
func TestHeldForLong(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var faults kept[core.Code]
		var back kept[string]
		w.srv.OnError(func(_ *core.Conn, err error) { faults.Add(core.CodeOf(err)) })
		w.srv.OnUndelivered(func(_ *core.Conn, frames []core.Undelivered) {
			for _, f := range frames {
				back.Add(f.Command + " " + string(f.Payload))
				require.False(t, f.Written)
			}
		})
		w.tapped()
		quiet, heard := w.knock(), w.knock()
		quiet.send(helloV3(`"quiet"`, `null`))
		heard.send(helloV3(`"heard"`, `null`) + oldFrames(cmd2("nobody", "handles")))
		synctest.Wait()
		require.Equal(t, []core.Code{core.CodeUnknownCommand}, faults.All())
		require.NoError(t, w.srv.All().Send("tick", 1))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Len(t, faults.All(), 1)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		require.Equal(t, []core.Code{core.CodeUnknownCommand, core.CodeUnsupported}, faults.All())
		quiet.close()
		synctest.Wait()
		require.Equal(t, []string{"tick 1"}, back.All())
	})
}

// Held messages count for the bound on memory.
func TestHeldCounts(t *testing.T) {
	inWorld(t, &core.ServerOptions{Limits: core.Limits{MemoryBytes: 1 << 20, QueueBytes: 16 << 20}}, func(w *world) {
		w.tapped()
		p := w.knock()
		p.send(helloV3(`"eve"`, `null`))
		synctest.Wait()
		c := w.conn("eve")
		for range 16 {
			c.SendBytes("x", make([]byte, 128<<10)) //nolint:errcheck // the connection ends for its memory
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, core.CodeOverloaded, core.CodeOf(c.Err()))
	})
}
