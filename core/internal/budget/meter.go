//go:build !js

package budget

import "math"

const (
	// free is how much of one holder is not counted: what it has while little goes on.
	free = 4 << 10

	// step is in which steps the rest is counted.
	step = 16 << 10
)

// A Meter is what one holder has. It is guarded by what guards the holder. The zero Meter has
// nothing, and always has to be used with the same budget.
type Meter struct {
	held int // bytes
	room int // up to which held may grow before more is counted
	low  int // down to which it may shrink before less is counted
}

// Held returns how much the holder has, in bytes.
func (m *Meter) Held() int { return m.held }

// Add notes that the holder has n bytes more. It reports whether more was counted, and is too much.
// It is small enough to be put where it is called, for each frame of a broadcast.
func (m *Meter) Add(b *Budget, n int) (over bool) {
	m.held += n
	return m.held > m.room && m.grow(b)
}

func (m *Meter) grow(b *Budget) (over bool) {
	m.count(b)
	return b.IsOver()
}

// Sub notes that the holder has n bytes less.
func (m *Meter) Sub(b *Budget, n int) {
	if m.held -= n; m.held < m.low {
		m.count(b)
	}
}

// Set notes how much the holder has, and reports as Add does.
func (m *Meter) Set(b *Budget, n int) (over bool) {
	before := m.room
	if m.held = n; n > m.room || n < m.low {
		m.count(b)
	}
	return m.room > before && b.IsOver()
}

// Room returns how much more the holder may have before more is counted.
func (m *Meter) Room() int { return m.room - m.held }

func (m *Meter) counted() int {
	if m.room <= free || m.room == math.MaxInt {
		return 0
	}
	return m.room
}

// count counts what the holder has: as steps that are enough for it, and one more goes before
// fewer are counted.
func (m *Meter) count(b *Budget) {
	if b == nil {
		m.room, m.low = math.MaxInt, math.MinInt
		return
	}
	before := m.counted()
	switch steps := (m.held + step - 1) / step; {
	case m.held <= free:
		m.room, m.low = free, math.MinInt
	case steps <= 2:
		m.room, m.low = steps*step, free+1
	default:
		m.room, m.low = steps*step, (steps-2)*step
	}
	if now := m.counted(); now > before {
		b.Add(now - before)
	} else {
		b.Sub(before - now)
	}
}
