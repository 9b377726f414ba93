//go:build !js

package core

import "sync"

// Writers are the goroutines that write for the connections of one Server or Client, which wait for
// one in the order in which they asked. To start one for each would cost a tenth of what a small
// write does. One that cannot go on holds up nobody: as long as any connection waits there is
// another, running or about to, that takes it.
type writers struct {
	start func() // run, made once

	mu          sync.Mutex // guards the fields below
	first, last *Conn      // that wait, linked by Conn.behind
	looking     int        // goroutines that do not write, but take the next one that waits
}

func newWriters() *writers {
	w := &writers{}
	w.start = w.run
	return w
}

// add has somebody write for c, which nobody does.
func (w *writers) add(c *Conn) {
	w.mu.Lock()
	if w.last == nil {
		w.first = c
	} else {
		w.last.behind = c
	}
	w.last = c
	start := w.looking == 0
	if start {
		w.looking++
	}
	w.mu.Unlock()
	if start {
		go w.start()
	}
}

// run writes for those who wait until nobody does.
func (w *writers) run() {
	w.mu.Lock()
	for w.first != nil {
		c := w.first
		w.first, c.behind = c.behind, nil
		if w.first == nil {
			w.last = nil
		}
		// Somebody else has to look after the rest: this write may take long.
		start := w.first != nil && w.looking == 1
		if !start {
			w.looking--
		}
		w.mu.Unlock()
		if start {
			go w.start()
		}
		c.writer()
		w.mu.Lock()
		w.looking++
	}
	w.looking--
	w.mu.Unlock()
}
