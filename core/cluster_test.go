//go:build !js

package core_test

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/relaytest"
	"github.com/hisock/hisock/transport"
)

func TestClusterSendsEverywhere(t *testing.T) {
	var seen atomic.Int64
	inCluster(t, clusterSetting{nodes: 3, options: func(_ int, o *core.ServerOptions) { o.Access.Authorize = byUser }, prepare: func(_ int, srv *core.Server) {
		srv.UseSend(func(next core.SendFunc) core.SendFunc {
			return func(o *core.Outgoing) error { seen.Add(1); return next(o) }
		})
	}}, func(t *testing.T, s *clusterScene) {
		a, b, c := s.nodes[0].srv, s.nodes[1], s.nodes[2]
		ada := s.joinAs(s.nodes[0], "ada", "u1", "g")
		bob := s.joinAs(b, "bob", "u2", "g")
		cy := s.joinAs(c, "cy", "u1")
		dan := s.joinAs(c, "dan", "")

		send := func(to core.Sender, opts ...core.SendOption) {
			t.Helper()
			seen.Store(0)
			require.NoError(t, to.SendBytes("say", []byte("hi"), opts...))
			s.pass(10 * time.Millisecond)
			require.EqualValues(t, 1, seen.Load(), "middleware sees it once, where it is sent")
		}
		send(a.All())
		s.wants("say hi", ada, bob, cy, dan)
		send(a.Group("g"))
		s.wants("say hi", ada, bob)
		send(c.srv.Group("g"))
		s.wants("say hi", ada, bob)
		send(b.srv.Group("other"))
		s.wants("")
		send(a.User("u1"))
		s.wants("say hi", ada, cy)
		send(b.srv.User("u1"))
		s.wants("say hi", ada, cy)
		send(a.Named("dan"))
		s.wants("say hi", dan)
		send(a.Named("dan"), core.AllOfThem())
		s.wants("say hi", dan)
		send(a.Named("nobody"))
		s.wants("")
		require.NoError(t, a.All().SendRaw([]byte("x")))
		s.wants("raw x", ada, bob, cy, dan)

		conn, err := a.Client("ada")
		require.NoError(t, err)
		send(a.All(), core.Except(conn))
		s.wants("say hi", bob, cy, dan)
		far, err := a.Cluster().Client(t.Context(), "bob")
		require.NoError(t, err)
		send(a.All(), core.ExceptClients(far.ID, a.Cluster().IDOf(conn)))
		s.wants("say hi", cy, dan)
		send(b.srv.Group("g"), core.ExceptClients(far.ID))
		s.wants("say hi", ada)

		require.NoError(t, conn.Leave(t.Context(), "g"))
		s.wants("")
		send(a.Group("g"))
		s.wants("say hi", bob)
		require.NoError(t, conn.Rename(t.Context(), "eve"))
		s.wants("")
		send(b.srv.Named("eve"))
		s.wants("say hi", ada)
		send(b.srv.Named("ada"))
		s.wants("")
		for _, n := range s.nodes {
			stats := n.srv.Stats().Relay
			require.True(t, stats.Up)
			require.Equal(t, 2, stats.Nodes)
			require.Zero(t, stats.Lost+stats.Refused+stats.Unsent)
		}
	})
}

// A send leaves out as many clients as it says, or fails.
func TestExceptManyClients(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2}, func(t *testing.T, s *clusterScene) {
		a := s.nodes[0].srv
		own, far := s.join(s.nodes[0], "ada"), s.join(s.nodes[1], "bob")
		here, err := a.Cluster().Client(t.Context(), "ada")
		require.NoError(t, err)
		there, err := a.Cluster().Client(t.Context(), "bob")
		require.NoError(t, err)
		var of []core.ClientID // that are not there any more
		for i := range uint64(relay.MaxExcept) {
			of = append(of, core.ClientID{Node: here.ID.Node, Conn: 1000 + i})
		}
		require.NoError(t, a.All().SendBytes("say", nil, core.ExceptClients(append(of, there.ID)...)))
		s.wants("say ", own)
		require.NoError(t, a.All().SendBytes("say", nil, core.ExceptClients(there.ID), core.ExceptClients(here.ID)))
		s.wants("")
		for i := range of {
			of[i].Node = there.ID.Node
		}
		require.NoError(t, a.All().SendBytes("say", nil, core.ExceptClients(of...)))
		s.wants("say ", own, far)
		of = append(of, there.ID)
		require.Equal(t, core.CodeTooBig, core.CodeOf(a.All().SendBytes("say", nil, core.ExceptClients(of...))))
		require.Equal(t, core.CodeTooBig, core.CodeOf(a.Named("bob").SendBytes("say", nil, core.ExceptClients(of...))))
		s.wants("")
	})
}

