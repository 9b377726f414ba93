package turn

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// handed returns a turn with a slow handler: frames wait.
func handed(limit int) *Turn {
	t := new(Turn)
	t.Init(limit, nil, false)
	t.TakeOver(t.Begin(Handling))
	t.Copied()
	return t
}

// frame returns a frame of one of the kinds that an inbox treats differently.
func frame(kind wire.Kind, id uint64, payload string) wire.Frame {
	var b []byte
	switch kind {
	case wire.KindRequest:
		b = wire.AppendRequest(nil, id, "x", []byte(payload))
	case wire.KindRaw:
		b = wire.AppendRaw(nil, []byte(payload))
	default:
		b = wire.AppendCommand(nil, "x", []byte(payload))
	}
	f, _, _, _ := wire.Next(b, 0)
	return f
}

// An inbox behaves like a list of jobs that looks at all of them, when jobs come, are given up,
// received out of turn, or taken in any order.
func TestInboxModel(t *testing.T) {
	type waits struct {
		kind wire.Kind
		id   uint64
		gone bool
	}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		in := handed(1 << 20)
		var model []waits
		open := func() (n int) {
			for _, w := range model {
				if w.kind == wire.KindRequest && !w.gone {
					n++
				}
			}
			return n
		}
		nextID := uint64(0)
		for range 500 {
			switch random.IntN(6) {
			case 0, 1:
				w := waits{kind: []wire.Kind{wire.KindRequest, wire.KindRequest, wire.KindRaw, wire.KindCommand}[random.IntN(4)]}
				if w.kind == wire.KindRequest {
					nextID++
					w.id = nextID
				}
				require.Equal(t, Stored, in.Push(frame(w.kind, w.id, fmt.Sprint(len(model)))))
				model = append(model, w)
			case 2, 3:
				id := random.Uint64N(nextID + 3)
				in.Cancel(id)
				for i := range model {
					if w := &model[i]; w.kind == wire.KindRequest && w.id == id {
						w.gone = true
					}
				}
			case 4:
				_, ok := in.takeRawLocked()
				want := false
				for i := range model {
					if w := &model[i]; w.kind == wire.KindRaw && !w.gone {
						w.gone, want = true, true
						break
					}
				}
				require.Equal(t, want, ok)
			case 5:
				if len(model) == 0 || random.IntN(4) > 0 && seed%2 == 0 { // some inboxes grow long
					continue
				}
				j, ok := in.Pop()
				require.True(t, ok)
				require.Equal(t, model[0], waits{j.Kind, j.ID, j.Canceled})
				model = model[1:]
				if len(model) == 0 && random.IntN(2) == 0 {
					_, ok := in.Pop() // ends the turn
					require.False(t, ok)
					in.TakeOver(in.Begin(Handling))
					in.Copied()
				}
			}
			require.Equal(t, open(), in.calls)
			require.LessOrEqual(t, len(in.byID), open())
		}
	}
}

// Ids that a peer has made up, or uses twice, leave nothing in the inbox and no wrong count.
func TestInboxOfLies(t *testing.T) {
	in := handed(1 << 20)
	for range 3 {
		in.Push(frame(wire.KindRequest, 7, ""))
		in.Push(frame(wire.KindRequest, 8, ""))
	}
	for id := range uint64(1000) {
		in.Cancel(id + 7)
		in.Cancel(id + 7)
	}
	require.Equal(t, 4, in.calls)
	require.LessOrEqual(t, len(in.byID), 4)
	for range 6 {
		_, ok := in.Pop()
		require.True(t, ok)
	}
	require.Zero(t, in.calls)
	_, ok := in.Pop()
	require.False(t, ok)
	require.Nil(t, in.byID)
}

// BenchmarkCancel gives up a call that does not wait, beside a number of calls that do.
func BenchmarkCancel(b *testing.B) {
	for _, waiting := range []int{0, 10, 2000} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			in := handed(1 << 20)
			for id := range uint64(waiting) {
				in.Push(frame(wire.KindRequest, id+1, ""))
			}
			b.ReportAllocs()
			for b.Loop() {
				in.Cancel(1 << 40)
			}
		})
	}
}

// An inbox that is never empty holds only the jobs that wait.
func TestInboxDoesNotGrow(t *testing.T) {
	in := handed(1 << 20)
	for i := range 3000 {
		in.Push(frame(wire.KindCommand, 0, fmt.Sprint(i)))
		if i >= 10 {
			_, ok := in.Pop()
			require.True(t, ok)
		}
	}
	require.Equal(t, 10, len(in.jobs)-in.head)
	require.Less(t, cap(in.jobs), 200)
}

// A raw message to a group that is received out of turn leaves a job that says that it has passed.
func TestTakeRawOfGroup(t *testing.T) {
	in := handed(1 << 20)
	f, _, _, err := wire.Next(wire.AppendGroupRaw(nil, "g", 7, []byte("payload")), 0)
	require.NoError(t, err)
	in.Push(f)
	payload, ok := in.takeRawLocked()
	require.True(t, ok)
	require.Equal(t, "payload", string(payload))
	_, ok = in.takeRawLocked()
	require.False(t, ok)
	j, ok := in.Pop()
	require.True(t, ok)
	require.Equal(t, wire.KindGroupPassed, j.Kind)
	require.False(t, j.Canceled)
	group, number, _, err := wire.ParseGroup(j.Kind, j.Body)
	require.NoError(t, err)
	require.Equal(t, "g", string(group))
	require.Equal(t, uint64(7), number)
	require.Zero(t, in.Bytes())
}
