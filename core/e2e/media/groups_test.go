//go:build !js

package media_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
)

// A crowd is the clients of one server, equally many on each medium, and a record of what each has
// heard.
type crowd struct {
	clients []*core.Client
	conns   []*core.Conn // the server's ends, in the same order
	heard   []chan string
}

// newCrowd joins n clients called "member 0" and so on. Every second client is in the group "even".
func newCrowd(s *harness.Scene, ns []*harness.Network, n int) *crowd {
	s.T.Helper()
	cr := &crowd{}
	for i := range n {
		heard := make(chan string, harness.EventRoom)
		opts := &core.ClientOptions{Name: fmt.Sprint("member ", i)}
		if i%2 == 0 {
			opts.Groups = []string{"even"}
		}
		cl := s.Client(ns[i%len(ns)], opts)
		cl.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error {
			heard <- f.Command + ":" + string(f.Payload)
			return nil
		})
		require.NoError(s.T, cl.Connect(s.Ctx))
		cr.clients = append(cr.clients, cl)
		cr.conns = append(cr.conns, s.WantJoin(opts.Name))
		cr.heard = append(cr.heard, heard)
	}
	return cr
}

// A broadcast reaches every client that is not excepted, over every medium, in the order of the sends.
func TestBroadcastOnMixedMedia(t *testing.T) {
	const members, rounds = 20, 50
	ns := harness.OpenAll(t)
	s := harness.NewSceneOn(t, ns, nil)
	cr := newCrowd(s, ns, members)
	require.Equal(t, members+1, s.Server.Len())

	want := make([][]string, members)
	send := func(line string, to func(i int) bool, err error) {
		t.Helper()
		require.NoError(t, err)
		for i := range members {
			if to(i) {
				want[i] = append(want[i], line)
			}
		}
	}
	everybody := func(int) bool { return true }
	for r := range rounds {
		out := r % members
		send(fmt.Sprint("news:", r), func(i int) bool { return i != out },
			s.Server.All().Send("news", r, core.Except(cr.conns[out])))
		send(fmt.Sprint("even:", r), func(i int) bool { return i%2 == 0 && i != out && i != 0 },
			s.Server.Group("even").Send("even", r, core.Except(cr.conns[out], nil), core.Except(cr.conns[0])))
		send(fmt.Sprint("one:", r), func(i int) bool { return i == out }, cr.conns[out].Send("one", r))
		send(fmt.Sprint(":", r), everybody, s.Server.All().SendRaw(fmt.Append(nil, r)))
	}
	send("end:", everybody, s.Server.All().Send("end", ""))
	for i := range members {
		var got []string
		for len(got) == 0 || got[len(got)-1] != "end:" {
			got = append(got, coretest.Next(t, cr.heard[i]))
		}
		require.Equal(t, want[i], got, "member %d", i)
	}
	s.Check()
	s.WantQuiet()
}

// Both ends agree on the members of a group, at the request of clients and by the server's
// decision.
func TestGroupsOnMixedMedia(t *testing.T) {
	ns := harness.OpenAll(t)
	s := harness.NewSceneOn(t, ns, nil)
	cr := newCrowd(s, ns, 2*len(ns))
	for i, cl := range cr.clients {
		require.NoError(t, cl.Join(t.Context(), "asked"))
		require.NoError(t, cr.conns[i].Join(t.Context(), "given"))
		if i%2 == 0 {
			require.NoError(t, cl.Leave(t.Context(), "even"))
		}
		_, err := core.Call[string](s.Ctx, cl, "echo", "all before has been handled")
		require.NoError(t, err)
		require.Equal(t, []string{"asked", "given"}, cl.Groups())
		require.Equal(t, []string{"asked", "given"}, cr.conns[i].Groups())
	}
	require.Equal(t, []string{"asked", "given"}, s.Server.Groups())
	require.Len(t, slices.Collect(s.Server.Group("asked").Clients()), len(cr.clients))
	require.Equal(t, core.CodeUnknownGroup, core.CodeOf(s.Server.Group("even").Send("news", 1, core.MustReach())))
	for i, cl := range cr.clients {
		require.NoError(t, cl.Close())
		s.WantLeft(fmt.Sprint("member ", i), core.CodeClosed)
	}
	require.Empty(t, s.Server.Groups())
	s.WantQuiet()
}

// Clients that ask for notices are told who comes and goes, with their names, on every medium.
func TestNoticesOnMixedMedia(t *testing.T) {
	ns := harness.OpenAll(t)
	s := harness.NewSceneOn(t, ns, &core.ServerOptions{Access: core.Access{Notices: harness.TellEverything}})
	notices := make([]chan string, len(ns))
	there := map[string]bool{"good": true} // who has come
	for i, n := range ns {
		events := make(chan string, harness.EventRoom)
		notices[i] = events
		before := maps.Clone(there)
		there["watcher on "+n.Name] = true
		s.Join("watcher on "+n.Name, n, func(cl *core.Client) {
			tell := func(what string) func(core.Presence) {
				return func(p core.Presence) {
					if what == "went" || !before[p.Name] { // others are told of a client after its join handler, perhaps also some that came behind it
						events <- fmt.Sprint(what, " ", p.Name, " ", p.Groups)
					}
				}
			}
			cl.OnClientConnect(tell("came"))
			cl.OnClientDisconnect(tell("went"))
		})
		for _, before := range notices[:i] {
			require.Equal(t, "came watcher on "+n.Name+" []", coretest.Next(t, before))
		}
	}
	for _, n := range ns {
		name := "guest on " + n.Name
		cl := s.Client(n, &core.ClientOptions{Name: name, Groups: []string{"b", "a"}})
		require.NoError(t, cl.Connect(s.Ctx))
		c := s.WantJoin(name)
		for i := range ns {
			require.Equal(t, "came "+name+" [a b]", coretest.Next(t, notices[i]))
		}
		require.NoError(t, c.Leave(t.Context(), "b"))
		require.NoError(t, cl.Close())
		s.WantLeft(name, core.CodeClosed)
		for i := range ns {
			require.Equal(t, "went "+name+" [a]", coretest.Next(t, notices[i]))
		}
	}
	s.Check()
	s.WantQuiet()
	for _, events := range notices {
		require.Empty(t, events)
	}
}
