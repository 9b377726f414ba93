//go:build !js

package core_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/relay"
)

func TestCallAcrossNodes(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, options: func(_ int, o *core.ServerOptions) { o.Access.Authorize = byUser }}, func(t *testing.T, s *clusterScene) {
		bob := s.joinAs(s.nodes[1], "bob", "u")
		ctx := t.Context()
		a := s.nodes[0].srv
		far, err := a.Cluster().Client(ctx, "bob")
		require.NoError(t, err)
		name, err := core.Call[string](ctx, far, "name", "")
		require.NoError(t, err)
		require.Equal(t, "bob", name)
		_, err = far.CallBytes(ctx, "fail", nil)
		require.True(t, core.IsRemote(err))
		require.Equal(t, core.CodeApplication+7, core.CodeOf(err))
		details, err := core.Details[[]byte](err)
		require.NoError(t, err)
		require.Equal(t, "why", string(details))
		_, err = far.CallBytes(ctx, "nothing of the kind", nil)
		require.Equal(t, core.CodeUnknownCommand, core.CodeOf(err))
		name, err = core.Call[string](ctx, a.User("u"), "name", "")
		require.NoError(t, err)
		require.Equal(t, "bob", name)
		_, err = a.User("nobody").CallBytes(ctx, "name", nil)
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(err))
		require.NoError(t, far.Send("say", "hi"))
		s.wants("say hi", bob)

		_, err = far.CallBytes(within(time.Second), "hang", nil)
		require.Equal(t, core.CodeDeadlineExceeded, core.CodeOf(err))
		s.wants("given up", bob)

		ended := make(chan error, 1)
		go func() {
			_, err := far.CallBytes(ctx, "hang", nil)
			ended <- err
		}()
		s.pass(time.Second)
		s.nodes[1].way.Cut()
		require.Equal(t, core.CodeConnLost, core.CodeOf(<-ended), "the other node has not been heard of for too long")
		s.nodes[1].way.Mend()
		s.pass(5 * time.Second)

		far.Disconnect(core.NewError(core.CodeApplication, "go"))
		s.pass(time.Second)
		require.Equal(t, core.CodeApplication, core.CodeOf(bob.Err()))
		_, err = far.CallBytes(ctx, "name", nil)
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(err))
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(a.Cluster().Remote(core.ClientID{Node: 1, Conn: 1}).Send("say", "x")))

		cy := s.joinAs(s.nodes[1], "cy", "u")
		a.User("u").Disconnect(nil)
		s.pass(time.Second)
		require.Error(t, cy.Err())
	})
}

// Clients of another node are disconnected, however many there are, and however many questions that node answers meanwhile.
func TestManyAreDisconnectedAtAnotherNode(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, options: func(_ int, o *core.ServerOptions) {
		o.Access.Authorize = byUser
		o.Cluster.MaxQuestions = 1
	}}, func(t *testing.T, s *clusterScene) {
		a, b := s.nodes[0].srv, s.nodes[1]
		s.joinAs(b, "busy", "")
		busy, err := a.Cluster().Client(t.Context(), "busy")
		require.NoError(t, err)
		var clients []*clusterClient
		for i := range 100 {
			clients = append(clients, s.joinAs(b, "", "u"+strconv.Itoa(i)))
		}
		disconnect := func(from, to int) {
			for i := from; i < to; i++ {
				a.User("u" + strconv.Itoa(i)).Disconnect(core.NewError(core.CodeApplication, "go"))
			}
			s.pass(time.Second)
			for _, c := range clients[from:to] {
				require.Equal(t, core.CodeApplication.String(), core.CodeOf(c.Err()).String())
			}
		}
		disconnect(0, 50)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := busy.CallBytes(ctx, "hang", nil)
			ended <- err
		}()
		s.pass(time.Second)
		disconnect(50, 100)
		cancel()
		require.Error(t, <-ended)
	})
}

