//go:build !js

package core

import (
	"runtime"
	"sync"
)

// Writers are the goroutines that write for the connections of one engine, which wait for
// one in the order in which they asked. To start one for each would cost a tenth of what a small
// write does. One that cannot go on holds up nobody: as long as any connection waits, another is
// on its way. They have one lock, which is held for a few instructions.
type writers struct {
	start   func() // run, made once
	gathers bool   // a writer lets the goroutines that are ready go first, for they may send too

	mu          sync.Mutex // guards the fields below
	first, last *Conn      // that wait, linked by Conn.nextWaiting
	coming      bool       // a goroutine was started that has not looked at the list yet
}

// newWriters returns the writers of a client or a server. Those of a client gather: when answers have
// come for many goroutines, all of them are ready, and each sends its next message. At a server that is
// busy a writer would wait for everybody's reading.
func newWriters(client bool) *writers {
	w := &writers{gathers: client}
	w.start = w.run
	return w
}

// add queues c, whose queue the caller has just set flushing, for a writer.
func (w *writers) add(c *Conn) {
	w.mu.Lock()
	if w.last == nil {
		w.first = c
	} else {
		w.last.nextWaiting = c
	}
	w.last = c
	start := !w.coming
	w.coming = true
	w.mu.Unlock()
	if start {
		go w.start()
	}
}

// run writes for those who wait until nobody does.
func (w *writers) run() {
	if w.gathers {
		runtime.Gosched()
	}
	w.mu.Lock()
	w.coming = false
	for w.first != nil {
		c := w.first
		w.first, c.nextWaiting = c.nextWaiting, nil
		if w.first == nil {
			w.last = nil
		}
		// Somebody else has to look after the rest: this write may take long.
		start := w.first != nil && !w.coming
		w.coming = w.coming || start
		w.mu.Unlock()
		if start {
			go w.start()
		}
		if c.writer() {
			return // handlers of the program have run here, which leave goroutines as they like
		}
		w.mu.Lock()
	}
	w.mu.Unlock()
}
