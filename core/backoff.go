package core

import (
	"context"
	"time"
)

// A backoff waits longer each time, between a few milliseconds and a second.
type backoff struct{ next time.Duration }

func (b *backoff) reset() { b.next = 0 }

// sleep waits, unless ctx or the server ends.
func (b *backoff) sleep(ctx context.Context, stopping <-chan struct{}) {
	b.next = min(max(2*b.next, 5*time.Millisecond), time.Second)
	t := time.NewTimer(b.next)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-stopping:
	}
}
