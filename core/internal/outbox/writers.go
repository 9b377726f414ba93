package outbox

import (
	"runtime"

	"github.com/hisock/hisock/core/internal/lock"
)

// writers are goroutines that write for the outboxes which share a Common. Outboxes wait for one in the order in
// which they asked. To start one for each would cost a tenth of what a small write does. One that cannot go on
// holds up nobody: as long as any outbox waits, another is on its way.
type writers struct {
	mu          lock.Mutex[lock.Writers] // guards the fields below; held for a few instructions, with no other lock
	start       func()                   // write, made once
	first, last *Outbox                  // that wait, linked by after
	coming      bool                     // a goroutine was started that has not looked at the list yet
	vain        uint                     // writers that have come since gathering last brought more to write
}

// Where gathering has brought nothing vainTries times in a row, as for a program that waits for each answer before it
// sends more, only each vainSkips-th writer gathers: the others write at once.
const (
	vainTries = 8
	vainSkips = 32
)

// writeFor lets o, for which the caller has taken the task of writing, wait for a writer.
func (of *Common) writeFor(o *Outbox) {
	w := &of.writers
	w.mu.Lock()
	if w.last == nil {
		w.first = o
	} else {
		w.last.after = o
	}
	w.last = o
	begin := !w.coming
	w.coming = true
	if begin && w.start == nil {
		w.start = of.write
	}
	w.mu.Unlock()
	if begin {
		go w.start()
	}
}

// write writes for the outboxes that wait until none does.
func (of *Common) write() {
	if of.Gather {
		of.gather()
	}
	w := &of.writers
	w.mu.Lock()
	w.coming = false
	for w.first != nil {
		o := w.first
		w.first, o.after = o.after, nil
		if w.first == nil {
			w.last = nil
		}
		// Somebody else has to look after the rest: this write may take long.
		begin := w.first != nil && !w.coming
		w.coming = w.coming || begin
		w.mu.Unlock()
		if begin {
			go w.start()
		}
		if o.owner.Write() {
			return // handlers of the program have run here, which leave goroutines as they like
		}
		w.mu.Lock()
	}
	w.mu.Unlock()
}

// gather lets goroutines that are ready go before a writer: they may have more to write.
func (of *Common) gather() {
	w := &of.writers
	w.mu.Lock()
	last := w.last
	w.vain++
	try := last != nil && (w.vain <= vainTries || w.vain%vainSkips == 0)
	w.mu.Unlock()
	if !try {
		return
	}
	before := last.frames()
	runtime.Gosched()
	more := last.frames() != before
	w.mu.Lock()
	if more || w.last != last && w.last != nil {
		w.vain = 0
	}
	w.mu.Unlock()
}

// frames is how many frames were queued.
func (o *Outbox) frames() uint64 {
	o.mu.Lock()
	n := o.queued
	o.mu.Unlock()
	return n
}
