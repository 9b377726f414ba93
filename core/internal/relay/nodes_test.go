package relay

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGapsAndDoubles(t *testing.T) {
	now := time.Unix(1000, 0)
	n := NewNodes(1, "me", time.Second)
	got := func(lap uint32, number, subscription uint64) News {
		news := n.Got(Head{Kind: KindSend, Node: 2, Lap: lap, Number: number}, "t", subscription, true, now)
		news.Unknown = false
		return news
	}
	require.Equal(t, News{}, got(0, 5, 1), "what came before was not for this node")
	require.Equal(t, News{}, got(0, 6, 1))
	require.Equal(t, News{Drop: true}, got(0, 6, 1), "twice")
	require.Equal(t, News{Drop: true}, got(0, 2, 1), "late")
	require.Equal(t, News{Lost: 3}, got(0, 10, 1))
	require.Equal(t, News{}, got(0, 20, 2), "it did not subscribe meanwhile")
	require.Equal(t, News{}, got(1, 1, 2), "the node has forgotten its numbers")
	require.Equal(t, News{Drop: true}, got(0, 30, 2), "of the lap before")
	require.Equal(t, News{Lost: 1}, got(1, 1<<60, 2), "made up")
	require.EqualValues(t, 4, n.Lost(2))
	require.Equal(t, News{Drop: true}, n.Got(Head{Node: 1, Number: 1}, "t", 1, false, now), "its own")
}

// A topic that is not subscribed to any more takes no memory.
func TestForgottenTopics(t *testing.T) {
	n := NewNodes(1, "me", time.Second)
	for i := range uint64(10) {
		for _, topic := range []string{TopicOfAll, TopicOf(ToGroup, "g")} {
			n.Got(Head{Kind: KindSend, Node: 2 + i%2, Number: 1 + i}, topic, 1, false, time.Unix(1000, 0))
		}
	}
	n.Forget(TopicOf(ToGroup, "g"))
	for _, of := range n.nodes {
		require.Len(t, of.topics, 1)
		require.Contains(t, of.topics, TopicOfAll)
	}
}

func TestComeAndGo(t *testing.T) {
	now := time.Unix(1000, 0)
	n := NewNodes(1, "me", 4*time.Second)
	require.True(t, n.Got(Head{Node: 2, Number: 1}, "t", 1, false, now).Unknown)
	require.False(t, n.Got(Head{Node: 2, Number: 2}, "t", 1, false, now).Unknown, "it has been asked")
	require.Empty(t, n.All())
	require.Equal(t, Meeting{New: true}, n.Hello(2, Hello{ID: "b", Serves: true}))
	require.Equal(t, Meeting{}, n.Hello(2, Hello{ID: "b", Serves: true}))
	require.Equal(t, Meeting{}, n.Hello(3, Hello{ID: "c"}), "nothing of it has come")
	n.Got(Head{Node: 3, Number: 1}, "t", 1, false, now.Add(3*time.Second))
	require.Equal(t, Meeting{New: true, Double: true}, n.Hello(3, Hello{ID: "me"}))
	require.Equal(t, []Node{{2, "b", true}, {3, "me", false}}, n.All())
	require.Equal(t, 1, n.Serving())
	require.Equal(t, []uint64{2}, n.Find("b"))
	require.Empty(t, n.Sweep(now.Add(3*time.Second)))
	require.Equal(t, []Node{{2, "b", true}}, n.Sweep(now.Add(5*time.Second)))
	_, known := n.Bye(3)
	require.True(t, known)
	_, known = n.Bye(3)
	require.False(t, known)
	require.Empty(t, n.nodes)
}

func TestBounds(t *testing.T) {
	n := NewNodes(1<<63, "me", time.Second)
	now := time.Unix(1000, 0)
	for i := range uint64(maxNodes) {
		require.False(t, n.Got(Head{Node: i + 1, Number: 1}, "t", 1, false, now).Stuffed)
	}
	require.Equal(t, News{Drop: true, Stuffed: true}, n.Got(Head{Node: maxNodes + 1, Number: 1}, "t", 1, false, now))
	n.Sweep(now.Add(time.Minute))
	require.Empty(t, n.nodes)
	for i := range maxTracks + 10 {
		n.Got(Head{Node: 5, Number: 1}, TopicOfNode(uint64(i)), 1, false, now)
	}
	require.LessOrEqual(t, len(n.nodes[5].topics), maxTracks)
}
