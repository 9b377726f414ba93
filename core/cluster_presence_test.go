//go:build !js

package core_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/relay"
)

// Clients hear of clients of other nodes that come, go and change their names, and after a partition of what has changed meanwhile.
func TestNoticesAcrossNodes(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 3, options: func(_ int, o *core.ServerOptions) {
		o.Access.Notices = core.TellNames
		o.Cluster.Notices = func(_ *core.Conn, of *core.Remote, p *core.Presence) bool {
			p.Addr = "at " + strconv.FormatUint(of.ID.Conn, 10)
			return of.Name != "hidden"
		}
	}}, func(t *testing.T, s *clusterScene) {
		var mu sync.Mutex
		var news []string
		add := func(text string) {
			mu.Lock()
			news = append(news, text)
			mu.Unlock()
		}
		wants := func(want ...string) {
			t.Helper()
			s.pass(100 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(news)
			require.Equal(t, want, news)
			news = nil
		}
		watcher, err := core.NewClient(s.nodes[0].lis, &core.ClientOptions{Name: "watcher", Retry: core.Retry{Off: true}, Logger: core.Silent})
		require.NoError(t, err)
		defer watcher.Close() //nolint:errcheck // nothing to be done about it
		watcher.OnClientConnect(func(p core.Presence) { add("+" + p.Name + " " + p.Addr) })
		watcher.OnClientDisconnect(func(p core.Presence) { add("-" + p.Name) })
		watcher.OnClientRename(func(old string, p core.Presence) { add(old + ">" + p.Name) })
		require.NoError(t, watcher.Connect(t.Context()))

		ada, bob := s.join(s.nodes[1], "ada"), s.join(s.nodes[2], "bob")
		s.join(s.nodes[1], "hidden")
		wants("+ada at 1", "+bob at 1")
		require.NoError(t, ada.Rename(t.Context(), "eve"))
		wants("ada>eve")
		s.nodes[1].way.Cut()
		s.pass(10 * time.Second)
		wants("-eve")
		s.join(s.nodes[1], "cy")
		require.NoError(t, ada.Close())
		s.pass(100 * time.Millisecond) // the node knows that she has left
		s.nodes[1].way.Mend()
		s.pass(10 * time.Second)
		wants("+cy at 3")
		require.NoError(t, bob.Close())
		wants("-bob")

		s.broker.Drop(func(topic string, _ []byte) bool { return topic == relay.TopicOfWatchers })
		s.join(s.nodes[1], "dan")
		s.broker.Drop(nil)
		wants([]string(nil)...)
		s.pass(30 * time.Second)
		wants("+dan at 4")
		s.nodes[1].way.Kill()
		s.pass(10 * time.Second)
		wants("-cy", "-dan")
	})
}

// A part of the list of all clients that is lost makes nobody gone.
func TestLostPartOfTheClients(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, options: func(_ int, o *core.ServerOptions) {
		o.Limits.MaxName = 2000
		o.Access.Notices = core.TellNames
		o.Cluster.Notices = func(*core.Conn, *core.Remote, *core.Presence) bool { return true }
	}}, func(t *testing.T, s *clusterScene) {
		watcher, err := core.NewClient(s.nodes[0].lis, &core.ClientOptions{Name: "watcher", Retry: core.Retry{Off: true}, Logger: core.Silent})
		require.NoError(t, err)
		defer watcher.Close() //nolint:errcheck // nothing to be done about it
		var come, left atomic.Int64
		watcher.OnClientConnect(func(core.Presence) { come.Add(1) })
		watcher.OnClientDisconnect(func(core.Presence) { left.Add(1) })
		require.NoError(t, watcher.Connect(t.Context()))
		for i := range 30 { // four parts
			s.join(s.nodes[1], strconv.Itoa(i)+strings.Repeat("x", 1000))
		}
		s.pass(time.Second)
		require.EqualValues(t, 30, come.Load())
		lost := 0
		s.broker.Drop(func(on string, b []byte) bool {
			middle := on == relay.TopicOfNode(s.nodes[0].srv.Cluster().Node().Number) && b[1] == byte(relay.KindPresence) && b[relay.HeaderSize] == 0
			if !middle || lost > 0 {
				return false
			}
			lost++
			return true
		})
		s.nodes[0].way.Cut()
		s.pass(10 * time.Millisecond)
		s.nodes[0].way.Mend()
		s.pass(5 * time.Second)
		require.Equal(t, 1, lost)
		require.Zero(t, left.Load())
		require.EqualValues(t, 30, come.Load())
	})
}

// Clients hear of the groups of clients of other nodes that the program tells them of, as they are when the client comes and goes.
func TestGroupsInNoticesAcrossNodes(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, relay: smallRelay, options: func(_ int, o *core.ServerOptions) {
		o.Limits.MaxName, o.Limits.MaxGroups = 2000, 100
		o.Access.Notices = core.TellGroups
		o.Cluster.Notices = func(to *core.Conn, of *core.Remote, p *core.Presence) bool {
			for _, g := range of.Groups {
				if to.InGroup(g) {
					p.Groups = append(p.Groups, g)
				}
			}
			return true
		}
	}}, func(t *testing.T, s *clusterScene) {
		var mu sync.Mutex
		var news []string
		add := func(text string, p core.Presence) {
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(p.Groups)
			news = append(news, text+p.Name+" "+strings.Join(p.Groups, ","))
		}
		wants := func(want ...string) {
			t.Helper()
			s.pass(100 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(news)
			require.Equal(t, want, news)
			news = nil
		}
		watcher, err := core.NewClient(s.nodes[0].lis, &core.ClientOptions{Name: "watcher", Groups: []string{"a", "b", "c"}, Retry: core.Retry{Off: true}, Logger: core.Silent})
		require.NoError(t, err)
		defer watcher.Close() //nolint:errcheck // nothing to be done about it
		watcher.OnClientConnect(func(p core.Presence) { add("+", p) })
		watcher.OnClientDisconnect(func(p core.Presence) { add("-", p) })
		require.NoError(t, watcher.Connect(t.Context()))
		here, far := s.join(s.nodes[0], "here", "a", "b", "secret"), s.join(s.nodes[1], "far", "a", "b", "secret")
		wants("+far a,b", "+here a,b")
		for _, c := range []*clusterClient{here, far} {
			require.NoError(t, c.Join(t.Context(), "c"))
			require.NoError(t, c.Leave(t.Context(), "a"))
		}
		wants([]string(nil)...)
		require.NoError(t, here.Close())
		require.NoError(t, far.Close())
		wants("-far b,c", "-here b,c")

		many := s.join(s.nodes[1], "many", "a")
		for i := range 40 { // more than the relay takes in one message
			require.NoError(t, many.Join(t.Context(), strconv.Itoa(i)+strings.Repeat("g", 1000)))
		}
		wants("+many a")
		s.nodes[1].way.Cut()
		s.pass(10 * time.Second)
		wants("-many a")
		s.nodes[1].way.Mend()
		s.pass(10 * time.Second)
		wants("+many a")
		require.NoError(t, many.Close())
		wants("-many a")
		require.Zero(t, s.nodes[1].srv.Stats().Relay.Unsent)
	})
}
