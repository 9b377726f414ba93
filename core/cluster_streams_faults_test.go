//go:build !js

package core_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/relay"
)

// A stream ends with an error that says how far it came, whatever becomes of the nodes, the messages between them and the client.
func TestFaultsOfStreamsAcrossNodes(t *testing.T) {
	tests := map[string]struct {
		do   func(s *clusterScene, far *core.Remote)
		want core.Code
	}{
		"the client's node dies":   {func(s *clusterScene, _ *core.Remote) { s.nodes[1].way.Kill() }, core.CodeConnLost},
		"the client's node is cut": {func(s *clusterScene, _ *core.Remote) { s.nodes[1].way.Cut() }, core.CodeConnLost},
		"this node is cut":         {func(s *clusterScene, _ *core.Remote) { s.nodes[0].way.Cut() }, core.CodeConnLost},
		"a message there is lost": {func(s *clusterScene, _ *core.Remote) {
			s.dropOne(relay.TopicOfNode(s.nodes[1].srv.Cluster().Node().Number))
		}, core.CodeConnLost},
		"a message back is lost": {func(s *clusterScene, _ *core.Remote) {
			s.dropOne(relay.TopicOfNode(s.nodes[0].srv.Cluster().Node().Number))
		}, core.CodeConnLost},
		"the client goes":        {func(s *clusterScene, _ *core.Remote) { s.clients[0].Close() }, core.CodeClosed}, //nolint:errcheck // nothing to be done about it
		"the client is put out":  {func(_ *clusterScene, far *core.Remote) { far.Disconnect(core.NewError(core.CodeApplication, "go")) }, core.CodeApplication},
		"the other node is shut": {func(s *clusterScene, _ *core.Remote) { s.nodes[1].srv.Shutdown(context.Background()) }, core.CodeShutdown}, //nolint:errcheck // nothing to be done about it
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inFarScene(t, clusterSetting{}, func(t *testing.T, s *clusterScene, far *core.Remote, ended chan error) {
				failed := make(chan error, 2)
				go func() {
					var err error
					for _, err = range core.Stream[int](context.Background(), far, "for ever", 0) {
					}
					failed <- err
				}()
				go func() {
					_, err := core.Upload[int](context.Background(), far, "sum", -1, func(yield func(int) bool) {
						for yield(1) {
							time.Sleep(time.Second)
						}
					})
					failed <- err
				}()
				s.pass(2500 * time.Millisecond)
				tc.do(s, far)
				s.pass(8 * time.Second)
				for range 2 {
					select {
					case err := <-failed:
						var why *core.StreamError
						require.ErrorAs(t, err, &why)
						if code := core.CodeOf(err); tc.want != core.CodeShutdown || code != core.CodeConnLost { // a node that is shut may be gone before it has said why
							require.Equal(t, tc.want.String(), code.String(), "%v", err)
						}
						require.False(t, why.Taken == 0 && why.Sent == 0, "%v", err)
						require.LessOrEqual(t, why.Delivered, why.Sent, "%v", err)
					default:
						t.Fatal("a stream goes on")
					}
				}
				for range 2 {
					select {
					case err := <-ended:
						require.Error(t, err)
					default:
						t.Fatal("a handler goes on")
					}
				}
				for _, n := range s.nodes {
					require.Zero(t, n.srv.Stats().Streams.Open)
				}
			})
		})
	}
}

// dropOne drops the next message on a topic.
func (s *clusterScene) dropOne(topic string) {
	once := true
	s.broker.Drop(func(on string, _ []byte) bool {
		drop := once && on == topic
		once = once && !drop
		return drop
	})
}

// Streams begin anew after a loss.
func TestStreamsAfterALoss(t *testing.T) {
	inFarScene(t, clusterSetting{}, func(t *testing.T, s *clusterScene, far *core.Remote, _ chan error) {
		for _, n := range []int{0, 1} {
			_, err := counts(core.Stream[int](t.Context(), far, "count", 5))
			require.NoError(t, err)
			s.dropOne(relay.TopicOfNode(s.nodes[n].srv.Cluster().Node().Number))
			_, err = counts(core.Stream[int](t.Context(), far, "count", 5))
			require.Equal(t, core.CodeConnLost, core.CodeOf(err))
		}
		_, err := counts(core.Stream[int](t.Context(), far, "count", 5))
		require.NoError(t, err)
	})
}

// What is no message of a line, or breaks the protocol of streams, ends the streams between the two nodes at the most. Nothing is left behind.
func TestHostileStreamsOverTheRelay(t *testing.T) {
	inFarScene(t, clusterSetting{}, func(t *testing.T, s *clusterScene, far *core.Remote, ended chan error) {
		a, b := s.nodes[0].srv, s.nodes[1].srv
		var caught [][]byte
		s.broker.Drop(func(_ string, payload []byte) bool {
			if payload[1] == byte(relay.KindStreams) {
				caught = append(caught, bytes.Clone(payload))
			}
			return false
		})
		_, err := counts(core.Stream[int](t.Context(), far, "count", 500))
		require.NoError(t, err)
		_, err = core.Upload[int](t.Context(), far, "sum", -1, slices.Values(make([]int, 500)))
		require.NoError(t, err)
		for range core.Stream[int](t.Context(), far, "for ever", 0) {
			break
		}
		s.pass(time.Second)
		s.broker.Drop(nil)
		<-ended
		nodes := []uint64{a.Cluster().Node().Number, b.Cluster().Node().Number}
		random := rand.New(rand.NewPCG(5, 6))
		number := uint64(1 << 40)
		for range 4000 {
			m := bytes.Clone(caught[random.IntN(len(caught))])
			number++ // so that it is not dropped as one that has come
			binary.BigEndian.PutUint64(m[14:], number)
			head, body, _ := relay.ParseHead(m)
			parsed, fault := relay.ParseStreams(body)
			require.Equal(t, relay.None, fault)
			switch random.IntN(4) {
			case 0: // a line of its own, which begins
				parsed.Line, parsed.Number = number, 1
				m = parsed.Append(m[:relay.HeaderSize])
			case 1:
				parsed.Line, parsed.Number = number, 1
				m = parsed.Append(m[:relay.HeaderSize])
				for range 1 + random.IntN(4) {
					m[relay.HeaderSize+random.IntN(len(m)-relay.HeaderSize)] = byte(random.Uint32())
				}
			case 2:
				parsed.Theirs = !parsed.Theirs
				m = parsed.Append(m[:relay.HeaderSize])
			case 3:
				m = m[:relay.HeaderSize+random.IntN(len(body))]
			}
			to := nodes[random.IntN(2)]
			if to == head.Node {
				continue
			}
			s.broker.Inject(relay.TopicOfNode(to), m)
			if random.IntN(20) == 0 {
				s.pass(time.Millisecond)
			}
		}
		s.pass(15 * time.Second)
		for len(ended) > 0 {
			<-ended
		}
		require.NotZero(t, b.Stats().Relay.Refused)
		for range 100 { // the numbers that were noted are made up
			if _, err = counts(core.Stream[int](t.Context(), far, "count", 500)); err == nil {
				break
			}
			s.pass(time.Second)
		}
		require.NoError(t, err)
		s.pass(15 * time.Second)
		for _, n := range s.nodes {
			require.Zero(t, n.srv.Stats().Streams.Open)
			require.Len(t, n.srv.Cluster().Nodes(), 1)
		}
		require.NoError(t, s.clients[0].Err())
	})
}
