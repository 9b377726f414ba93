package core

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

func TestGroups(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxGroups: 3}}, func(w *world) {
		w.serve()
		var heard kept[string]
		join := func(name string, groups ...string) *Client {
			cl := w.client(name, groups...)
			On(cl, "said", func(_ context.Context, c *Conn, s string) error { heard.add(c.Name() + " " + s); return nil })
			return w.join(cl)
		}
		ada, bob, eve := join("ada", "red", "blue"), join("bob", "red"), join("eve")
		want := func(lines ...string) {
			t.Helper()
			synctest.Wait()
			require.ElementsMatch(t, lines, heard.all())
			heard.mu.Lock()
			heard.got = nil
			heard.mu.Unlock()
		}
		red := w.srv.Group("red")
		require.NoError(t, red.Send("said", "hi"))
		want("ada hi", "bob hi")
		c, err := w.srv.Client("ada")
		require.NoError(t, err)
		require.NoError(t, red.Send("said", "hi", Except(c)))
		want("bob hi")
		require.NoError(t, w.srv.All().Send("said", "all", Except(c, nil)))
		want("bob all", "eve all")
		require.Equal(t, CodeUnknownGroup, CodeOf(w.srv.Group("green").Send("said", "hi", MustReach())))

		// Clients join and leave by themselves, and hear of what the server does.
		require.NoError(t, eve.Join(w.ctx, "green"))
		require.NoError(t, eve.Join(w.ctx, "green"), "again")
		require.NoError(t, bob.Leave(w.ctx, "red"))
		require.NoError(t, c.Join(w.ctx, "green"))
		require.NoError(t, c.Leave(w.ctx, "blue"))
		synctest.Wait()
		require.Equal(t, []string{"green", "red"}, ada.Groups())
		require.Equal(t, []string{"green"}, eve.Groups())
		require.Empty(t, bob.Groups())
		require.Equal(t, []string{"green", "red"}, w.srv.Groups())
		require.NoError(t, w.srv.Group("green").Send("said", "leaves"))
		want("ada leaves", "eve leaves")
		var names []string
		for m := range w.srv.Group("green").Clients() {
			names = append(names, m.Name())
		}
		slices.Sort(names)
		require.Equal(t, []string{"ada", "eve"}, names)
		require.Equal(t, 2, w.srv.Group("green").Len())

		// One too many is refused.
		require.NoError(t, ada.Join(w.ctx, "g1"))
		for _, g := range []string{"g2", "g3"} {
			require.NoError(t, isTooMany(ada.Join(w.ctx, g)))
		}
		require.Equal(t, []string{"g1", "green", "red"}, ada.Groups())
		require.Equal(t, CodeTooManyGroups, CodeOf(c.Join(w.ctx, "g4")))
		require.Equal(t, CodeBadName, CodeOf(c.Join(w.ctx, "")))
		require.Equal(t, CodeBadName, CodeOf(ada.Join(w.ctx, "a\nb")))

		require.NoError(t, ada.Close())
		synctest.Wait()
		require.Equal(t, 1, w.srv.Group("green").Len())
		require.Equal(t, CodeClosed, CodeOf(c.Join(w.ctx, "red")))
		require.NotContains(t, w.srv.Groups(), "red", "a group without members is forgotten")
		require.NoError(t, bob.Close())
		require.NoError(t, eve.Close())
	})
}

// A command sent after a join or leave of a group is handled after it.
func TestGroupOrder(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var in kept[bool]
		On(w.srv, "am I in", func(_ context.Context, c *Conn, _ struct{}) error { in.add(c.InGroup("g")); return nil })
		w.serve()
		cl := w.join(w.client("ada"))
		for range 10 {
			require.NoError(t, cl.Join(w.ctx, "g"))
			require.NoError(t, cl.Send("am I in", nil))
			require.NoError(t, cl.Leave(w.ctx, "g"))
			require.NoError(t, cl.Send("am I in", nil))
		}
		synctest.Wait()
		for i, was := range in.all() {
			require.Equal(t, i%2 == 0, was)
		}
		require.Len(t, in.all(), 20)
		require.NoError(t, cl.Close())
	})
}

