//go:build !js

package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/robin"
)

// A manualQueue holds the tasks of a program with manual dispatch: events, and one task for each frame that waits in the
// inbox of its connection, where frames are bounded. Tasks of one connection run in the order in which
// they came; the connections of a server take turns.
type manualQueue struct {
	signal chan struct{} // has an element when there may be tasks
	baton  chan struct{} // has an element while a goroutine runs tasks; then no other goroutine may
	tasks  robin.Queue[*Conn, task]
}

// A task is an event, or one frame of the connection's inbox.
type task struct {
	c     *Conn  // the connection, or nil for an event of none
	event func() // nil for a frame
}

func newManualQueue(manual bool) *manualQueue {
	if !manual {
		return nil
	}
	return &manualQueue{signal: make(chan struct{}, 1), baton: make(chan struct{}, 1)}
}

func (q *manualQueue) add(t task) {
	if t.c != nil && t.c.server {
		q.tasks.Add(t.c, t)
	} else { // a client has one connection at a time, and events of its own
		q.tasks.Add(nil, t)
	}
	q.wake()
}

func (q *manualQueue) wake() {
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// run runs the tasks that are there when it is called, and returns how many it has run. Once budget has passed it begins
// no task but the first; zero or less is no bound. It runs no task while another goroutine runs tasks.
func (q *manualQueue) run(budget time.Duration) int {
	select {
	case q.baton <- struct{}{}:
	default:
		return 0
	}
	defer func() { <-q.baton }()
	return q.runAll(budget)
}

// runAll is run for the holder of the baton.
func (q *manualQueue) runAll(budget time.Duration) (n int) {
	var begin time.Time
	if budget > 0 {
		begin = time.Now()
	}
	for most := q.tasks.Len(); n < most; {
		if n > 0 && budget > 0 && time.Since(begin) >= budget {
			q.wake() // for the next call of Run
			return n
		}
		t, ok := q.tasks.Next()
		if !ok { // a handler has run the rest, by Update or Shutdown
			return n
		}
		if n++; t.event != nil {
			t.event()
		} else {
			t.c.runNext()
		}
	}
	return n
}

// runUntil runs tasks as they come until done is closed or ctx ends. If another goroutine runs tasks it waits for the
// baton.
func (q *manualQueue) runUntil(ctx context.Context, done <-chan struct{}) error {
	select {
	case q.baton <- struct{}{}:
		defer func() { <-q.baton }()
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-q.signal:
			q.runAll(0)
		}
	}
}

// await waits for done. With manual dispatch, if no other goroutine runs tasks, it runs the tasks that come meanwhile,
// since done may depend on them.
func (q *manualQueue) await(ctx context.Context, done <-chan struct{}) error {
	if q != nil {
		return q.runUntil(ctx, done)
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// runNext runs the first frame of the inbox, if it still holds one.
func (c *Conn) runNext() {
	if j, ok := c.turn.Pop(); ok {
		c.runJob(j)
	}
}
