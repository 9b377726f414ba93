//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/internal/stream"
	"github.com/hisock/hisock/core/wire"
)

// A scriptedRelay is a relay whose publications a test looks at.
type scriptedRelay struct {
	RelayNode
	publish func(batch []RelayMessage)
}

func (r *scriptedRelay) Join(context.Context, string, RelayHandler) (RelayNode, error) { return r, nil }
func (r *scriptedRelay) MaxPayload() int                                               { return 64 << 10 }
func (r *scriptedRelay) Subscribe(string) error                                        { return nil }

func (r *scriptedRelay) Publish(batch []RelayMessage) (sent int, err error) {
	if r.publish != nil {
		r.publish(batch)
	}
	return len(batch), nil
}

const otherNode = 7

// lineScene returns a node that knows 16 nodes from otherNode on, and can publish. Its goroutines do not run: the test does what they do.
func lineScene(t *testing.T, queueBytes int) (*cluster, *scriptedRelay) {
	way := new(scriptedRelay)
	s, err := NewServer(&ServerOptions{Logger: Silent, Cluster: ClusterOptions{Relay: way, QueueBytes: queueBytes}})
	require.NoError(t, err)
	k := s.cluster
	k.most.Store(int64(way.MaxPayload()))
	k.up.Store(true)
	k.serves.Store(true)
	for i := range uint64(16) {
		k.nodes.Got(relay.Head{Kind: relay.KindHello, Node: otherNode + i, Number: 1}, "", 0, false, time.Now())
		k.nodes.Hello(otherNode+i, relay.Hello{ID: "other", Serves: true})
	}
	return k, way
}

type noOwner struct{}

func (noOwner) Ready(stream.When) {}

// arrived returns an end of a stream of which items have arrived.
func arrived() *streamEnd {
	var table stream.Table
	table.Init(stream.Limits{Window: 64 << 10, MaxItem: 1 << 10, Flight: 1 << 20, Frame: 1 << 20}, true, nil, noOwner{})
	s, _ := table.Open(2, false)
	table.GotCredit(2, 64<<10)
	now := time.Now()
	for range 20 {
		s.SendNow(make([]byte, 1000))
		for nonce := range pulled(&table, now) {
			table.Answered(nonce, now)
		}
	}
	return &streamEnd{s: s}
}

// pulled pulls all that a table has, and yields the probes.
func pulled(t *stream.Table, now time.Time) func(yield func(uint64) bool) {
	return func(yield func(uint64) bool) {
		for {
			p := t.Pull(1<<20, now)
			if len(p.Pieces) == 0 && p.Probe == 0 || p.Probe != 0 && !yield(p.Probe) {
				return
			}
		}
	}
}

// What a line says fits into the messages of the relay, also if a frame that fills one follows a long list of how far streams came.
func TestLineFitsTheRelay(t *testing.T) {
	k, way := lineScene(t, 8<<20)
	l := k.newLine(otherNode, false)
	l.at.Number = 1
	require.True(t, k.lines.Accept(l.at))
	near := arrived()
	require.NotZero(t, near.s.Progress().Delivered)
	var far *stream.Stream
	for i := range uint64(relay.MaxTold) {
		var v stream.Verdict
		far, v = l.table.Accept(&wire.OpenStream{ID: 2*i + 2, Window: 1 << 20})
		require.Equal(t, stream.Fine, v)
		b := &bridge{l: l, far: far}
		b.near.Store(near)
		l.bridges[far.ID()] = b
	}
	far.Begin(false)
	require.NotEqual(t, stream.Fault, l.table.GotCredit(far.ID(), 100<<20))
	item := make([]byte, 60<<10)
	now := time.Now()
	for range 200 { // the frames become longer
		far.TrySend(&stream.Item{Rest: item})
		for nonce := range pulled(&l.table, now) {
			now = now.Add(time.Microsecond)
			l.table.Answered(nonce, now)
		}
	}
	largest := make([]byte, 63<<10)
	require.True(t, far.SendNow(largest), "it goes in one frame")
	k.lines.Beat(l.at)
	turn, ok := k.lines.Next()
	require.True(t, ok)
	l.flush(turn)
	told, frames := 0, 0
	for i, m := range k.queue.Take(1<<20, nil) {
		require.LessOrEqual(t, len(m.Payload), way.MaxPayload())
		head, body, fault := relay.ParseHead(m.Payload)
		require.Equal(t, relay.None, fault)
		require.Equal(t, relay.KindStreams, head.Kind)
		s, fault := relay.ParseStreams(body)
		require.Equal(t, relay.None, fault)
		require.EqualValues(t, i+1, s.Number)
		told += len(s.Told)
		frames += len(s.Frames)
	}
	require.Equal(t, relay.MaxTold, told)
	require.Greater(t, frames, len(largest))
}

// A line does not remember streams that are over, also if no stream is open whenever the line is looked at.
func TestLineForgetsStreams(t *testing.T) {
	k, _ := lineScene(t, 8<<20)
	l := k.lineTo(otherNode)
	for range 10 {
		s, _, err := l.open(1, "name", nil, streamKind{})
		require.NoError(t, err)
		s.Forget(errGivenUp)
	}
	require.Len(t, l.far, 10)
	k.beatLines()
	require.Empty(t, l.far)
}

// Streams go on while there is always something else to publish.
func TestLinesBesideMessages(t *testing.T) {
	k, way := lineScene(t, 8<<20)
	l := k.lineTo(otherNode)
	left := 100
	streams := 0
	way.publish = func(batch []RelayMessage) {
		for _, m := range batch {
			if relay.Kind(m.Payload[1]) == relay.KindStreams {
				streams++
			}
		}
		if left--; left > 0 && streams == 0 {
			k.put(relay.Topic{To: relay.ToNodes}, binary.BigEndian.AppendUint64(relay.NewMessage(relay.KindSend, k.self, 8), 1))
		}
	}
	k.put(relay.Topic{To: relay.ToNodes}, relay.NewMessage(relay.KindProbe, k.self, 0))
	_, _, err := l.open(1, "name", nil, streamKind{})
	require.NoError(t, err)
	require.True(t, k.flush(way))
	require.Equal(t, 1, streams)
	require.Greater(t, left, 90)
}

// However many lines have something to say, they do not push each other out of the queue.
func TestManyLinesFitTheQueue(t *testing.T) {
	k, way := lineScene(t, 64<<10)
	streams := 0
	way.publish = func(batch []RelayMessage) { streams += len(batch) }
	for i := range uint64(16) {
		_, _, err := k.lineTo(otherNode+i).open(1, "name", make([]byte, 15<<10), streamKind{})
		require.NoError(t, err)
	}
	require.True(t, k.flush(way))
	_, dropped := k.queue.Waiting()
	require.Zero(t, dropped)
	require.Equal(t, 16, streams)
}

// A line with a node that goes while the line begins is over.
func TestLineWithANodeThatGoes(t *testing.T) {
	k, _ := lineScene(t, 8<<20)
	k.nodes.Bye(otherNode)
	require.Nil(t, k.acceptLine(otherNode, 1))
	l := k.lineTo(otherNode)
	_, _, err := l.open(1, "name", nil, streamKind{})
	require.Equal(t, errNodeGone, err)
	require.Empty(t, k.lines.All())
}
