//go:build !js

package outbox

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/moment"
	"github.com/hisock/hisock/core/wire"
)

// soak returns the size of a test: long in make soak, otherwise short.
func soak(short, long int) int {
	if os.Getenv("HISOCK_SOAK") != "" {
		return long
	}
	return short
}

// A model drives an outbox by operations that are random or come from bytes. It knows what must
// come out: a peer reads frames, each with a number, and acknowledges them, over streams that break
// off.
type model struct {
	t    testing.TB
	q    *Outbox
	op   func(n int) int // a number below n
	next uint32          // number of the next frame

	waiting []modelFrame // not taken, in order
	kept    []modelFrame // taken and not acknowledged, in order
	acked   uint64       // frames that the peer has acknowledged
	writing bool
	stalled bool // the write takes long
	vec     [][]byte
	flight  []uint32 // numbers of the frames in vec
	over    bool     // the session could not be resumed
}

type modelFrame struct {
	number uint32
	size   int
	spare  bool
	name   topic // topic under OverflowLatest; empty for none
}

func newModel(t testing.TB, limit int, op func(n int) int) *model {
	q := newOutbox(limit, budget.New(1<<30))
	q.Keep()
	return &model{t: t, q: q, op: op}
}

// frame returns the next frame, of any size.
func (m *model) frame() []byte {
	sizes := []int{4, 40, 130, 130, 130, 1000, copyBelow, 20_000}
	payload := make([]byte, sizes[m.op(len(sizes))])
	binary.LittleEndian.PutUint32(payload, m.next)
	m.next++
	return wire.AppendRaw(nil, payload)
}

func (m *model) push(frame []byte, spare bool) {
	m.waiting = append(m.waiting, modelFrame{number: m.next - 1, size: len(frame), spare: spare})
}

// send queues a frame in one of the possible ways, if it is admitted.
func (m *model) send() {
	f := m.frame()
	if !m.q.roomForLocked(len(f), m.q.limit) {
		m.next--
		require.Greater(m.t, m.q.bytes+len(f), m.q.limit)
		return
	}
	switch m.op(3) {
	case 0:
		m.q.commitLocked(append(m.q.spaceLocked(len(f)), f...))
		m.push(f, false)
	case 1:
		m.q.shareLocked(NewBlock(f))
		m.push(f, false)
	case 2:
		k := NewBlock(f)
		k.topic = noTopic
		if n := m.op(4); n > 0 {
			k.topic = &topic{"latest", strconv.Itoa(n)}
			m.replace(*k.topic)
		}
		m.q.addDroppableLocked(k)
		m.push(f, true)
		m.waiting[len(m.waiting)-1].name = *k.topic
	}
}

// replace drops the waiting frame of that name, if frames are found to wait for room.
func (m *model) replace(name topic) {
	waits := m.q.link == nil || m.stalled || m.q.bytes+namedCost*m.q.waitingLocked() > m.q.limit
	if m.q.drops.latest == nil && !waits {
		require.Zero(m.t, m.q.replaceLocked(&name, 0))
		return
	}
	dropped := m.conflated() + m.drops(func(f modelFrame, _ int) bool { return f.name == name })
	all := m.q.replaceLocked(&name, 0)
	for range all - dropped { // the oldest first, for the memory that they take beside their bytes
		oldest := slices.IndexFunc(m.waiting, func(f modelFrame) bool { return f.spare })
		m.waiting = slices.Delete(m.waiting, oldest, oldest+1)
	}
	require.GreaterOrEqual(m.t, all, dropped)
	left := slices.ContainsFunc(m.waiting, func(f modelFrame) bool { return f.spare })
	require.True(m.t, !left || m.q.bytes+namedCost*m.q.waitingLocked() <= m.q.limit)
}

// conflated drops all frames but the last of each name from the model, unless the outbox has done
// so already.
func (m *model) conflated() int {
	if m.q.drops.latest != nil || !m.q.drops.timed {
		return 0
	}
	return m.drops(func(f modelFrame, i int) bool {
		return f.name != topic{} && slices.ContainsFunc(m.waiting[i+1:], func(later modelFrame) bool {
			return later.spare && later.name == f.name
		})
	})
}

