//go:build !js

package core

import (
	"strconv"
	"time"
)

// A bucket holds what may still be spent: it fills at perSecond and holds no more than most.
type bucket struct {
	perSecond float64 // 0 for no limit
	most      float64
	left      float64
}

// newBucket returns a full bucket that holds what a second brings.
func newBucket(perSecond int) bucket { return newBucketOf(perSecond, perSecond) }

func newBucketOf(perSecond, most int) bucket {
	return bucket{float64(perSecond), float64(most), float64(most)}
}

// tolerance is far more than what adding fractions up loses, and far less than one.
const tolerance = 1e-3

// fill adds what has come together in the time. If over is set it may hold more.
func (b *bucket) fill(d time.Duration, over bool) {
	b.left += d.Seconds() * b.perSecond
	if !over {
		b.left = min(b.left, b.most)
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

// spendIf is spend that takes nothing if less is left.
func (b *bucket) spendIf(n int) (wait time.Duration, ok bool) {
	if wait, ok = b.spend(n); !ok {
		b.left += float64(n)
	}
	return wait, ok
}

// A changeRate bounds how many changes of its name and groups one client asks for.
type changeRate struct {
	left   bucket
	filled time.Time // last
}

// spendChange counts a change that the client asks for, and returns why it is one too many.
func (s *Server) spendChange(c *Conn) *Error {
	if s.opts.Limits.ChangeRate == 0 {
		return nil
	}
	now := time.Now()
	if c.changes == nil {
		c.changes = &changeRate{newBucketOf(s.opts.Limits.ChangeRate, max(s.opts.Limits.ChangeRate, s.opts.Limits.MaxGroups)), now}
	}
	r := c.changes
	r.left.fill(now.Sub(r.filled), false)
	r.filled = now
	wait, ok := r.left.spendIf(1)
	if ok {
		return nil
	}
	return &Error{Code: CodeRateLimit, Message: "more than " + strconv.Itoa(s.opts.Limits.ChangeRate) + " changes of name and groups a second", RetryAfter: wait}
}
