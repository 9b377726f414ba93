//go:build !js

package core_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A slowRelay is the way of one node to its relay, which can be made slow. Its fields change while all else waits.
type slowRelay struct {
	core.Relay
	mu     sync.Mutex    // guards the fields below
	claims bool          // Claim and Release hang until their ctx ends
	deaf   chan struct{} // messages wait until it is closed; nil if they do not
	mute   chan struct{} // Publish waits until it is closed; nil if it does not
}

// slowNode returns a setting for two nodes, of which the first has a slowRelay.
func slowNode() (*slowRelay, clusterSetting) {
	slow := new(slowRelay)
	return slow, clusterSetting{nodes: 2, options: uniqueNames, through: func(i int, r core.Relay) core.Relay {
		if i > 0 {
			return r
		}
		slow.Relay = r
		return slow
	}}
}

func (r *slowRelay) Join(ctx context.Context, id string, h core.RelayHandler) (core.RelayNode, error) {
	n, err := r.Relay.Join(ctx, id, &slowHandler{h, r})
	return &slowRelayNode{n, r}, err
}

// deafen makes messages wait until the function that it returns is called.
func (r *slowRelay) deafen() (hear func()) {
	deaf := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deaf = deaf
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.deaf = nil
		close(deaf)
	}
}

// silence makes what the node publishes wait until the function that it returns is called.
func (r *slowRelay) silence() (speak func()) {
	mute := make(chan struct{})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mute = mute
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.mute = nil
		close(mute)
	}
}

type slowHandler struct {
	core.RelayHandler
	r *slowRelay
}

func (h *slowHandler) Message(topic string, payload []byte) {
	h.r.mu.Lock()
	deaf := h.r.deaf
	h.r.mu.Unlock()
	if deaf != nil {
		<-deaf
	}
	h.RelayHandler.Message(topic, payload)
}

type slowRelayNode struct {
	core.RelayNode
	r *slowRelay
}

func (n *slowRelayNode) Publish(batch []core.RelayMessage) (sent int, err error) {
	n.r.mu.Lock()
	mute := n.r.mute
	n.r.mu.Unlock()
	if mute != nil {
		<-mute
	}
	return n.RelayNode.Publish(batch)
}

func (n *slowRelayNode) hang(ctx context.Context) error {
	n.r.mu.Lock()
	slow := n.r.claims
	n.r.mu.Unlock()
	if slow {
		<-ctx.Done()
	}
	return ctx.Err()
}

func (n *slowRelayNode) Claim(ctx context.Context, key string, value []byte) (mine bool, held []byte, err error) {
	if err := n.hang(ctx); err != nil {
		return false, nil, err
	}
	return n.RelayNode.Claim(ctx, key, value)
}

func (n *slowRelayNode) Release(ctx context.Context, key string) error {
	if err := n.hang(ctx); err != nil {
		return err
	}
	return n.RelayNode.Release(ctx, key)
}

// A node whose claims take long, and whose program takes long to hear of nodes, stays a node for the others.
func TestSlowClaimsSilenceNoNode(t *testing.T) {
	slow, set := slowNode()
	var news []string
	set.prepare = func(i int, srv *core.Server) {
		switch i {
		case 0:
			srv.OnNode(func(n core.Node, _ bool) {
				if n.ID == "node2" {
					time.Sleep(20 * time.Second)
				}
			})
		case 1:
			srv.OnNode(func(n core.Node, _ bool) { news = append(news, n.ID) })
		}
	}
	inCluster(t, set, func(t *testing.T, s *clusterScene) {
		ada, bob := s.join(s.nodes[0], "ada"), s.join(s.nodes[1], "bob")
		there := func() {
			t.Helper()
			for range 30 {
				s.pass(time.Second)
				require.NoError(t, s.nodes[1].srv.All().SendBytes("say", nil))
				s.wants("say ", ada, bob)
			}
			require.Empty(t, news)
		}
		gone := s.join(s.nodes[0], "cy")
		news = nil
		slow.mu.Lock()
		slow.claims = true
		slow.mu.Unlock()
		require.NoError(t, gone.Close())
		there()
		slow.mu.Lock()
		slow.claims = false
		slow.mu.Unlock()
		s.pass(10 * time.Second)
		require.Equal(t, 2, s.broker.Claims(), "the claim was given back in the end")
		s.start()
		s.pass(100 * time.Millisecond)
		news = nil
		there()
	})
}

// A node that has stood still for so long that it takes the others for gone relays what it sends until they had time to be heard of again.
func TestNodeThatStoodStillIsNotAlone(t *testing.T) {
	slow, set := slowNode()
	inCluster(t, set, func(t *testing.T, s *clusterScene) {
		bob := s.join(s.nodes[1], "bob")
		a := s.nodes[0].srv
		defer slow.deafen()()
		for tries := 0; len(a.Cluster().Nodes()) > 0; tries++ {
			require.Less(t, tries, 1000)
			s.pass(10 * time.Millisecond)
		}
		require.NoError(t, a.All().SendBytes("say", nil))
		s.wants("say ", bob)
	})
}

// A node that has fallen silent may go on where it was, with all that the relay has kept for it. So what others send is relayed, until
// the node has been silent for ten minutes.
func TestSilentNodeIsStillSentTo(t *testing.T) {
	slow, set := slowNode()
	inCluster(t, set, func(t *testing.T, s *clusterScene) {
		ada := s.join(s.nodes[0], "ada")
		b := s.nodes[1].srv
		speak := slow.silence()
		defer func() { speak() }()
		s.pass(30 * time.Second)
		require.Empty(t, b.Cluster().Nodes())
		require.NoError(t, b.All().SendBytes("say", []byte("1")))
		s.wants("say 1", ada)
		s.pass(10 * time.Minute)
		before := b.Stats().Relay.Sent
		require.NoError(t, b.All().SendBytes("say", []byte("2")))
		s.pass(10 * time.Millisecond)
		require.Equal(t, before, b.Stats().Relay.Sent)
	})
}

// What the relay drops because a node is slow is counted there, though nothing more comes on that topic, and not twice when more comes.
func TestDroppedMessagesAreCounted(t *testing.T) {
	slow, set := slowNode()
	set.relay.Inbox = 32 << 10
	inCluster(t, set, func(t *testing.T, s *clusterScene) {
		ada := s.join(s.nodes[0], "ada", "g")
		from := s.nodes[1].srv.Group("g")
		require.NoError(t, from.SendBytes("say", nil))
		s.wants("say ", ada)
		hear := slow.deafen()
		for range 100 {
			require.NoError(t, from.SendBytes("say", make([]byte, 1000)))
		}
		s.pass(10 * time.Millisecond)
		hear()
		s.pass(10 * time.Millisecond)
		missing := uint64(100 - len(ada.take()))
		require.NotZero(t, missing)
		require.Equal(t, missing, s.nodes[0].srv.Stats().Relay.Lost)
		require.NoError(t, from.SendBytes("say", nil))
		s.wants("say ", ada)
		require.Equal(t, missing, s.nodes[0].srv.Stats().Relay.Lost)
		s.pass(2 * time.Second)
		s.nodes[0].log.RequireLogged(t, "warn", "messages of other nodes were lost")
	})
}