// drops drops the droppable frames for which which returns true, and returns their number.
func (m *model) drops(which func(f modelFrame, i int) bool) int {
	var kept []modelFrame
	for i, f := range m.waiting {
		if !f.spare || !which(f, i) {
			kept = append(kept, f)
		}
	}
	n := len(m.waiting) - len(kept)
	m.waiting = kept
	return n
}

// drop makes room by dropping the oldest droppable frames.
func (m *model) drop() {
	n := m.op(40_000)
	bytes, want := m.q.bytes, 0
	m.waiting = slices.DeleteFunc(m.waiting, func(f modelFrame) bool {
		if !f.spare || bytes == 0 || bytes+n <= m.q.limit {
			return false
		}
		bytes -= f.size
		want++
		return true
	})
	require.Equal(m.t, want, m.q.dropOldestLocked(n, 0, 0))
}

// conflate drops all frames but the last of each name, as for lack of room.
func (m *model) conflate() {
	require.Equal(m.t, m.conflated(), m.q.conflateLocked())
}

func numberOf(t testing.TB, frame []byte) uint32 {
	f, _, ok, err := wire.Next(frame, 1<<30)
	require.True(t, ok)
	require.NoError(t, err)
	return binary.LittleEndian.Uint32(f.Body)
}

// write begins a write, and ends the one before.
func (m *model) write() {
	m.finish()
	if m.q.link == nil {
		return
	}
	m.q.writing = true
	m.q.mu.Lock()
	m.vec, _ = m.q.takeLocked()
	m.q.mu.Unlock()
	m.writing = m.vec != nil
	if began := &m.q.drops.writeAt; *began != 0 {
		m.stalled = m.op(2) == 0
		*began += moment.Moment(time.Hour)
		if m.stalled {
			*began -= moment.Moment(2 * time.Hour)
		}
	}
	require.Equal(m.t, len(m.waiting) > 0, m.writing)
	var all []byte
	m.flight = nil
	for _, b := range m.vec {
		require.NotEmpty(m.t, b)
		all = append(all, b...)
	}
	require.Len(m.t, all, m.q.size)
	first := true
	for size := 0; len(all) > 0; first = false {
		_, n, ok, err := wire.Next(all, 1<<30)
		require.True(m.t, ok)
		require.NoError(m.t, err)
		f := m.waiting[0]
		m.waiting = m.waiting[1:]
		require.Equal(m.t, f.number, numberOf(m.t, all))
		require.Equal(m.t, f.size, n)
		size += n
		require.True(m.t, first || size <= maxWrite)
		f.spare = false
		m.kept = append(m.kept, f)
		m.flight = append(m.flight, f.number)
		all = all[n:]
	}
}

// finish ends a write, and checks that the bytes of the write have not changed meanwhile.
func (m *model) finish() {
	if !m.writing {
		return
	}
	var numbers []uint32
	for _, b := range m.vec {
		for len(b) > 0 {
			_, n, ok, _ := wire.Next(b, 1<<30)
			require.True(m.t, ok)
			numbers = append(numbers, numberOf(m.t, b))
			b = b[n:]
		}
	}
	require.Equal(m.t, m.flight, numbers)
	m.q.mu.Lock()
	m.q.doneLocked()
	m.q.mu.Unlock()
	m.q.writing = false
	m.writing, m.stalled = false, false
}

// ack acknowledges some of the frames that the peer can have, even while they are written.
func (m *model) ack() {
	n := m.op(len(m.kept) + 1)
	m.kept = m.kept[n:]
	m.acked += uint64(n)
	require.True(m.t, m.q.ackedLocked(m.acked))
}

// lie acknowledges more than the peer can have, and less than before.
func (m *model) lie() {
	require.False(m.t, m.q.ackedLocked(m.acked+uint64(len(m.kept))+1+uint64(m.op(3))))
	if m.acked > 0 {
		require.False(m.t, m.q.ackedLocked(m.acked-1))
	}
}