func TestNames(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		a, b, c := w.join(w.client("ada")), w.join(w.client("ada")), w.join(w.client(""))
		_, err := w.srv.Client("ada")
		require.Equal(t, CodeAmbiguousName, CodeOf(err))
		_, err = w.srv.Client("")
		require.Equal(t, CodeUnknownClient, CodeOf(err), "clients without a name are not found by it")
		require.Len(t, slices.Collect(w.srv.Named("ada").Clients()), 2)
		require.Empty(t, slices.Collect(w.srv.Named("bob").Clients()))
		require.NoError(t, a.Close())
		synctest.Wait()
		conn, err := w.srv.Client("ada")
		require.NoError(t, err)
		require.Equal(t, b.Conn().Addr(), conn.Addr())
		require.NotEmpty(t, conn.Addr())
		require.Equal(t, 2, w.srv.Len())
		for range w.srv.Clients() {
			break // an iteration may stop
		}
		require.NoError(t, b.Close())
		require.NoError(t, c.Close())
	})
}

// Those who ask are told who comes and goes, in order, but not of themselves; the join
// handler runs before anybody hears of a newcomer, the leave handler before anybody hears
// that it has left.
func TestNotices(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{Notices: tellEverything}}, func(w *world) {
		var events kept[string]
		w.srv.OnJoin(func(c *Conn) {
			events.add("join " + c.Name())
			if err := c.Send("welcome", c.Name()); err != nil {
				t.Error(err)
			}
		})
		w.srv.OnLeave(func(c *Conn, _ error) { events.add("leave " + c.Name()) })
		w.serve()
		watch := func(name string) *Client {
			cl := w.client(name)
			On(cl, "welcome", func(_ context.Context, _ *Conn, s string) error { events.add("welcome " + s); return nil })
			cl.OnClientConnect(func(p Presence) { events.add(fmt.Sprint(name, " sees ", p.Name, p.Groups)) })
			cl.OnClientDisconnect(func(p Presence) { events.add(fmt.Sprint(name, " misses ", p.Name, p.Groups)) })
			return w.join(cl)
		}
		ada := watch("ada")
		bob := w.join(w.client("bob", "red")) // does not ask
		eve := watch("eve")
		require.NoError(t, bob.Close())
		synctest.Wait()
		require.NoError(t, ada.Close())
		synctest.Wait()
		require.NoError(t, eve.Close())
		synctest.Wait()
		require.Equal(t, []string{
			"join ada", "welcome ada",
			"join bob", "ada sees bob[red]",
			"join eve", "ada sees eve[]", "welcome eve",
			"leave bob",
		}, sortRuns(events.all()[:8], 5, 7))
		require.ElementsMatch(t, []string{"ada misses bob[red]", "eve misses bob[red]", "leave ada", "eve misses ada[]", "leave eve"}, events.all()[8:])
	})
}

// sortRuns sorts the elements i to j, which different goroutines add.
func sortRuns(s []string, i, j int) []string {
	slices.Sort(s[i:j])
	return s
}

// Bad bytes in what a peer is called never reach the log as they are.
func TestLogIsPrintable(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		evil := "x\x1b[2Jy\r\nERROR all is lost \u2028 \xff"
		p := w.hello(&wire.Hello{Name: "p"})
		p.Send(wire.AppendCommand(nil, evil, nil))
		p.Send(wire.AppendRequest(nil, 1, evil, nil))
		p.Send(wire.AppendAsk(nil, wire.KindAskJoin, 2, "a\nb"))
		require.Equal(t, wire.KindFailure, p.Want().Kind)
		require.Equal(t, wire.KindFailure, p.Want().Kind)
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: 1234, Reason: "a\x1bb\u2028"}))
		q := w.peer()
		q.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Name: "a\nb"}))
		require.Equal(t, wire.KindRefuse, q.Want().Kind)
		q.Stream.Close() //nolint:errcheck // it is over
		synctest.Wait()
		p.Stream.Close() //nolint:errcheck // it is over
		synctest.Wait()
		log := w.log.Lines()
		require.GreaterOrEqual(t, len(log), 2)
		for _, l := range log {
			require.False(t, strings.ContainsFunc(l, func(r rune) bool { return r < 0x20 || r == 0x7f || r == 0x2028 || r == 0xfffd }), "%q", l)
		}
	})
}

// A message to all costs its frame and what queues share of it, however many there are.
func TestBroadcastAllocations(t *testing.T) {
	srv := newTestServer(nil)
	srv.freeze()
	payload := make([]byte, 128)
	require.LessOrEqual(t, testing.AllocsPerRun(100, func() {
		if srv.All().SendBytes("news", payload) != nil {
			t.Error("not sent")
		}
	}), 2.0)
}
