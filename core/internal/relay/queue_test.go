package relay

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func put(q *Queue, of Topic, size int) {
	q.Put(of, append(NewMessage(KindSend, 1, size), make([]byte, size)...))
}

func headOf(t *testing.T, m Message) Head {
	head, _, fault := ParseHead(m.Payload)
	require.Equal(t, None, fault)
	return head
}

func TestNumbersWithinTopics(t *testing.T) {
	q := NewQueue(1 << 20)
	a, b := Topic{To: ToGroup, Name: "a"}, Topic{To: ToGroup, Name: "b"}
	for _, of := range []Topic{a, b, a, a} {
		put(q, of, 1)
	}
	var numbers []uint64
	for _, m := range q.Take(1<<20, nil) {
		numbers = append(numbers, headOf(t, m).Number)
	}
	require.Equal(t, []uint64{1, 1, 2, 3}, numbers)
	require.Empty(t, q.Take(1<<20, nil))
}

func TestOldestAreDropped(t *testing.T) {
	q := NewQueue(10 * 1000)
	for range 100 {
		put(q, Topic{To: ToAll}, 1000-HeaderSize-cost)
	}
	bytes, dropped := q.Waiting()
	require.Equal(t, 10*1000, bytes)
	require.EqualValues(t, 90, dropped)
	left := q.Take(1<<20, nil)
	require.Len(t, left, 10)
	require.EqualValues(t, 91, headOf(t, left[0]).Number, "a receiver finds that 90 are missing")
	put(q, Topic{To: ToAll}, 50000)
	require.Len(t, q.Take(1, nil), 1, "an empty queue takes a message of any size")
}

func TestReturned(t *testing.T) {
	q := NewQueue(1 << 20)
	for range 4 {
		put(q, Topic{To: ToAll}, 1)
	}
	taken := q.Take(1<<20, nil)
	put(q, Topic{To: ToAll}, 1)
	for range maxTries - 1 {
		q.Return(taken[1:])
		taken = append(taken[:1], q.Take(1<<20, nil)...)
		require.Len(t, taken, 5)
		for i, m := range taken {
			require.EqualValues(t, i+1, headOf(t, m).Number, "the order holds")
		}
	}
	q.Return(taken[1:])
	require.EqualValues(t, 3, headOf(t, q.Take(1, nil)[0]).Number, "a message that cannot be published holds up others for a while only")
	_, dropped := q.Waiting()
	require.EqualValues(t, 1, dropped)
}

func TestSubscriptions(t *testing.T) {
	q := NewQueue(1 << 20)
	g := Topic{To: ToGroup, Name: "g"}
	q.Want(g, true)
	q.Want(g, true)
	require.Equal(t, []Change{{TopicOf(ToGroup, "g"), true}}, q.Changes(100))
	require.Empty(t, q.Changes(100))
	first := q.Subscription(TopicOf(ToGroup, "g"))
	require.NotZero(t, first)
	q.Want(g, false)
	q.Want(g, true)
	require.Empty(t, q.Changes(100), "it came back before anybody noticed")
	q.Want(g, false)
	require.Equal(t, []Change{{TopicOf(ToGroup, "g"), false}}, q.Changes(100))
	require.Zero(t, q.Subscription(TopicOf(ToGroup, "g")))
	require.Empty(t, q.topics, "nothing is left of it")
	q.Want(g, true)
	q.Changes(100)
	require.Greater(t, q.Subscription(TopicOf(ToGroup, "g")), first)
}

// Groups that come and go leave nothing behind, and numbers are forgotten with a new lap.
func TestManyTopics(t *testing.T) {
	q := NewQueue(1 << 20)
	for i := range 200_000 {
		of := Topic{To: ToGroup, Name: strconv.Itoa(i)}
		q.Want(of, true)
		put(q, of, 1)
		q.Changes(10)
		q.Want(of, false)
		q.Changes(10)
		q.Take(1<<20, nil)
	}
	require.LessOrEqual(t, len(q.topics), maxTopics)
	require.Empty(t, q.subs)
	put(q, Topic{To: ToAll}, 1)
	head := headOf(t, q.Take(1, nil)[0])
	require.NotZero(t, head.Lap)
	require.EqualValues(t, 1, head.Number)
}

func TestClosedQueue(t *testing.T) {
	q := NewQueue(1 << 20)
	put(q, Topic{To: ToAll}, 1)
	q.Close()
	put(q, Topic{To: ToAll}, 1)
	q.Want(Topic{To: ToAll}, true)
	require.Empty(t, q.Take(1<<20, nil))
	require.Empty(t, q.Changes(10))
}
