package core

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/wire"
)

// hears returns a client, and a record of its commands "say", its raw messages, and the groups that
// it is told to be in.
func (w *world) hears(name string, groups ...string) (*Client, *kept[string]) {
	var got kept[string]
	cl := w.client(name, groups...)
	cl.OnMessage(func(_ context.Context, _ *Conn, f Frame) error {
		got.Add(strings.TrimPrefix(f.Command+" ", "say ") + string(f.Payload))
		return nil
	})
	cl.OnJoinGroup(func(_ *Conn, group string) { got.Add("in " + group) })
	return cl, &got
}

// say sends commands to a group.
func (w *world) say(group string, words ...string) {
	w.t.Helper()
	for _, word := range words {
		require.NoError(w.t, w.srv.Group(group).Send("say", word))
	}
}

// wantHistory checks the kept messages of a group.
func (w *world) wantHistory(group string, words ...string) {
	w.t.Helper()
	var got []string
	for _, f := range w.srv.Group(group).History() {
		got = append(got, string(f.Payload))
	}
	require.Equal(w.t, words, got)
}

func TestHistory(t *testing.T) {
	inWorld(t, &ServerOptions{History: History{Messages: 3, Replay: true}}, func(w *world) {
		w.srv.OnJoin(func(c *Conn) {
			if err := c.Send("say", "welcome"); err != nil {
				t.Error(err)
			}
		})
		w.serve()
		red := w.srv.Group("red")
		require.Equal(t, CodeUnknownGroup, CodeOf(red.Send("say", "to somebody", MustReach())))
		require.Empty(t, red.History(), "it does not count")
		require.NoError(t, red.Send("say", "to nobody"))
		require.NoError(t, red.Send("say", "to nobody, now", Transient()))
		w.wantHistory("red", "to nobody")

		ada, first := w.hears("ada", "red")
		w.join(ada)
		w.say("red", "one", "two", "three")
		require.NoError(t, red.SendRaw([]byte("four"), Except(w.conn("ada"))))
		require.NoError(t, w.srv.All().Send("say", "to all"))
		require.Equal(t, []Frame{
			{KindCommand, "say", []byte("two")}, {KindCommand, "say", []byte("three")}, {KindRaw, "", []byte("four")},
		}, red.History())
		red.History()[0].Payload[0] = 'X'
		w.wantHistory("red", "two", "three", "four")

		// With the hello: after the welcome and before the messages of the join handler.
		bob, second := w.hears("bob", "red", "blue")
		w.join(bob)
		// With a later Join: after the frame that says that the client is in the group.
		eve, third := w.hears("eve")
		w.join(eve)
		require.NoError(t, eve.Join(w.ctx, "red"))
		require.NoError(t, eve.Join(w.ctx, "red"), "which is nothing new")
		synctest.Wait()
		// With a Join by the server's program.
		zoe, fourth := w.hears("zoe")
		w.join(zoe)
		require.NoError(t, w.conn("zoe").Join(w.ctx, "red"))
		w.say("red", "five")
		synctest.Wait()
		require.Equal(t, []string{"to nobody", "welcome", "one", "two", "three", "to all", "five"}, first.All())
		require.Equal(t, []string{"two", "three", " four", "welcome", "five"}, second.All())
		require.Equal(t, []string{"welcome", "in red", "two", "three", " four", "five"}, third.All())
		require.Equal(t, []string{"welcome", "in red", "two", "three", " four", "five"}, fourth.All())

		// The history outlives the last member, until it is forgotten.
		for _, cl := range w.clients {
			require.NoError(t, cl.Close())
		}
		synctest.Wait()
		require.Empty(t, w.srv.Groups())
		w.wantHistory("red", "three", "four", "five")
		red.Forget()
		w.wantHistory("red")
		late, got := w.hears("late", "red")
		w.join(late)
		require.Equal(t, []string{"welcome"}, got.All())
		require.NoError(t, late.Close())
		known, _ := w.srv.store.Counts()
		require.Zero(t, known, "nothing is left of a history without content")
	})
}

func TestHistoryDefaults(t *testing.T) {
	require.Equal(t, History{Messages: 5, Bytes: 64 << 10, Groups: 1024}, resolved(&ServerOptions{History: History{Messages: 5}}).History)
	require.Equal(t, History{}, resolved(&ServerOptions{History: History{Messages: -1}}).History)
}

