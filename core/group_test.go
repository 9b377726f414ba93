package core

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestGroups(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxGroups: 3}}, func(w *world) {
		w.serve()
		var heard kept[string]
		join := func(name string, groups ...string) *Client {
			cl := w.client(name, groups...)
			On(cl, "said", func(_ context.Context, c *Conn, s string) error { heard.Add(c.Name() + " " + s); return nil })
			return w.join(cl)
		}
		ada, bob, eve := join("ada", "red", "blue"), join("bob", "red"), join("eve")
		want := func(lines ...string) {
			t.Helper()
			synctest.Wait()
			require.ElementsMatch(t, lines, heard.Take())
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

		// Clients join and leave by themselves, and are told of the changes that the server makes.
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

		// One group too many is refused.
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
		On(w.srv, "am I in", func(_ context.Context, c *Conn, _ struct{}) error { in.Add(c.InGroup("g")); return nil })
		w.serve()
		cl := w.join(w.client("ada"))
		for range 10 {
			require.NoError(t, cl.Join(w.ctx, "g"))
			require.NoError(t, cl.Send("am I in", nil))
			require.NoError(t, cl.Leave(w.ctx, "g"))
			require.NoError(t, cl.Send("am I in", nil))
		}
		synctest.Wait()
		for i, was := range in.All() {
			require.Equal(t, i%2 == 0, was)
		}
		require.Len(t, in.All(), 20)
		require.NoError(t, cl.Close())
	})
}
