//go:build !js

package outbox

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// latest returns a frame of a topic.
func latest(key string, size int) *Block {
	return NewLatest(wire.AppendRaw(nil, make([]byte, size)), "pos", key)
}

// Frames of ever new topics take no more memory than an outbox may, in a burst or while there is no
// link.
func TestManyTopics(t *testing.T) {
	o := newOutbox(64<<10, nil)
	o.Hold(0)
	for range 2 {
		for i := range 20_000 {
			require.Nil(t, o.ShareDroppable(latest(strconv.Itoa(i), 4)))
		}
		require.Less(t, o.Stats().Held, 6*o.limit)
		require.LessOrEqual(t, len(o.drops.latest), o.waitingLocked())
		o.Suspend()
	}
}

// The holes of dropped frames do not make a log grow.
func TestHolesAreClosed(t *testing.T) {
	o := newOutbox(1<<20, nil)
	o.Suspend()
	for i := range 100_000 {
		require.Nil(t, o.ShareDroppable(latest(strconv.Itoa(i%5), 10)))
	}
	require.Less(t, cap(o.log), 1000)
	require.EqualValues(t, 5, o.Stats().Queued)
	require.EqualValues(t, 100_000-5, o.Stats().Missed)
	require.EqualValues(t, 100_000-5, o.of.Dropped.Load())
}

// Closing holes keeps the waiting frames in order, the last frame of each topic, and the list of
// droppable frames, wherever the holes are.
func TestCloseHoles(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 3))
		o := newOutbox(1<<20, nil)
		o.drops.latest = map[topic]int64{}
		o.drops.timed = true
		o.drops.first = rng.Int64N(1000)
		for i := range 50 + rng.IntN(200) {
			switch rng.IntN(3) {
			case 0:
				o.shareLocked(NewBlock(wire.AppendRaw(nil, make([]byte, copyBelow))))
			case 1:
				o.addDroppableLocked(NewDroppable(wire.AppendRaw(nil, []byte{byte(i)})))
			case 2:
				o.addDroppableLocked(latest(strconv.Itoa(i), 1))
			}
		}
		o.next = rng.IntN(20)
		o.drops.oldest = o.drops.first + int64(o.next) + rng.Int64N(20)
		for i := o.next; i < len(o.log); i++ {
			if rng.IntN(4) > 0 {
				o.dropLocked(i)
			}
		}
		var before []*Block
		older := map[*Block]bool{} // blocks before oldest
		for i, k := range o.log {
			if i < o.next || k != nil {
				before = append(before, k)
			}
			if k != nil && o.drops.first+int64(i) < o.drops.oldest {
				older[k] = true
			}
		}
		closes := o.drops.holes >= 32 && o.drops.holes >= (len(o.log)-o.next)/2
		o.closeHolesLocked()
		if !closes {
			continue
		}
		require.Equal(t, before, o.log, seed)
		require.Zero(t, o.drops.holes)
		for i, k := range o.log {
			at := o.drops.first + int64(i)
			if k == nil {
				continue
			}
			require.Equal(t, older[k], at < o.drops.oldest, fmt.Sprint(seed, " ", i))
			if k.named() && i >= o.next {
				require.Equal(t, at, o.drops.latest[*k.topic], fmt.Sprint(seed, " ", i))
			}
		}
		for _, at := range o.drops.latest {
			require.GreaterOrEqual(t, at, o.drops.first+int64(o.next))
		}
	}
}

// A frame without a topic is never among the topics, not even while topics are kept.
func TestFrameWithoutTopic(t *testing.T) {
	o := newOutbox(1<<20, nil)
	o.Suspend()
	for range 3 {
		require.Nil(t, o.ShareDroppable(NewDroppable(wire.AppendRaw(nil, []byte("x")))))
		require.False(t, o.drops.timed)
		require.Empty(t, o.drops.latest)
	}
	require.Nil(t, o.ShareDroppable(latest("a", 4)))
	require.Nil(t, o.ShareDroppable(NewDroppable(wire.AppendRaw(nil, []byte("x")))))
	require.Nil(t, o.ShareDroppable(latest("a", 4)))
	require.Equal(t, []topic{{"pos", "a"}}, slices.Collect(maps.Keys(o.drops.latest)))
	require.EqualValues(t, 5, o.Stats().Queued)
	require.EqualValues(t, 1, o.Stats().Missed)
}

// Only Block.named compares a topic with a marker. Other code would take the next marker for a
// topic.
func TestOnlyNamedKnowsTheMarkers(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var compared []string
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(fn, func(n ast.Node) bool {
				if e, ok := n.(*ast.BinaryExpr); ok && (isMarker(e.X) || isMarker(e.Y)) {
					compared = append(compared, fn.Name.Name)
				}
				return true
			})
		}
	}
	require.Equal(t, []string{"named"}, compared)
}

func isMarker(e ast.Expr) bool {
	name, ok := e.(*ast.Ident)
	return ok && strings.HasSuffix(name.Name, "Topic")
}

// A frame that may not be dropped takes the room of frames that may.
func TestRoomOfDroppables(t *testing.T) {
	o := newOutbox(10_000, nil)
	o.Hold(0)
	for range 9 {
		require.Nil(t, o.ShareDroppable(NewDroppable(make([]byte, 1000))))
	}
	_, no := o.Begin(5000, Patient)
	require.Equal(t, Full, no.Why, "who can wait drops nothing")
	require.Nil(t, o.Send(make([]byte, 5000), Data))
	require.EqualValues(t, 4, o.Stats().Missed)
	require.Equal(t, 10_000, o.Stats().Waiting)
	no = o.ShareDroppable(NewBlock(make([]byte, 1000)))
	require.Equal(t, Dropped, no.Why, "it is the newest")
	require.EqualValues(t, 5, o.Stats().Missed)
}