func TestHistoryBounds(t *testing.T) {
	const small = 100
	cost := wire.GroupCommandSize("a", 1, "say", small) + history.Cost
	opts := History{Messages: 4, Bytes: 3 * cost, Groups: 2}
	inWorld(t, &ServerOptions{History: opts}, func(w *world) {
		w.serve()
		cl := w.join(w.client("ada", "a", "b", "c"))
		pad := func(s string) string { return s + strings.Repeat(" ", small-len(s)) }
		w.say("a", "1", "2", "3", "4", "5")
		w.wantHistory("a", "2", "3", "4", "5")
		w.say("a", pad("6"), pad("7"), pad("8"))
		w.wantHistory("a", pad("6"), pad("7"), pad("8"))
		w.say("a", pad("9"))
		w.wantHistory("a", pad("7"), pad("8"), pad("9"))
		w.say("a", strings.Repeat("x", 4*cost))
		w.wantHistory("a")
		known, _ := w.srv.store.Counts()
		require.Zero(t, known, "what is too large leaves nothing")

		// The history of the group that was sent to longest ago goes first. Looking at a group does
		// not count.
		w.say("a", "a1")
		w.say("b", "b1")
		w.say("a", "a2")
		w.wantHistory("b", "b1")
		w.say("c", "c1")
		w.wantHistory("b")
		w.wantHistory("a", "a1", "a2")
		w.wantHistory("c", "c1")
		for i := range 100 { // joining does not count either
			require.NoError(t, w.conn("ada").Join(w.ctx, fmt.Sprint("g", i%50)))
			require.NoError(t, w.conn("ada").Leave(w.ctx, fmt.Sprint("g", i%50)))
		}
		w.wantHistory("a", "a1", "a2")
		known, _ = w.srv.store.Counts()
		require.Equal(t, 2, known)
		require.NoError(t, cl.Close())
	})
}

// A history keeps the message that the send middleware makes. It does not keep messages that the
// middleware or the check of the name refuses.
func TestHistoryKeepsSentMessages(t *testing.T) {
	inWorld(t, &ServerOptions{History: History{Messages: 9}}, func(w *world) {
		w.srv.UseSend(func(next SendFunc) SendFunc {
			return func(out *Outgoing) error {
				if string(out.Payload) == "secret" {
					return NewError(CodeUnauthorized, "no")
				}
				out.Payload = []byte(strings.ToUpper(string(out.Payload)))
				return next(out)
			}
		})
		w.serve()
		cl := w.join(w.client("ada", "red"))
		w.say("red", "hello")
		require.Equal(t, CodeUnauthorized, CodeOf(w.srv.Group("red").Send("say", "secret")))
		require.Equal(t, CodeBadName, CodeOf(w.srv.Group("red").Send("a\nb", "x")))
		w.wantHistory("red", "HELLO")
		require.NoError(t, cl.Close())
	})
}

func TestReplayByHand(t *testing.T) {
	inWorld(t, &ServerOptions{History: History{Messages: 9}}, func(w *world) {
		w.serve()
		ada := w.join(w.client("ada", "red"))
		w.say("red", "one", "two", "three")
		bob, got := w.hears("bob", "red")
		w.join(bob)
		require.Empty(t, got.All(), "nobody has asked for it")
		red, c := w.srv.Group("red"), w.conn("bob")
		require.NoError(t, red.Replay(c, 2))
		require.NoError(t, red.Replay(c, 9))
		require.NoError(t, red.Replay(c, 0))
		require.NoError(t, w.srv.Group("none").Replay(c, 0))
		synctest.Wait()
		require.Equal(t, strings.Fields("two three one two three one two three"), got.All())
		require.NoError(t, bob.Close())
		synctest.Wait()
		require.Equal(t, CodeClosed, CodeOf(red.Replay(c, 0)))
		require.NoError(t, ada.Close())
	})
}

// A server whose History is off keeps nothing. Replay and Forget do nothing, without an error.
func TestNoHistory(t *testing.T) {
	inWorld(t, &ServerOptions{History: History{Messages: -1}}, func(w *world) {
		w.serve()
		cl, got := w.hears("ada", "red")
		w.join(cl)
		red := w.srv.Group("red")
		w.say("red", "one")
		require.NoError(t, red.Replay(w.conn("ada"), 0))
		red.Forget()
		synctest.Wait()
		require.Empty(t, red.History())
		require.Equal(t, []string{"one"}, got.All())
		require.NoError(t, cl.Close())
	})
}

