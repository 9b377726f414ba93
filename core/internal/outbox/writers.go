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
}

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
		runtime.Gosched()
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
