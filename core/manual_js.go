package core

import "context"

// A page has one thread and a loop of its own, so a browser build dispatches by itself: there
// is never a manualQueue, and asking for one panics as a mistake at set-up does.
type manualQueue struct{}

func newManualQueue(manual bool) *manualQueue {
	if manual {
		panic("core: a browser build has no option Manual")
	}
	return nil
}

type task struct {
	c     *Conn
	event func()
}

func (*manualQueue) add(task)                                        {}
func (*manualQueue) run() int                                        { return 0 }
func (*manualQueue) runUntil(context.Context, <-chan struct{}) error { return nil }

func (*manualQueue) await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