func TestClusterKeepsTheOrder(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 3}, func(t *testing.T, s *clusterScene) {
		var all []*clusterClient
		for _, n := range s.nodes {
			all = append(all, s.join(n, "all of "+n.srv.Cluster().Node().ID, "g", "h"))
		}
		srv := s.nodes[0].srv
		var want []string
		to := []core.Sender{srv.All(), srv.Group("g"), srv.Group("h")}
		for i := range 500 {
			require.NoError(t, to[i/3%3].SendBytes("n", []byte(strconv.Itoa(i))))
			want = append(want, "n "+strconv.Itoa(i))
		}
		s.pass(time.Second)
		for _, c := range all {
			require.Equal(t, want, c.take())
		}
	})
}

func TestAloneNothingIsRelayed(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 1}, func(t *testing.T, s *clusterScene) {
		ada := s.join(s.nodes[0], "ada", "g")
		srv := s.nodes[0].srv
		before := srv.Stats().Relay.Sent
		require.NoError(t, srv.All().SendBytes("say", nil))
		s.wants("say ", ada)
		require.Equal(t, before, srv.Stats().Relay.Sent)
		require.Error(t, srv.Named("nobody").SendBytes("say", nil))
		require.Error(t, srv.User("nobody").SendBytes("say", nil))
		require.Error(t, srv.Group("nobody").SendBytes("say", nil, core.MustReach()))

		second := s.start()
		s.pass(10 * time.Millisecond)
		bob := s.join(second, "bob")
		require.NoError(t, srv.All().SendBytes("say", nil))
		s.wants("say ", ada, bob)
	})
}

func TestCutOffNode(t *testing.T) {
	var relays []string
	inCluster(t, clusterSetting{nodes: 2, options: func(_ int, o *core.ServerOptions) { o.Cluster.QueueBytes = 64 << 10 }, prepare: func(i int, srv *core.Server) {
		if i == 0 {
			srv.OnRelay(func(why error) { relays = append(relays, core.CodeOf(why).String()) })
		}
	}}, func(t *testing.T, s *clusterScene) {
		a, b := s.nodes[0], s.nodes[1]
		ada, bob := s.join(a, "ada", "g"), s.join(b, "bob", "g")
		a.way.Cut()
		s.pass(time.Second)
		require.Equal(t, core.CodeUnavailable, core.CodeOf(a.srv.Cluster().Err()))
		require.NoError(t, b.srv.Cluster().Err())
		big := make([]byte, 1000)
		for i := range 200 {
			require.NoError(t, a.srv.Group("g").SendBytes("n", fmt.Appendf(nil, "%03d%s", i, big)))
		}
		s.pass(time.Second)
		require.Len(t, ada.take(), 200, "local delivery goes on")
		stats := a.srv.Stats().Relay
		require.LessOrEqual(t, stats.Waiting, 64<<10)
		require.NotZero(t, stats.Unsent)
		a.log.RequireLogged(t, "warn", "messages could not be relayed")
		_, err := a.srv.Cluster().Find(t.Context(), "bob")
		require.Equal(t, core.CodeUnavailable, core.CodeOf(err))

		a.way.Mend()
		s.pass(5 * time.Second)
		require.NoError(t, a.srv.Cluster().Err())
		got := bob.take()
		require.NotEmpty(t, got)
		require.Equal(t, "n 199", got[len(got)-1][:5], "the newest are kept")
		lost := b.srv.Stats().Relay.Lost
		require.EqualValues(t, 0, lost, "bob's node had heard nothing on that topic before")
		require.NoError(t, a.srv.Group("g").SendBytes("say", nil))
		s.wants("say ", ada, bob)
		require.Equal(t, []string{core.CodeNone.String(), core.CodeUnavailable.String(), core.CodeNone.String()}, relays)
	})
}

func TestLostMessagesAreCounted(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2}, func(t *testing.T, s *clusterScene) {
		a, b := s.nodes[0], s.nodes[1]
		bob := s.join(b, "bob", "g")
		require.NoError(t, a.srv.Group("g").SendBytes("say", nil))
		s.wants("say ", bob)
		s.broker.Drop(func(topic string, _ []byte) bool { return topic == relay.TopicOf(relay.ToGroup, "g") })
		for range 3 {
			require.NoError(t, a.srv.Group("g").SendBytes("say", nil))
		}
		s.wants("")
		s.broker.Drop(nil)
		require.NoError(t, a.srv.Group("g").SendBytes("say", nil))
		s.wants("say ", bob)
		require.EqualValues(t, 3, b.srv.Stats().Relay.Lost)
		s.pass(2 * time.Second)
		b.log.RequireLogged(t, "warn", "messages of other nodes were lost")
	})
}

