package outbox

import (
	"runtime"

	"github.com/hisock/hisock/core/internal/lock"
)

// writers are the goroutines that write for the outboxes of a Common. Outboxes wait for a writer in the order in
// which they have asked. To start a goroutine for each would cost a tenth of a small write. A writer whose peer does not
// read holds up no other outbox: as long as any outbox waits, another writer has been started.
type writers struct {
	mu          lock.Mutex[lock.Writers] // guards the fields below; held for a few instructions, with no other lock
	start       func()                   // write, made once
	first, last *Outbox                  // the outboxes that wait, linked by after
	coming      bool                     // a writer was started that has not looked at the list yet
	vain        uint                     // writers that were started since gathering last brought more to write
}

// If gathering has brought nothing vainTries times in a row, as for a program that waits for each answer before it
// sends more, only each vainSkips-th writer gathers: the others write at once.
const (
	vainTries = 8
	vainSkips = 32
)

// writeFor makes o wait for a writer. The caller has the task of writing for o, and gives it to the writer.
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

// write is a writer: it writes for the outboxes that wait until none does.
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
		// This write may take long: another writer looks after the other outboxes.
		begin := w.first != nil && !w.coming
		w.coming = w.coming || begin
		w.mu.Unlock()
		if begin {
			go w.start()
		}
		if o.owner.Write() {
			return // handlers of the program have run in this goroutine, which may have grown its stack
		}
		w.mu.Lock()
	}
	w.mu.Unlock()
}

// gather lets goroutines that are ready run before a writer writes: they may queue more.
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
	before := last.Queued()
	runtime.Gosched()
	more := last.Queued() != before
	w.mu.Lock()
	if more || w.last != last && w.last != nil {
		w.vain = 0
	}
	w.mu.Unlock()
}