// An answer that is lost ends the call, though it has no deadline.
func TestLostAnswer(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2}, func(t *testing.T, s *clusterScene) {
		s.join(s.nodes[1], "bob")
		a := s.nodes[0].srv
		far, err := a.Cluster().Client(t.Context(), "bob")
		require.NoError(t, err)
		for _, topic := range []uint64{a.Cluster().Node().Number, s.nodes[1].srv.Cluster().Node().Number} {
			_, err = far.CallBytes(t.Context(), "name", nil)
			require.NoError(t, err)
			once := true
			s.broker.Drop(func(on string, b []byte) bool {
				if on != relay.TopicOfNode(topic) || !once {
					return false
				}
				once = false
				return true
			})
			_, err = far.CallBytes(t.Context(), "name", nil)
			require.Equal(t, core.CodeConnLost, core.CodeOf(err))
		}
	})
}

// A question to all nodes that is lost ends the call, though it has no deadline.
func TestLostQuestionToAllNodes(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, options: func(_ int, o *core.ServerOptions) { o.Access.Authorize = byUser }}, func(t *testing.T, s *clusterScene) {
		s.joinAs(s.nodes[1], "bob", "u")
		a := s.nodes[0].srv
		s.broker.Drop(func(on string, b []byte) bool { return on == relay.TopicOfNodes && b[1] == byte(relay.KindQuestion) })
		_, err := a.User("u").CallBytes(within(time.Minute), "name", nil) // far more than it needs
		require.Equal(t, core.CodeConnLost.String(), core.CodeOf(err).String())
		_, err = a.Cluster().Len(within(time.Minute))
		require.Equal(t, core.CodeUnavailable, core.CodeOf(err))
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		s.broker.Drop(nil)
		_, err = a.User("u").CallBytes(t.Context(), "name", nil)
		require.NoError(t, err)
	})
}

// A call is ended by no loss that was found before it began.
func TestOldLossEndsNoCall(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2}, func(t *testing.T, s *clusterScene) {
		bob := s.join(s.nodes[1], "bob")
		far, err := s.nodes[0].srv.Cluster().Client(t.Context(), "bob")
		require.NoError(t, err)
		s.broker.Drop(func(on string, _ []byte) bool { return on == relay.TopicOfNodes })
		s.pass(2 * time.Second)
		s.broker.Drop(nil)
		s.pass(2 * time.Second)
		require.NotZero(t, s.nodes[1].srv.Stats().Relay.Lost)
		_, err = far.CallBytes(within(10*time.Second), "hang", nil)
		require.Equal(t, core.CodeDeadlineExceeded.String(), core.CodeOf(err).String())
		s.wants("given up", bob)
	})
}

func TestSurvey(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 3, prepare: func(i int, srv *core.Server) {
		srv.OnSurvey("load", func(_ context.Context, payload []byte) ([]byte, error) {
			if i == 2 {
				return nil, core.NewError(core.CodeApplication, "never")
			}
			return fmt.Appendf(nil, "%s %d", payload, i), nil
		})
		srv.OnSurvey("slow", func(ctx context.Context, _ []byte) ([]byte, error) {
			if i == 1 {
				<-ctx.Done()
				time.Sleep(time.Second)
			}
			return nil, ctx.Err()
		})
		srv.OnSurvey("panic", func(context.Context, []byte) ([]byte, error) { panic("oh") })
	}}, func(t *testing.T, s *clusterScene) {
		cl := s.nodes[0].srv.Cluster()
		answers, err := cl.Survey(t.Context(), "load", []byte("now"))
		require.NoError(t, err)
		got := map[string]string{}
		for _, a := range answers {
			got[a.Node.ID] = string(a.Payload) + core.Text(a.Err)
		}
		require.Equal(t, map[string]string{"node0": "now 0", "node1": "now 1", "node2": "never"}, got)
		answers, err = cl.Survey(within(time.Second), "slow", nil)
		require.Equal(t, core.CodeUnavailable, core.CodeOf(err))
		require.Contains(t, err.Error(), "node1")
		require.Len(t, answers, 2)
		answers, err = cl.Survey(t.Context(), "panic", nil)
		require.NoError(t, err)
		require.Len(t, answers, 3)
		for _, a := range answers {
			require.Equal(t, core.CodeInternal, core.CodeOf(a.Err))
		}
	})
}
