//go:build !js

package core

import (
	"context"
	"sync"
)

// A manualQueue holds what a program with manual dispatch has yet to run, in the order in
// which it came: frames, which wait in the inboxes of their connections and are bounded
// there, and events.
type manualQueue struct {
	signal chan struct{} // has an element when there may be tasks

	mu    sync.Mutex // guards the fields below
	tasks []task
}

// A task is an event, or one frame of the connection's inbox.
type task struct {
	c     *Conn
	event func()
}

func newManualQueue(manual bool) *manualQueue {
	if !manual {
		return nil
	}
	return &manualQueue{signal: make(chan struct{}, 1)}
}

func (q *manualQueue) add(t task) {
	q.mu.Lock()
	q.tasks = append(q.tasks, t)
	q.mu.Unlock()
	select {
	case q.signal <- struct{}{}:
	default:
	}
}

// run runs what waits at this moment and returns how much that was.
func (q *manualQueue) run() int {
	q.mu.Lock()
	tasks := q.tasks
	q.tasks = nil
	q.mu.Unlock()
	for _, t := range tasks {
		if t.event != nil {
			t.event()
		} else {
			t.c.runNext()
		}
	}
	return len(tasks)
}

// runUntil runs what comes until done is closed or ctx ends.
func (q *manualQueue) runUntil(ctx context.Context, done <-chan struct{}) error {
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-q.signal:
			q.run()
		}
	}
}

// await waits for done, running what comes meanwhile if dispatch is manual: done may
// be waiting for that.
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
	b := &c.inbox
	b.mu.Lock()
	if b.head == len(b.jobs) || b.drop.Load() {
		b.mu.Unlock()
		return
	}
	j := b.takeLocked()
	b.mu.Unlock()
	c.runJob(j)
}