// breakOff loses the stream. If it is lost already, it resumes with the frames that the peer has.
func (m *model) breakOff() {
	m.finish()
	if m.q.link != nil {
		m.q.suspendLocked()
		return
	}
	n := m.op(len(m.kept) + 1)
	before := m.acked + uint64(n)
	resumed := m.q.resumeLocked(new(int), before, nil)
	require.Equal(m.t, before >= m.q.base, resumed)
	if !resumed {
		m.over = true // frames that the peer lacks have been given up
		return
	}
	m.acked = before
	m.waiting = slices.Concat(m.kept[n:], m.waiting)
	m.kept = nil
}

// check compares the outbox with the model.
func (m *model) check() {
	q := m.q
	require.True(m.t, q.base <= q.written && q.written <= q.taken && q.taken <= q.queued && q.keep.acked <= q.taken)
	bytes := 0
	for _, f := range m.waiting {
		bytes += f.size
	}
	require.Equal(m.t, bytes, q.bytes-q.size)
	require.Equal(m.t, m.acked+uint64(len(m.kept)), q.taken)
	require.Equal(m.t, q.taken+uint64(len(m.waiting)), q.queued)
	frames, kept, holes, held := q.base, 0, 0, 0
	for i, k := range q.log {
		require.True(m.t, i >= q.head || k == nil)
		if i >= q.head && (k == nil || !k.owned) {
			held += blockCost
		}
		if k != nil && k.owned {
			held += cap(k.b)
		} else if k != nil {
			held += len(k.b) + k.extra()
		}
		if k == nil {
			if i >= q.next {
				holes++
			}
			continue
		}
		frames += uint64(k.frames)
		if i < q.next {
			kept += len(k.b)
		} else if i == q.next {
			kept += q.off
		}
	}
	require.Equal(m.t, q.queued, frames)
	require.Equal(m.t, held, q.heldLocked())
	require.LessOrEqual(m.t, held-q.mem.Held(), max(q.mem.Room(), 2*leastUncounted)+2*blockCost, "counted soon enough")
	require.Equal(m.t, kept, q.keep.bytes+q.size)
	require.Equal(m.t, holes, q.drops.holes)
	require.LessOrEqual(m.t, q.bytes+q.keep.bytes, max(q.limit, 21_000)+largeBlock) // see shrinkLocked
	if len(m.waiting) == 0 && len(m.kept) == 0 && !m.writing {
		require.Zero(m.t, q.keep.bytes)
	}
}

func (m *model) run(steps int) {
	for i := 0; i < steps && !m.over; i++ {
		switch m.op(12) {
		case 0, 1, 2, 3, 4:
			m.send()
		case 5, 6:
			m.write()
		case 7:
			m.ack()
		case 8:
			m.lie()
		case 9:
			m.drop()
		case 10:
			m.conflate()
		case 11:
			m.breakOff()
		}
		if !m.over {
			m.check()
		}
	}
}

// The peer gets each frame that was not dropped once and in order, and the outbox agrees with the
// model after each step, whatever is sent, dropped, written, acknowledged and written again.
func TestModel(t *testing.T) {
	steps, whole := 0, 0
	for seed := range uint64(soak(300, 8000)) {
		rng := rand.New(rand.NewPCG(seed, 7))
		m := newModel(t, 1<<(10+rng.IntN(12)), rng.IntN)
		m.run(400)
		steps += int(m.next)
		if !m.over {
			whole++
		}
	}
	t.Logf("soak: outbox model: %d frames, %d of %d queues resumed each time", steps, whole, soak(300, 8000))
	require.Positive(t, whole)
}

func FuzzOutbox(f *testing.F) {
	f.Add([]byte{}, uint32(1<<16))
	f.Add([]byte("\x00\x02\x00\x05\x00\x02\x01\x05\x07\x01\x0b\x0b\x00\x05\x05"), uint32(4<<10))
	f.Fuzz(func(t *testing.T, program []byte, limit uint32) {
		op := func(n int) int {
			if len(program) == 0 {
				return 0
			}
			b := program[0]
			program = program[1:]
			return int(b) % n
		}
		m := newModel(t, int(limit%(1<<20))+1, op)
		for i := 0; i < 1000 && len(program) > 0; i++ {
			m.run(1)
		}
	})
}
