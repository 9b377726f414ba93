//go:build !js

package core

import "time"

// A bucket holds what may still be spent: it fills at perSecond and holds no more than that.
type bucket struct {
	perSecond float64 // 0 for no limit
	left      float64
}

func newBucket(perSecond int) bucket {
	return bucket{float64(perSecond), float64(perSecond)}
}

// tolerance is far more than what adding fractions up loses, and far less than one.
const tolerance = 1e-3

// fill adds what has come together in the time. If over is set it may hold more.
func (b *bucket) fill(d time.Duration, over bool) {
	b.left += d.Seconds() * b.perSecond
	if !over {
		b.left = min(b.left, b.perSecond)
	}
}

// spend takes n. It reports false, and how long it would be until there is as much, if less is
// left.
func (b *bucket) spend(n int) (wait time.Duration, ok bool) {
	if b.perSecond == 0 {
		return 0, true
	}
	b.left -= float64(n)
	if b.left > -tolerance {
		return 0, true
	}
	return time.Duration(-b.left / b.perSecond * float64(time.Second)), false
}
