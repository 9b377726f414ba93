//go:build !js

package core_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/relay"
)

// What anybody may send over the relay harms nobody: bytes that are no message, messages cut short or changed, of another version, of nodes
// that there are not, and huge ones.
func TestHostileMessages(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, options: uniqueNames}, func(t *testing.T, s *clusterScene) {
		a, b := s.nodes[0], s.nodes[1]
		ada := s.joinAs(a, "ada", "u", "g")
		var caught [][]byte
		var topics []string
		s.broker.Drop(func(topic string, payload []byte) bool {
			caught, topics = append(caught, bytes.Clone(payload)), append(topics, topic)
			return false
		})
		_, err := b.srv.Cluster().Find(t.Context(), "ada")
		require.NoError(t, err)
		far, err := b.srv.Cluster().Client(t.Context(), "ada")
		require.NoError(t, err)
		_, err = far.CallBytes(t.Context(), "name", nil)
		require.NoError(t, err)
		for _, to := range []core.Sender{b.srv.All(), b.srv.Group("g"), b.srv.User("u"), b.srv.Named("ada"), far} {
			require.NoError(t, to.Send("say", "hi"))
		}
		s.pass(2 * time.Second)
		s.broker.Drop(nil)
		require.Len(t, ada.take(), 5)

		random := rand.New(rand.NewPCG(3, 4))
		for range 5000 {
			i := random.IntN(len(caught))
			m := bytes.Clone(caught[i])
			switch random.IntN(5) {
			case 0:
				m = m[:random.IntN(len(m))]
			case 1: // a new number, so that it is not dropped as one that has come
				random.Shuffle(8, func(i, j int) { m[14+i], m[14+j] = m[14+j], m[14+i] })
				m[14] = byte(random.Uint32())
			case 2: // a node that there is not
				m[2+random.IntN(8)] = byte(random.Uint32())
			case 3:
				for range 1 + random.IntN(8) {
					m[random.IntN(len(m))] = byte(random.Uint32())
				}
			case 4:
				m = make([]byte, random.IntN(300))
				for i := range m {
					m[i] = byte(random.Uint32())
				}
			}
			s.broker.Inject(topics[random.IntN(len(topics))], m)
			if random.IntN(50) == 0 {
				s.pass(time.Millisecond)
			}
		}
		s.broker.Inject(relay.TopicOfAll, make([]byte, 1<<20))
		s.broker.Inject(relay.TopicOfAll, append([]byte{9}, make([]byte, 1000)...))
		s.pass(20 * time.Second)
		require.NotZero(t, a.srv.Stats().Relay.Refused)
		ada.take()

		for range 20 { // the first ones may be taken for messages that have come, if their numbers were used
			require.NoError(t, b.srv.All().Send("say", "still"))
		}
		s.pass(time.Second)
		require.Contains(t, ada.take(), "say still")
		require.NoError(t, b.srv.All().Send("say", "again"))
		s.wants("say again", ada)
		s.pass(10 * time.Second) // nodes that there are not have been silent for long enough
		n, err := b.srv.Cluster().Len(within(time.Second))
		for tries := 0; err != nil && tries < 20; tries++ {
			n, err = b.srv.Cluster().Len(within(time.Second))
		}
		require.NoError(t, err)
		require.Equal(t, 1, n)
		require.NoError(t, ada.Err())
	})
}

// A flood of nodes that there are not is bounded, and over when it ends.
func TestStrangersWhoSayHello(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2}, func(t *testing.T, s *clusterScene) {
		ada, bob := s.join(s.nodes[0], "ada"), s.join(s.nodes[1], "bob")
		h := relay.Hello{ID: "x", Serves: true, Asks: true}
		for i := range uint64(20000) {
			m := h.Append(relay.NewMessage(relay.KindHello, 1000+i, 8))
			m[21] = 1
			s.broker.Inject(relay.TopicOfNodes, m)
			if i%1000 == 0 {
				s.pass(time.Millisecond)
			}
		}
		s.pass(100 * time.Millisecond)
		require.Less(t, len(s.nodes[0].srv.Cluster().Nodes()), 5000)
		require.NotZero(t, s.nodes[0].srv.Stats().Relay.Refused)
		require.NoError(t, s.nodes[1].srv.All().Send("say", "hi"))
		s.wants("say hi", ada, bob)
		s.pass(10 * time.Second)
		require.Len(t, s.nodes[0].srv.Cluster().Nodes(), 1)
	})
}
