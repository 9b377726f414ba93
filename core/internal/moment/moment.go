// Package moment has points in time that take 8 bytes instead of the 24 of a [time.Time], for what each
// connection notes. They are on the monotonic clock. It is a leaf: it imports the standard library only, and
// other packages below core/internal may import it.
package moment

import "time"

// A Moment is a point in time, in nanoseconds since this program began. Its zero value is never.
type Moment int64

var begun = time.Now()

// Now returns this moment, which is not zero.
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