func TestClusterFindsClients(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 3, options: func(_ int, o *core.ServerOptions) { o.Access.Authorize = byUser }}, func(t *testing.T, s *clusterScene) {
		s.joinAs(s.nodes[0], "ada", "u", "g")
		s.joinAs(s.nodes[1], "ada", "u", "g", "h")
		s.joinAs(s.nodes[1], "bob", "")
		cl := s.nodes[2].srv.Cluster()
		ctx := t.Context()
		found, err := cl.Find(ctx, "ada")
		require.NoError(t, err)
		require.Len(t, found, 2)
		_, err = cl.Client(ctx, "ada")
		require.Equal(t, core.CodeAmbiguousName, core.CodeOf(err))
		_, err = cl.Client(ctx, "nobody")
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(err))
		bob, err := s.nodes[1].srv.Cluster().Client(ctx, "bob")
		require.NoError(t, err)
		far, err := cl.Client(ctx, "bob")
		require.NoError(t, err)
		require.Equal(t, bob.ID, far.ID)
		found, err = cl.FindUser(ctx, "u")
		require.NoError(t, err)
		require.Len(t, found, 2)
		require.Equal(t, "u", found[0].User)
		members, err := cl.Members(ctx, "g")
		require.NoError(t, err)
		require.Len(t, members, 2)
		n, err := cl.LenIn(ctx, "h")
		require.NoError(t, err)
		require.Equal(t, 1, n)
		n, err = cl.Len(ctx)
		require.NoError(t, err)
		require.Equal(t, 3, n)

		s.nodes[0].way.Cut()
		s.pass(time.Second)
		members, err = cl.Members(within(time.Second), "g")
		require.Equal(t, core.CodeUnavailable, core.CodeOf(err))
		require.Contains(t, err.Error(), "node0")
		require.Len(t, members, 1, "the others have answered")
		s.nodes[0].way.Mend()
		s.pass(5 * time.Second)
		members, err = cl.Members(ctx, "g")
		require.NoError(t, err)
		require.Len(t, members, 2)
	})
}

func TestNodesComeAndGo(t *testing.T) {
	var news []string
	inCluster(t, clusterSetting{nodes: 2, prepare: func(i int, srv *core.Server) {
		if i == 0 {
			srv.OnNode(func(n core.Node, here bool) { news = append(news, fmt.Sprint(n.ID, " ", here)) })
		}
	}}, func(t *testing.T, s *clusterScene) {
		third := s.start()
		s.pass(time.Second)
		require.Len(t, s.nodes[0].srv.Cluster().Nodes(), 2)
		require.NoError(t, third.srv.Shutdown(t.Context()))
		synctest.Wait()
		require.Len(t, s.nodes[0].srv.Cluster().Nodes(), 1, "it has said that it goes")
		s.nodes[1].way.Kill()
		s.pass(10 * time.Second)
		require.Empty(t, s.nodes[0].srv.Cluster().Nodes())
		require.Equal(t, []string{"node1 true", "node2 true", "node2 false", "node1 false"}, news)
	})
}

func TestTwoNodesOfOneID(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, options: func(_ int, o *core.ServerOptions) { o.Cluster.Node = "same" }}, func(t *testing.T, s *clusterScene) {
		for _, n := range s.nodes {
			n.log.RequireLogged(t, "warn", "two nodes have one id")
		}
		ada, bob := s.join(s.nodes[0], "ada"), s.join(s.nodes[1], "bob")
		require.NoError(t, s.nodes[0].srv.All().SendBytes("say", nil))
		s.wants("say ", ada, bob)
	})
}

// A program that serves nobody sends to the clients of others, and is sent nothing.
func TestPublisher(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 1}, func(t *testing.T, s *clusterScene) {
		ada := s.join(s.nodes[0], "ada", "g")
		pub, err := core.NewServer(&core.ServerOptions{Cluster: core.ClusterOptions{Relay: s.broker.Connect(), Node: "pub"}, Logger: core.Silent})
		require.NoError(t, err)
		defer pub.Shutdown(t.Context()) //nolint:errcheck // it serves nobody
		require.NoError(t, pub.Cluster().Join(t.Context()))
		require.NoError(t, pub.Group("g").SendBytes("say", []byte("hi")))
		s.wants("say hi", ada)
		s.pass(5 * time.Second)
		n, err := pub.Cluster().LenIn(t.Context(), "g")
		require.NoError(t, err)
		require.Equal(t, 1, n)
		got := pub.Stats().Relay.Received
		sent := s.nodes[0].srv.Stats().Relay.Sent
		require.NoError(t, s.nodes[0].srv.All().SendBytes("say", nil))
		s.wants("say ", ada)
		require.Equal(t, got, pub.Stats().Relay.Received)
		require.Equal(t, sent, s.nodes[0].srv.Stats().Relay.Sent, "nobody else has clients")
	})
}

