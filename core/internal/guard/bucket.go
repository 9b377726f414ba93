package guard

import "time"

// A bucket is a token bucket: it fills with perSecond tokens a second and holds at most most.
type bucket struct {
	perSecond float64 // 0 for no limit
	most      float64
	left      float64 // tokens that may be spent; negative after an excess
}

// newBucket returns a full bucket.
func newBucket(perSecond, most int) bucket {
	return bucket{float64(perSecond), float64(most), float64(most)}
}

// tolerance is far more than the rounding error of many small fills, and far less than one token.
const tolerance = 1e-3

// fill adds the tokens of the time d. If over is set the bucket may hold more than most.
func (b *bucket) fill(d time.Duration, over bool) {
	b.left += d.Seconds() * b.perSecond
	if !over {
		b.left = min(b.left, b.most)
	}
}

// spend takes n tokens. If there are fewer it reports false, and returns how long it takes until there are enough.
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

// NewRate returns a rate of perSecond a second, with bursts of most.
func NewRate(perSecond, most int) *Rate {
	return &Rate{newBucket(perSecond, most), time.Now()}
}

// Take counts one. If that exceeds the rate, it does not count, reports false, and returns how long to wait.
func (r *Rate) Take() (wait time.Duration, ok bool) {
	now := time.Now()
	r.left.fill(now.Sub(r.filledAt), false)
	r.filledAt = now
	if wait, ok = r.left.spend(1); !ok {
		r.left.left++
	}
	return wait, ok
}
