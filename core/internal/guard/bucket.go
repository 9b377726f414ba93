package guard

import "time"

// A bucket holds what may still be spent: it fills at perSecond and holds no more than most.
type bucket struct {
	perSecond float64 // 0 for no limit
	most      float64
	left      float64
}

// newBucket returns a full bucket.
func newBucket(perSecond, most int) bucket {
	return bucket{float64(perSecond), float64(most), float64(most)}
}

// tolerance is far more than what adding fractions up loses, and far less than one.
const tolerance = 1e-3

// fill adds what has come together in the time. If over is set the bucket may hold more than most.
func (b *bucket) fill(d time.Duration, over bool) {
	b.left += d.Seconds() * b.perSecond
	if !over {
		b.left = min(b.left, b.most)
	}
}

// spend takes n. If less is left it reports false, and how long it would be until there is as much.
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

// A Rate bounds how often something may be done. It is used by one goroutine at a time.
type Rate struct {
	left     bucket
	filledAt time.Time
}

// NewRate returns a rate of so many a second, of which most may come at once.
func NewRate(perSecond, most int) *Rate {
	return &Rate{newBucket(perSecond, most), time.Now()}
}

// Take counts one. If that is one too many it reports false, and how long to wait; then it does not count.
func (r *Rate) Take() (wait time.Duration, ok bool) {
	now := time.Now()
	r.left.fill(now.Sub(r.filledAt), false)
	r.filledAt = now
	if wait, ok = r.left.spend(1); !ok {
		r.left.left++
	}
	return wait, ok
}
