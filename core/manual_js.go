package core

import (
	"context"
	"time"
)

// A page has one thread and a loop of its own, so a browser build dispatches by itself: there
// is never a manualQueue.
type manualQueue struct{}

const hasManual = false

func newManualQueue(bool) *manualQueue { return nil }

type task struct {
	c     *Conn
	event func()
}

func (*manualQueue) add(task)                                        {}
func (*manualQueue) run(time.Duration) int                           { return 0 }
func (*manualQueue) runUntil(context.Context, <-chan struct{}) error { return nil }

func (*manualQueue) await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