// A replay never ends a connection. It has at most half a queue, the newest messages. Messages that
// the newcomer cannot read are reported.
func TestReplayFitsTheQueue(t *testing.T) {
	opts := &ServerOptions{Limits: Limits{QueueBytes: 20 << 10}, History: History{Messages: 100, Bytes: 1 << 20, Replay: true}}
	inWorld(t, opts, func(w *world) {
		var faults kept[string]
		w.srv.OnError(func(c *Conn, err error) { faults.Add(c.Name() + " " + CodeOf(err).String()) })
		w.serve()
		ada := w.join(w.client("ada", "red", "blue"))
		for i := range 20 {
			w.say("red", fmt.Sprint(i)+strings.Repeat(" ", 1<<10))
			w.say("blue", fmt.Sprint(i)+strings.Repeat(" ", 1<<10))
			synctest.Wait()
		}
		bob, got := w.hears("bob", "blue", "red")
		w.join(bob)
		words := strings.Fields(strings.Join(got.All(), " "))
		require.Equal(t, strings.Fields("11 12 13 14 15 16 17 18 19"), words, "and nothing of the second group")
		p := w.hello(&wire.Hello{Name: "small", MaxFrame: 600})
		w.say("red", "last")
		p.Send(wire.AppendAsk(nil, wire.KindAskJoin, 1, "red"))
		require.Equal(t, wire.KindJoinGroup, p.Want().Kind)
		f := p.Want()
		require.Equal(t, wire.KindReplay, f.Kind)
		r, err := wire.ParseReplay(f.Body, nil)
		require.NoError(t, err)
		require.EqualValues(t, 10, r.Count, "those that it cannot read as well")
		require.Equal(t, wire.AppendGroupCommand(nil, "red", 21, "say", []byte("last"))[2:], p.Want().Body)
		require.Equal(t, wire.KindReplayEnd, p.Want().Kind)
		require.Equal(t, wire.KindReply, p.Want().Kind)
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
		p.WantEnd()
		synctest.Wait()
		require.Len(t, faults.All(), 9)
		require.Equal(t, "small too big", faults.All()[0])
		require.NoError(t, ada.Close())
		require.NoError(t, bob.Close())
	})
}

// Clients come and join while several senders send. A client gets an unbroken row of each sender's
// messages, which ends with the last. The row begins with the first if the history reaches back far
// enough.
func TestHistoryWhileOthersSend(t *testing.T) {
	const senders, each = 3, 300
	for name, messages := range map[string]int{"all is kept": senders * each, "some is kept": 10} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{History: History{Messages: messages, Bytes: 1 << 20, Replay: true}}, func(w *world) {
				w.serve()
				w.join(w.client("anchor", "red")) // the group always has a member
				var wg sync.WaitGroup
				for from := range senders {
					wg.Go(func() { w.sendRow(from, each) })
				}
				var heard []*kept[string]
				for i := range 8 {
					cl, got := w.hears(fmt.Sprint("in the hello ", i), "red")
					asks, asked := w.hears(fmt.Sprint("asks ", i))
					heard = append(heard, got, asked)
					wg.Go(func() {
						if err := cl.Connect(w.ctx); err != nil {
							t.Error(err)
						}
					})
					wg.Go(func() {
						err := asks.Connect(w.ctx)
						if err == nil {
							err = asks.Join(w.ctx, "red")
						}
						if err != nil {
							t.Error(err)
						}
					})
				}
				wg.Wait()
				synctest.Wait()
				for _, got := range heard {
					requireRows(t, got.All(), each, messages == senders*each)
				}
				for _, cl := range w.clients {
					require.NoError(t, cl.Close())
				}
			})
		})
	}
}

// sendRow sends the messages that requireRows checks.
func (w *world) sendRow(from, n int) {
	for i := range n {
		if err := w.srv.Group("red").Send("say", fmt.Sprint(from, ":", i)); err != nil {
			w.t.Error(err)
		}
		if i%20 == 0 {
			runtime.Gosched()
		}
	}
}

// requireRows checks that each sender's row has no gap and no message twice, and that it ends with
// the last message.
func requireRows(t *testing.T, lines []string, each int, whole bool) {
	t.Helper()
	rows := make(map[string][]int)
	for _, line := range lines {
		if from, n, isSaid := strings.Cut(line, ":"); isSaid {
			i, err := strconv.Atoi(n)
			require.NoError(t, err)
			rows[from] = append(rows[from], i)
		}
	}
	require.NotEmpty(t, rows)
	for from, row := range rows {
		for i, n := range row {
			require.Equal(t, each-len(row)+i, n, "sender %s", from)
		}
		if whole {
			require.Len(t, row, each, "sender %s", from)
		}
	}
}
