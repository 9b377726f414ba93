package stream

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/wire"
)

// wide returns a stream of the peer with a window of 1 MiB.
func wide(t *testing.T) *Stream {
	const window = 1 << 20
	server := new(Table)
	server.Init(Limits{Window: window, MaxItem: window, Most: 1, Flight: window, Frame: window}, true, budget.New(1<<30), deaf{})
	s, v := server.Accept(&wire.OpenStream{ID: 1})
	require.Equal(t, Fine, v)
	s.Begin(false)
	s.credit = window
	return s
}

// put gives frames to the stream's table, whose credit is enough.
func put(t *testing.T, s *Stream, frames []byte) {
	f, size, _, _ := wire.Next(frames, 1<<20)
	got, err := s.t.GotItems(f, frames[size:], 1<<20)
	require.NoError(t, err)
	require.Equal(t, Fine, got.Verdict)
	require.Len(t, frames, size+got.Size)
}

func itemFrames(size, n int) (b []byte) {
	for range n {
		b = wire.AppendStreamItem(b, 1, make([]byte, size))
	}
	return b
}

// Items in parts, each part of which is in a frame of its own.
func partFrames(n int, parts ...int) (b []byte) {
	for range n {
		for _, size := range parts[:len(parts)-1] {
			b = wire.AppendStreamPart(b, 1, make([]byte, size))
		}
		b = wire.AppendStreamItem(b, 1, make([]byte, parts[len(parts)-1]))
	}
	return b
}

// Items that wait take little more memory than they have bytes, however their frames are cut. The memory after a burst is small.
func TestMemoryOfSegments(t *testing.T) {
	for name, tc := range map[string]struct {
		before []byte // items that are taken first, so that the stream expects as many bytes again
		frames []byte
		stored int
	}{
		"small items":                    {nil, itemFrames(100, 1900), 190_000},
		"items of a segment":             {nil, itemFrames(segmentSize, 4), 4 * segmentSize},
		"a little longer":                {nil, itemFrames(segmentSize+1, 4), 4 * (segmentSize + 1)},
		"parts that begin segments":      {partFrames(3, longItem, 60<<10), partFrames(100, longItem, 0), 100 * longItem},
		"small items between long parts": {partFrames(3, longItem, 60<<10), partFrames(40, 1, longItem, longItem, 1), 40 * (2*longItem + 2)},
		"items in long parts":            {nil, partFrames(6, 60<<10, 4<<10), 6 * (64 << 10)},
	} {
		t.Run(name, func(t *testing.T) {
			s := wide(t)
			if tc.before != nil {
				put(t, s, tc.before)
				require.True(t, drain(t, s, all))
			}
			put(t, s, tc.frames)
			require.Equal(t, tc.stored, s.storedLocked())
			require.LessOrEqual(t, s.weighs, 2*tc.stored+segmentSize)
			require.Equal(t, s.weighs+streamCost, s.t.Held())
			require.True(t, drain(t, s, all))
			for range 40 {
				put(t, s, itemFrames(1, 1))
				require.True(t, drain(t, s, all))
			}
			require.LessOrEqual(t, s.weighs, 2*keptRoom)
			require.Equal(t, weightOf(s), s.weighs)
		})
	}
}

// A stream whose receiver keeps up uses its memory again.
func TestSegmentsAreUsedAgain(t *testing.T) {
	for name, frames := range map[string][]byte{
		"small items":         itemFrames(100, 1200),
		"items in long parts": partFrames(2, 60<<10, 4<<10),
	} {
		t.Run(name, func(t *testing.T) {
			s := wide(t)
			require.Zero(t, testing.AllocsPerRun(20, func() {
				s.credit = 1 << 20
				f, size, _, _ := wire.Next(frames, 1<<20)
				s.t.GotItems(f, frames[size:], 1<<20) //nolint:errcheck // the other test has seen it
				for {
					if _, st, _ := s.TryNext(); st == Wait {
						break
					}
				}
				s.owed = 0
			}))
		})
	}
}
