//go:build !js

package budget

import "math"

const (
	// A holder with at most free bytes is not counted. A quiet holder has no more.
	free = 4 << 10

	// The bytes of other holders are counted in multiples of step.
	step = 16 << 10
)

// A Meter counts the bytes of one holder. The lock of the holder guards it. The zero Meter has counted nothing. A Meter
// must always be used with the same budget.
type Meter struct {
	// low ≤ held ≤ room after each change, in bytes; outside, the count is renewed
	held int // bytes of the holder
	room int // the budget counts this many bytes, unless it is free or not bounded
	low  int
}

// Held returns the number of bytes that the holder has.
func (m *Meter) Held() int { return m.held }

// Add notes that the holder has n more bytes. It reports whether the count has grown and the bound of the budget is
// reached. It is small enough to be inlined, since it is called for each frame of a broadcast.
func (m *Meter) Add(b *Budget, n int) (over bool) {
	m.held += n
	return m.held > m.room && m.grow(b)
}

func (m *Meter) grow(b *Budget) (over bool) {
	m.count(b)
	return b.IsOver()
}

// Sub notes that the holder has n fewer bytes.
func (m *Meter) Sub(b *Budget, n int) {
	if m.held -= n; m.held < m.low {
		m.count(b)
	}
}

// Set notes that the holder has n bytes. It reports the same as Add.
func (m *Meter) Set(b *Budget, n int) (over bool) {
	before := m.room
	if m.held = n; n > m.room || n < m.low {
		m.count(b)
	}
	return m.room > before && b.IsOver()
}

// Room returns the number of bytes that the holder may get before the count grows.
func (m *Meter) Room() int { return m.room - m.held }

func (m *Meter) counted() int {
	if m.room <= free || m.room == math.MaxInt {
		return 0
	}
	return m.room
}

// count renews the count: the smallest multiple of step that is enough for held. A count above two steps shrinks only
// after held has shrunk by more than one step.
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
