package outbox

import "github.com/hisock/hisock/core/wire"

// A Closing says how an outbox is closed.
type Closing struct {
	Drain    bool          // what waits is written first
	Broken   bool          // nothing can be written any more
	Goodbye  *wire.Goodbye // written last, or first unless Drain is set
	Received uint64        // frames that are acknowledged with the goodbye; 0 for none
	Last     []byte        // what is written last in another dialect
}

// Close lets no more data in, and wakes all that wait for room. It returns a channel that is closed once all that
// waits has been written, or cannot be.
func (o *Outbox) Close(how Closing) (flushed <-chan struct{}) {
	o.mu.Lock()
	if !how.Drain {
		o.traceLocked()
	}
	o.closed = true
	o.starveLocked()
	if !o.tracesLocked() {
		o.stopKeepingLocked()
	}
	o.openLocked()
	if !how.Drain {
		o.discardLocked()
	}
	if !browser && how.Last != nil {
		o.shareLocked(NewBlock(how.Last))
	}
	o.control.lastWords(how)
	o.broken = o.broken || how.Broken
	o.batch = false
	flushed = o.flushedLocked()
	var w wake
	if o.pendingLocked() && !o.broken {
		w = o.wakeLocked()
	}
	o.mu.Unlock()
	o.wake(w)
	return flushed
}

// lastWords leaves nothing to be said but the welcome, what the peer misses, and the goodbye.
func (c *control) lastWords(how Closing) {
	*c = control{
		welcome: c.welcome, acked: c.acked,
		missed: c.missed, missedDue: hasDroppable && c.missedDue,
		goodbye: how.Goodbye, goodbyeAfter: how.Drain,
		due: how.Goodbye != nil || c.welcome != nil,
	}
	if how.Goodbye != nil && how.Received > c.acked { // so that the peer knows what it need not send again
		c.ack, c.ackDue = how.Received, true
	}
}

// flushedLocked returns a channel that is closed once all that waits has been written or cannot be.
func (o *Outbox) flushedLocked() <-chan struct{} {
	ch := make(chan struct{})
	if !o.writing && (o.broken || o.link == nil || !o.pendingLocked()) {
		close(ch)
		return ch
	}
	o.flush = ch
	return ch
}

// discardLocked forgets the data that nobody has taken yet, and what is kept.
func (o *Outbox) discardLocked() {
	o.forgetWaitingLocked()
	o.stopKeepingLocked()
	o.pressLocked()
}

// Finish lets go of everything: the last goroutine of the connection has left.
func (o *Outbox) Finish() {
	o.mu.Lock()
	o.traceLocked()
	o.discardLocked()
	o.mu.Unlock()
}

// Uncount notes that the outbox holds nothing, whatever is done with it now.
func (o *Outbox) Uncount() {
	o.mu.Lock()
	o.mem.Set(o.of.Budget, 0)
	o.uncounted = true
	o.mu.Unlock()
}

// A Run is a part of what was queued, in order, of which the peer may not have all.
type Run struct {
	Frames    []byte
	Delivered int // of the frames: the peer has the first ones
	Written   int // bytes: frames that begin before were written, at least in part
}

// A trace is what was not delivered, once that is known.
type trace struct {
	done bool // it is known, or somebody else looks after it
	runs []Run
}

// tracesLocked reports whether what was not delivered is wanted, and not known yet.
func (o *Outbox) tracesLocked() bool { return o.trace != nil && !o.trace.done }

// traceLocked remembers what the peer is not known to have, before it is let go of.
func (o *Outbox) traceLocked() {
	if o.tracesLocked() {
		o.trace.done, o.trace.runs = true, o.undeliveredLocked()
	}
}

// undeliveredLocked copies what the peer is not known to have.
func (o *Outbox) undeliveredLocked() (runs []Run) {
	at, delivered := o.base, o.written
	if o.keep.on {
		delivered = o.keep.acked
	}
	for i := o.head; i < len(o.log); i++ {
		k := o.log[i]
		if k == nil {
			continue
		}
		if end := at + uint64(k.frames); end > delivered {
			r := Run{Frames: append([]byte(nil), k.b...)}
			if at < delivered {
				r.Delivered = int(delivered - at)
			}
			switch {
			case i < o.next:
				r.Written = len(k.b)
			case i == o.next:
				r.Written = o.off
			}
			runs = append(runs, r)
		}
		at += uint64(k.frames)
	}
	return runs
}

// Undelivered returns what the peer is not known to have at this moment.
func (o *Outbox) Undelivered() []Run {
	o.mu.Lock()
	runs := o.undeliveredLocked()
	o.mu.Unlock()
	return runs
}

// Orphans returns, once, what was not delivered when the outbox was closed or finished.
func (o *Outbox) Orphans() (runs []Run) {
	o.mu.Lock()
	if o.trace != nil {
		runs, o.trace.runs = o.trace.runs, nil
	}
	o.mu.Unlock()
	return runs
}

// Delivered notes that the peer, which has read to the end, has all that was written. It reports false if not
// everything was written.
func (o *Outbox) Delivered() bool {
	o.mu.Lock()
	all := !o.broken && o.bytes <= 0
	if all && o.trace != nil {
		o.trace.done = true
	}
	o.mu.Unlock()
	return all
}
