// Package moment has a type for points in time that takes 8 bytes, where a [time.Time] takes 24. Each connection keeps
// several. The points are on the monotonic clock. The package is a leaf: it imports only the standard library, and
// other packages below core/internal may import it.
package moment

import "time"

// A Moment is a point in time, in nanoseconds since the program began. The zero Moment means never.
type Moment int64

var begun = time.Now()

// Now returns the current moment, which is never zero.
func Now() Moment {
	if m := Moment(time.Since(begun)); m != 0 {
		return m
	}
	return 1
}

// Since returns how long ago m was, or 0 if m is never.
func (m Moment) Since() time.Duration {
	if m == 0 {
		return 0
	}
	return time.Since(begun) - time.Duration(m)
}