// A program that begins to serve after it has joined is sent messages at once.
func TestPublisherThatServesLater(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 1}, func(t *testing.T, s *clusterScene) {
		late, err := core.NewServer(&core.ServerOptions{Cluster: core.ClusterOptions{Relay: s.broker.Connect(), Node: "late"}, Logger: core.Silent})
		require.NoError(t, err)
		n := &clusterNode{srv: late, lis: transport.NewPipeListener()}
		s.nodes = append(s.nodes, n)
		require.NoError(t, late.Cluster().Join(t.Context()))
		s.pass(5*time.Second + 100*time.Millisecond) // its next beat is far
		go late.Serve(context.Background(), n.lis)   //nolint:errcheck // nil after Shutdown
		s.pass(10 * time.Millisecond)
		ada := s.join(n, "ada")
		require.NoError(t, s.nodes[0].srv.All().SendBytes("say", nil))
		s.wants("say ", ada)
	})
}

// A program that sends without Join loses nothing that it has sent before the relay was reached.
func TestPublisherAtOnce(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 1, relay: relaytest.MemoryOptions{Delay: 20 * time.Millisecond}}, func(t *testing.T, s *clusterScene) {
		ada := s.join(s.nodes[0], "ada")
		pub, err := core.NewServer(&core.ServerOptions{Cluster: core.ClusterOptions{Relay: s.broker.Connect()}, Logger: core.Silent})
		require.NoError(t, err)
		defer pub.Shutdown(t.Context()) //nolint:errcheck // it serves nobody
		require.NoError(t, pub.All().SendBytes("say", nil))
		s.pass(time.Second)
		s.wants("say ", ada)
	})
}

func TestSubscriptionsFollowTheGroups(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2}, func(t *testing.T, s *clusterScene) {
		before := s.broker.Topics()
		ada := s.join(s.nodes[0], "ada", "g")
		require.Equal(t, before+2, s.broker.Topics(), "its name and its group")
		for i := range 200 {
			require.NoError(t, ada.Join(t.Context(), strconv.Itoa(i)))
			require.NoError(t, ada.Leave(t.Context(), strconv.Itoa(i)))
			s.pass(time.Second) // within the rate
		}
		require.Equal(t, before+2, s.broker.Topics())
		require.NoError(t, ada.Close())
		s.pass(time.Second)
		require.Equal(t, before, s.broker.Topics())
	})
}

func TestClusterOptions(t *testing.T) {
	for option, o := range map[string]core.ClusterOptions{
		"Cluster.Node":         {Node: "x"},
		"Cluster.QueueBytes":   {QueueBytes: 1},
		"Cluster.Beat":         {Relay: relaytest.NewMemory(nil).Connect(), Beat: 1},
		"Cluster.MaxQuestions": {Relay: relaytest.NewMemory(nil).Connect(), MaxQuestions: -1},
	} {
		_, err := core.NewServer(&core.ServerOptions{Cluster: o})
		var wrong *core.OptionError
		require.ErrorAs(t, err, &wrong)
		require.Equal(t, option, wrong.Option)
	}
}

// A server that is alone answers for itself.
func TestClusterOfOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &clusterScene{t: t}
		defer s.end()
		srv, err := core.NewServer(&core.ServerOptions{Logger: core.Silent})
		require.NoError(t, err)
		n := &clusterNode{srv: srv, lis: transport.NewPipeListener()}
		s.nodes = append(s.nodes, n)
		go srv.Serve(context.Background(), n.lis) //nolint:errcheck // nil after Shutdown
		ada := s.join(n, "ada", "g")
		r, err := srv.Cluster().Client(t.Context(), "ada")
		require.NoError(t, err)
		require.NoError(t, r.SendBytes("say", nil))
		s.wants("say ", ada)
		members, err := srv.Cluster().Members(t.Context(), "g")
		require.NoError(t, err)
		require.Len(t, members, 1)
		require.NoError(t, srv.Cluster().Err())
		require.Error(t, srv.Cluster().Join(t.Context()))
		require.Empty(t, srv.Cluster().Nodes())
	})
}
