//go:build !js

package core

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/relay"
)

// However many nodes ask at once who the clients are, each is told within some beats, and does not ask again.
func TestManyNodesAskForTheClients(t *testing.T) {
	k, _ := lineScene(t, 64<<10)
	k.opts.Notices = func(*Conn, *Remote, *Presence) bool { return true }
	lists := func() (n int) {
		for _, m := range k.queue.Take(1<<20, nil) {
			if relay.Kind(m.Payload[1]) == relay.KindPresence {
				n++
			}
		}
		return n
	}
	const asking = 200
	for i := range uint64(asking) {
		node := otherNode + i
		k.nodes.Got(relay.Head{Kind: relay.KindHello, Node: node, Number: 2}, "", 0, false, k.born)
		k.nodes.Hello(node, relay.Hello{ID: "other", Serves: true})
		require.Equal(t, relay.None, k.handle(relay.Head{Kind: relay.KindWatch, Node: node}, relay.TopicOfNodes, nil))
	}
	for told := 0; told < asking; {
		n := lists()
		require.Equal(t, min(maxTold, asking-told), n)
		told += n
		k.tick()
	}
	require.Zero(t, lists())

	// Lists do not push each other out of the queue.
	k.put(relay.Topic{To: relay.ToNodes}, append(relay.NewMessage(relay.KindSend, k.self, 40<<10), make([]byte, 40<<10)...))
	for i := range uint64(3) {
		k.watched(otherNode + i)
	}
	k.tick()
	require.Equal(t, 2, lists(), "one in each beat at least")
	k.tick()
	require.Equal(t, 1, lists())
}
