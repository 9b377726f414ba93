package core

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// A client that leaves a group and joins it again gets the messages that it has missed, and none
// twice.
func TestRejoinGivesMissedMessages(t *testing.T) {
	inWorld(t, &ServerOptions{History: History{Messages: 3, Replay: true}}, func(w *world) {
		w.serve()
		w.join(w.client("anchor", "red", "blue"))
		w.say("red", "one")
		ada, got := w.hears("ada", "red")
		w.join(ada)
		c := w.conn("ada")
		w.say("red", "two")
		move := func(in bool, group string) {
			t.Helper()
			if in {
				require.NoError(t, c.Join(w.ctx, group))
			} else {
				require.NoError(t, c.Leave(w.ctx, group))
			}
			synctest.Wait()
		}
		move(false, "red")
		move(true, "red")
		require.Equal(t, []string{"one", "two", "in red"}, got.All(), "it has had all")
		move(false, "red")
		move(false, "red")
		w.say("red", "three", "four")
		move(true, "red")
		require.Equal(t, []string{"one", "two", "in red", "in red", "three", "four"}, got.All())
		move(false, "red")
		w.say("red", "5", "6", "7", "8")
		move(true, "red")
		require.Equal(t, []string{"in red", "6", "7", "8"}, got.All()[6:], "as far as it is kept")

		// The client gets the whole history of a group that kept nothing when it left. A forgotten
		// history begins anew.
		move(true, "blue")
		move(false, "blue")
		w.say("blue", "first")
		move(true, "blue")
		move(false, "blue")
		w.srv.Group("blue").Forget()
		w.say("blue", "second")
		move(true, "blue")
		require.Equal(t, []string{"in blue", "in blue", "first", "in blue", "second"}, got.All()[10:])

		// Replay by the program gives all messages again. So does a new connection.
		require.NoError(t, w.srv.Group("red").Replay(c, 0))
		synctest.Wait()
		require.Equal(t, []string{"6", "7", "8"}, got.All()[15:])
		bob, second := w.hears("bob", "red")
		w.join(bob)
		require.Equal(t, []string{"6", "7", "8"}, second.All())
		for _, cl := range w.clients {
			require.NoError(t, cl.Close())
		}
	})
}

// A client that joins and leaves a group again and again is sent little more than it sends.
func TestRejoinDoesNotAmplify(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{ChangeRate: -1}, History: History{Messages: 100, Replay: true}}, func(w *world) {
		w.serve()
		w.join(w.client("anchor", "red"))
		for range 100 {
			require.NoError(t, w.srv.Group("red").SendRaw(make([]byte, 500)))
		}
		p := w.hello(&wire.Hello{Name: "mallory", MaxFrame: wire.DefaultMaxFrame})
		in, out := 0, 0
		for range 300 {
			both := wire.AppendAsk(wire.AppendAsk(nil, wire.KindAskJoin, 1, "red"), wire.KindAskLeave, 2, "red")
			in += len(both)
			p.Send(both)
			for left := false; !left; {
				f := p.Want()
				out += len(f.Body) + 2
				left = f.Kind == wire.KindReply && f.Body[0] == 2 // the answer to the leave
			}
		}
		require.Less(t, out, 3*in+100*(512+8), "one replay, and the answers")
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
		p.WantEnd()
	})
}

// Clients that come and go while several senders send get each kept message once and in order.
func TestRejoinWhileOthersSend(t *testing.T) {
	const senders, each = 3, 300
	inWorld(t, &ServerOptions{History: History{Messages: senders * each, Bytes: 1 << 20, Replay: true}, Limits: Limits{QueueBytes: 4 << 20}}, func(w *world) {
		w.serve()
		w.join(w.client("anchor", "red"))
		var heard []*kept[string]
		var restless []*Conn
		for i := range 4 {
			cl, got := w.hears(fmt.Sprint("restless ", i), "red")
			cl.OnJoinGroup(func(*Conn, string) {})
			w.join(cl)
			heard, restless = append(heard, got), append(restless, w.conn(fmt.Sprint("restless ", i)))
		}
		var wg sync.WaitGroup
		for from := range senders {
			wg.Go(func() { w.sendRow(from, each) })
		}
		for _, c := range restless {
			wg.Go(func() {
				for range 200 {
					if err := errors.Join(c.Leave(w.ctx, "red"), c.Join(w.ctx, "red")); err != nil {
						t.Error(err)
						return
					}
					runtime.Gosched()
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		for _, got := range heard {
			requireRows(t, got.All(), each, true)
			require.Len(t, got.All(), senders*each, "none twice")
		}
		for _, cl := range w.clients {
			require.NoError(t, cl.Close())
		}
	})
}
