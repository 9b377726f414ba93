//go:build !js

package core

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// groupNames returns n names of groups, sorted.
func groupNames(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("room %05d", i))
	}
	return names
}

// A client may be in as many groups as the welcome says, in whichever way it joined them. It stays in
// them when its connection breaks off.
func TestAsManyGroupsAsAnnounced(t *testing.T) {
	const most = 6000
	opts := &ServerOptions{Limits: Limits{MaxGroups: most, ChangeRate: -1, MaxHello: 16 << 10}, Timeouts: Timeouts{Resume: time.Minute}, Access: Access{Notices: TellGroups}}
	names := groupNames(most)
	inWorld(t, opts, func(w *world) {
		w.serve()
		var net network
		cl, events := w.over(&net, ClientOptions{Name: "ada", Groups: names[:10]})
		w.join(cl)
		for _, g := range names[10 : most/2] {
			require.NoError(t, cl.Join(w.ctx, g))
		}
		for _, g := range names[most/2:] {
			require.NoError(t, w.only().Join(w.ctx, g))
		}
		require.NoError(t, cl.Rename(w.ctx, "eve"), "which comes behind")
		require.Equal(t, names, cl.Groups())
		require.Equal(t, names, w.only().Groups())
		err := cl.Join(w.ctx, "one more")
		require.Equal(t, CodeTooManyGroups, CodeOf(err))
		require.True(t, IsRemote(err))
		require.Equal(t, CodeTooManyGroups, CodeOf(w.only().Join(w.ctx, "one more")))
		require.NoError(t, cl.Leave(w.ctx, names[0]))
		require.NoError(t, cl.Join(w.ctx, names[0]))

		// The link breaks off, and the session is resumed.
		net.fail(false)
		time.Sleep(time.Second)
		net.mend()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Contains(t, events.All(), "resumed")
		require.Equal(t, names, cl.Groups())
		require.Equal(t, CodeTooManyGroups, CodeOf(cl.Join(w.ctx, "one more")))

		// The session is over, and the client joins anew.
		net.fail(false)
		time.Sleep(2 * time.Minute)
		net.mend()
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		require.NoError(t, cl.Rename(w.ctx, "zoe"))
		require.Equal(t, names, cl.Groups())
		require.Equal(t, names, w.only().Groups())

		// Other clients hear of it, with the groups that they share.
		var told kept[Presence]
		other := w.client("other", names[:500]...)
		other.OnClientDisconnect(func(p Presence) { told.Add(p) })
		w.join(other)
		require.Equal(t, names[:500], other.Groups(), "all in the hello")
		require.NoError(t, cl.Close())
		synctest.Wait()
		require.Equal(t, []Presence{{Name: "zoe", Groups: names[:500]}}, told.All())
		require.NoError(t, other.Close())
		synctest.Wait()
		require.Empty(t, w.srv.Groups())
	})
}

// The session of a client that is in many groups can be detached and gone on with.
func TestManyGroupsAreDetached(t *testing.T) {
	names := groupNames(5000)
	inWorld(t, &ServerOptions{Limits: Limits{MaxGroups: 5001, MaxHello: 16 << 10}, Timeouts: Timeouts{Resume: time.Minute}}, func(w *world) {
		w.serve()
		var net network
		first, _ := w.over(&net, ClientOptions{Name: "ada", Groups: names[:500]})
		w.join(first)
		for _, g := range names[500:] {
			require.NoError(t, w.only().Join(w.ctx, g))
		}
		synctest.Wait()
		session, err := first.Detach()
		require.NoError(t, err)
		second, events := w.over(&net, ClientOptions{Name: "ada", Session: session})
		w.join(second)
		require.Equal(t, []string{"resumed"}, events.All())
		require.Equal(t, names, second.Groups())
		require.NoError(t, second.Join(w.ctx, "room 05000"))
		require.Equal(t, CodeTooManyGroups, CodeOf(second.Join(w.ctx, "one more")))
		require.NoError(t, second.Close())
	})
}

// Groups for which the welcome has no room, because of the client's longest frame, are told after
// the welcome.
func TestWelcomeFitsTheClient(t *testing.T) {
	names := groupNames(200)
	admit := func(_ context.Context, a *Admission) error { a.Groups = names; return nil }
	opts := &ServerOptions{Limits: Limits{MaxGroups: 200}, Access: Access{Authorize: admit}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		p := w.peer()
		p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Name: "ada", MaxFrame: 1000}))
		f := p.Want()
		require.Equal(t, wire.KindWelcome, f.Kind)
		require.LessOrEqual(t, len(f.Body), 999)
		welcome, err := wire.ParseWelcome(f.Body, &peerLimits)
		require.NoError(t, err)
		got := slices.Clone(welcome.Groups)
		require.Greater(t, len(got), 50)
		for len(got) < len(names) {
			f := p.Want()
			require.Equal(t, wire.KindJoinGroup, f.Kind)
			name, err := wire.ParseName(f.Body)
			require.NoError(t, err)
			got = append(got, string(name))
		}
		require.Equal(t, names, got)
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
		p.WantEnd()
	})
}
