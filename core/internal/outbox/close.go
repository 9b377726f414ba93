package outbox

import "github.com/hisock/hisock/core/wire"

// A Closing says how an outbox is closed.
type Closing struct {
	Drain    bool          // frames that wait are written first; otherwise they are dropped
	Broken   bool          // nothing can be written any more
	Goodbye  *wire.Goodbye // written last if Drain is set, and otherwise before frames that are left; nil for none
	Received uint64        // frames to acknowledge with the goodbye; 0 for none
	Last     []byte        // a frame of another dialect that is written last; nil for none
}

// Close makes the outbox refuse data, and wakes all senders that wait for room. It returns a channel that is closed once
// everything that waits has been written, or cannot be written.
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

// lastWords drops the control frames that wait, except the welcome and the count of dropped frames, and adds the goodbye.
func (c *control) lastWords(how Closing) {
	*c = control{
		welcome: c.welcome, acked: c.acked,
		missed: c.missed, missedDue: hasDroppable && c.missedDue,
		goodbye: how.Goodbye, goodbyeAfter: how.Drain,
		due: how.Goodbye != nil || c.welcome != nil,
	}
	if how.Goodbye != nil && how.Received > c.acked { // the peer need not take these frames as undelivered
		c.ack, c.ackDue = how.Received, true
	}
}

// flushedLocked returns a channel that is closed once everything that waits has been written or cannot be written.
func (o *Outbox) flushedLocked() <-chan struct{} {
	ch := make(chan struct{})
	if !o.writing && (o.broken || o.link == nil || !o.pendingLocked()) {
		close(ch)
		return ch
	}
	o.flush = ch
	return ch
}

// discardLocked drops the data that nobody has taken yet, and the kept frames.
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

// Uncount gives back what the outbox counts in the budget, and counts nothing from now on.
func (o *Outbox) Uncount() {
	o.mu.Lock()
	o.mem.Set(o.of.Budget, 0)
	o.uncounted = true
	o.mu.Unlock()
}

// A Run is a row of queued frames that the peer may not have received, at least not all of them.
type Run struct {
	Frames    []byte
	Delivered int // the number of frames, from the first on, that the peer has received
	Written   int // in bytes: frames that begin before this offset were written, at least in part
}

// A trace holds the frames that were not delivered, once they are known.
type trace struct {
	done bool // runs is final
	runs []Run
}

// tracesLocked reports whether the frames that are not delivered are wanted, and not known yet.
func (o *Outbox) tracesLocked() bool { return o.trace != nil && !o.trace.done }

// traceLocked copies the frames that the peer may not have received, before they are let go of.
func (o *Outbox) traceLocked() {
	if o.tracesLocked() {
		o.trace.done, o.trace.runs = true, o.undeliveredLocked()
	}
}

// undeliveredLocked returns a copy of the frames that the peer may not have received.
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

// Undelivered returns a copy of the frames that the peer may not have received by now.
func (o *Outbox) Undelivered() []Run {
	o.mu.Lock()
	runs := o.undeliveredLocked()
	o.mu.Unlock()
	return runs
}

// Orphans returns, once, the frames that were not delivered when the outbox was closed or finished.
func (o *Outbox) Orphans() (runs []Run) {
	o.mu.Lock()
	if o.trace != nil {
		runs, o.trace.runs = o.trace.runs, nil
	}
	o.mu.Unlock()
	return runs
}

// Delivered notes that the peer has read to the end, so that it has received all that was written. It reports false if
// not everything was written.
func (o *Outbox) Delivered() bool {
	o.mu.Lock()
	all := !o.broken && o.bytes <= 0
	if all && o.trace != nil {
		o.trace.done = true
	}
	o.mu.Unlock()
	return all
}
