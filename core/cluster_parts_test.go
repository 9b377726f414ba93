//go:build !js

package core_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/relaytest"
)

// smallRelay takes messages of 16 KiB only.
var smallRelay = relaytest.MemoryOptions{MaxPayload: core.MinRelayPart}

// What is larger than the relay takes goes in parts: in order with all else, or not at all.
func TestLargeMessages(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, relay: smallRelay, options: func(_ int, o *core.ServerOptions) {
		o.Cluster.QueueBytes = 1 << 20
	}}, func(t *testing.T, s *clusterScene) {
		a := s.nodes[0].srv
		bob := s.join(s.nodes[1], "bob")
		far, err := a.Cluster().Client(t.Context(), "bob")
		require.NoError(t, err)
		large := strings.Repeat("x", 100_000)
		for i := range 4 {
			for _, to := range []core.Sender{a.All(), a.Named("bob"), far} {
				require.NoError(t, to.Send("say", large+strconv.Itoa(i)))
				require.NoError(t, to.Send("say", i))
			}
			s.pass(10 * time.Millisecond)
			text, small := "say "+large+strconv.Itoa(i), "say "+strconv.Itoa(i)
			require.Equal(t, []string{text, small, text, small, text, small}, bob.take())
		}
		before := a.Stats().Relay.Unsent
		require.NoError(t, a.All().SendBytes("say", make([]byte, 600<<10)))
		require.Equal(t, before+1, a.Stats().Relay.Unsent, "more than half of what may wait")
		require.Equal(t, core.CodeTooBig, core.CodeOf(far.SendBytes("say", make([]byte, 600<<10))))

		parts := 0
		s.broker.Drop(func(_ string, b []byte) bool {
			if b[1] != byte(relay.KindPart) {
				return false
			}
			parts++
			return parts == 3
		})
		require.NoError(t, a.All().Send("say", large))
		require.NoError(t, a.All().Send("say", "behind"))
		s.wants("say behind", bob)
		require.Equal(t, 7, parts)
		require.EqualValues(t, 1, s.nodes[1].srv.Stats().Relay.Lost)
		require.NoError(t, a.All().Send("say", large))
		s.wants("say "+large, bob)

		_, err = far.CallBytes(t.Context(), "name", []byte(large))
		require.NoError(t, err)
	})
}

// Lists and answers that are larger than the relay takes come whole. If a list is too large even so, the caller is told.
func TestLargeLists(t *testing.T) {
	const clients = 100
	inCluster(t, clusterSetting{nodes: 2, relay: smallRelay, options: func(i int, o *core.ServerOptions) {
		o.Limits.MaxName = 2000
		o.Cluster.QueueBytes = 1 << 20
		if i == 1 {
			o.Cluster.QueueBytes = 300 << 10 // an answer is half of that
		}
	}, prepare: func(_ int, srv *core.Server) {
		srv.OnSurvey("much", func(_ context.Context, payload []byte) ([]byte, error) {
			return []byte(strings.Repeat(string(payload), 100_000)), nil
		})
	}}, func(t *testing.T, s *clusterScene) {
		a := s.nodes[0].srv.Cluster()
		for i := range clients {
			s.join(s.nodes[1], strconv.Itoa(i)+strings.Repeat("n", 1000), "g")
		}
		members, err := a.Members(t.Context(), "g")
		require.NoError(t, err)
		require.Len(t, members, clients)
		answers, err := a.Survey(t.Context(), "much", []byte("y"))
		require.NoError(t, err)
		require.Len(t, answers, 2)
		for _, of := range answers {
			require.NoError(t, of.Err)
			require.Len(t, of.Payload, 100_000)
		}
		for i := range clients {
			s.join(s.nodes[1], strconv.Itoa(i)+strings.Repeat("m", 1000), "g")
		}
		members, err = a.Members(t.Context(), "g")
		require.Equal(t, core.CodeTooBig, core.CodeOf(err))
		require.ErrorContains(t, err, "node1")
		require.Greater(t, len(members), clients)
		n, err := a.LenIn(t.Context(), "g")
		require.NoError(t, err)
		require.Equal(t, 2*clients, n)
		answers, err = a.Survey(t.Context(), "much", []byte("yy"))
		require.NoError(t, err)
		for _, of := range answers {
			if of.Node.ID == "node1" {
				require.Equal(t, core.CodeTooBig, core.CodeOf(of.Err))
			} else {
				require.NoError(t, of.Err)
			}
		}
	})
}

// Who asks is told if the question or the answer comes in parts and is dropped, because it is larger than the node takes.
func TestDroppedPartsOfAnswers(t *testing.T) {
	for small := range 2 { // the node with little room
		inCluster(t, clusterSetting{nodes: 2, relay: smallRelay, options: func(i int, o *core.ServerOptions) {
			o.Cluster.QueueBytes = 1 << 20
			if i == small {
				o.Cluster.QueueBytes = 64 << 10
			}
		}, prepare: func(_ int, srv *core.Server) {
			srv.OnSurvey("much", func(_ context.Context, payload []byte) ([]byte, error) {
				if small == 1 {
					return nil, nil
				}
				return make([]byte, 100_000), nil
			})
		}}, func(t *testing.T, s *clusterScene) {
			question := "short"
			if small == 1 {
				question = strings.Repeat("long", 25_000)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			answers, err := s.nodes[0].srv.Cluster().Survey(ctx, "much", []byte(question))
			require.NoError(t, ctx.Err(), "it need not wait for the end of its context")
			if err == nil {
				for _, of := range answers {
					if of.Node.ID == "node1" {
						require.Error(t, of.Err)
					}
				}
			}
		})
	}
}
