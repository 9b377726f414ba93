//go:build !js

package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/robin"
)

// A manualQueue holds what a program with manual dispatch has yet to run: frames, which wait in the
// inboxes of their connections and are bounded there, and events. What concerns one connection is run
// in the order in which it came; connections of a server have their turns.
type manualQueue struct {
	signal chan struct{} // has an element when there may be tasks
	baton  chan struct{} // has an element while somebody runs tasks, and nobody else may
	tasks  robin.Queue[*Conn, task]
}

// A task is an event, or one frame of the connection's inbox.
type task struct {
	c     *Conn // which the event concerns, or nil
	event func()
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

// run runs what waits at this moment, for that long unless it is zero or less, and returns how much
// that was. It runs one thing if there is one, and nothing while somebody else runs tasks.
func (q *manualQueue) run(budget time.Duration) int {
	select {
	case q.baton <- struct{}{}:
	default:
		return 0
	}
	defer func() { <-q.baton }()
	return q.runAll(budget)
}

// runAll is run for who holds the baton.
func (q *manualQueue) runAll(budget time.Duration) (n int) {
	var begin time.Time
	if budget > 0 {
		begin = time.Now()
	}
	for most := q.tasks.Len(); n < most; {
		if n > 0 && budget > 0 && time.Since(begin) >= budget {
			q.wake() // for who calls Run next
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

// runUntil runs what comes until done is closed or ctx ends, and waits for its turn if somebody else
// runs tasks.
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

// await waits for done, running what comes meanwhile if dispatch is manual and nobody else does: done
// may be waiting for that.
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
