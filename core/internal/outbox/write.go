package outbox

// Whose task writing is. While the reader handles a batch, queued frames wait for the reader (Hold). At the
// end of the batch the reader writes once (Release). Frames that are queued during that write are left to a writer, so
// that a sender cannot keep the reader from reading. At all other times a sender that queues a frame
// while nobody writes asks for a writer.

// Hold notes that the reader, which has expect bytes to handle, will flush.
func (o *Outbox) Hold(expect int) {
	o.mu.Lock()
	o.batch, o.expect = true, expect
	o.mu.Unlock()
}

// A Flush is what the reader does at the end of its batch.
type Flush uint8

const (
	Nothing Flush = iota // nothing waits, or others write
	Write                // call Take and Done, once
	Wait                 // wait for room: much waits, and others write
)

// Release ends what Hold has begun. If another goroutine writes and much waits, the reader must wait for room: so a
// peer that does not read the frames that it causes is slowed down, and does not fill the outbox. A reader that must go
// on reading leaves all frames to a writer.
func (o *Outbox) Release(mustRead bool) (f Flush, room <-chan struct{}) {
	var w wake
	o.mu.Lock()
	o.batch = false
	switch {
	case !o.pendingLocked() || o.broken || o.link == nil:
	case mustRead:
		w = o.wakeLocked()
	case !o.writing:
		o.writing = true
		f = Write
	case o.bytes > o.limit/2:
		f, room = Wait, o.roomLocked()
	}
	o.mu.Unlock()
	if w != 0 {
		o.wake(w)
	}
	return f, room
}

// Relief returns nil if at most half of the bound is taken, and otherwise a channel that is closed when there may be
// room. It is for handlers that send a frame for each frame that they get, so that they do not end their own connection.
func (o *Outbox) Relief() (room <-chan struct{}) {
	if !o.pressed.Load() {
		return nil
	}
	o.mu.Lock()
	if o.closed || o.broken || o.mute || o.bytes <= o.limit/2 {
		o.mu.Unlock()
		return nil
	}
	room = o.roomLocked()
	w := o.wakeLocked()
	o.mu.Unlock()
	o.wake(w)
	return room
}

// Take returns the buffers to write now, and the link to write them to. The caller has the task of writing. If Take
// returns two nils there is nothing to write, and the task is over. If it returns a link alone the caller must Feed.
func (o *Outbox) Take() (bufs [][]byte, link any) {
	o.mu.Lock()
	bufs, link = o.takeLocked()
	o.mu.Unlock()
	return bufs, link
}

// Next ends a write of n bytes, and returns what Take returns for the next write. If room is true there is room for
// notices: the caller queues them, and then calls Take.
func (o *Outbox) Next(n int64) (bufs [][]byte, link any, room bool) {
	o.mu.Lock()
	o.wroteLocked(n)
	if room = o.noticesLocked(); !room {
		bufs, link = o.takeLocked()
	}
	o.mu.Unlock()
	return bufs, link, room
}

// Done ends a write of n bytes, and the caller's task of writing: a writer goes on if more waits. If room is true there
// is room for notices.
func (o *Outbox) Done(n int64) (room bool) {
	o.mu.Lock()
	o.wroteLocked(n)
	room = o.noticesLocked()
	more := o.pendingLocked() && o.link != nil
	if !more {
		o.idleLocked()
	}
	o.mu.Unlock()
	if more {
		o.wake(wakeWriter)
	}
	return room
}

// noticesLocked reports whether a notice that found no room has it now.
func (o *Outbox) noticesLocked() bool {
	if !o.noticed || o.bytes > NoticeRoom(o.limit)/2 {
		return false
	}
	o.noticed = false
	return true
}

// Fail ends a failed write of which n bytes were written. The caller must call Stop, when the session knows whether it
// can be resumed.
func (o *Outbox) Fail(n int64) {
	o.mu.Lock()
	if o.tracesLocked() && !o.keep.on { // keep the frames of this write for Orphans
		o.keep.on, o.keep.acked = true, o.written
	}
	o.wroteLocked(n)
	o.mu.Unlock()
}

// Stop ends the task of writing after a failed write. If resumed is set, the frames that wait are written once the
// connection is resumed; otherwise they are never written.
func (o *Outbox) Stop(resumed bool) {
	o.mu.Lock()
	if !resumed {
		o.broken = true
		o.traceLocked()
		o.discardLocked()
	}
	o.idleLocked()
	o.mu.Unlock()
}

// TakeWelcome begins a write of nothing but the welcome, and returns the welcome. It returns nil if there is none, if there is
// no link, or if the outbox is closed: then the welcome is written with the goodbye. The caller must call Welcomed after the write.
func (o *Outbox) TakeWelcome() (frame []byte, link any) {
	o.mu.Lock()
	if !o.closed && !o.writing && o.link != nil && o.control.welcome != nil {
		frame, link = o.control.welcome, o.link
		o.control.welcome = nil
		o.writing = true
	}
	o.mu.Unlock()
	return frame, link
}

// Welcomed ends the write that TakeWelcome has begun.
func (o *Outbox) Welcomed() {
	o.mu.Lock()
	o.writes++
	o.writing = false
	if o.broken || o.link == nil || !o.pendingLocked() {
		o.idleLocked()
	}
	w := o.wakeLocked() // the connection may have ended meanwhile
	o.mu.Unlock()
	o.wake(w)
}

// Unused returns a channel that is closed when nobody writes.
func (o *Outbox) Unused() <-chan struct{} {
	o.mu.Lock()
	if o.unused == nil {
		o.unused = make(chan struct{})
	}
	unused := o.unused
	if !o.writing {
		close(o.unused)
		o.unused = nil
	}
	o.mu.Unlock()
	return unused
}

// pendingLocked reports whether there is anything to write.
func (o *Outbox) pendingLocked() bool {
	return o.bytes > o.size || o.control.due || o.feed != nil && (o.feed.probe != 0 || o.hungryLocked())
}

// idleLocked notes that nobody writes any more.
func (o *Outbox) idleLocked() {
	o.writing = false
	if o.flush != nil {
		close(o.flush)
		o.flush = nil
	}
	if o.unused != nil {
		close(o.unused)
		o.unused = nil
	}
	o.shortenLocked()
}

// takeLocked lays out up to maxWrite bytes for one write. It returns nil if there is nothing, and ends the task of
// writing then.
func (o *Outbox) takeLocked() ([][]byte, any) {
	if !o.pendingLocked() || o.broken || o.link == nil {
		o.idleLocked()
		return nil, nil
	}
	if o.fetchesLocked() {
		return nil, o.link
	}
	o.vec = o.vec[:0]
	if o.control.welcome != nil {
		o.vec = append(o.vec, o.control.welcome)
		o.control.welcome = nil
	}
	front := len(o.vec)
	o.vec = append(o.vec, nil) // for control frames
	o.layOutLocked()
	if o.control.pingDue {
		o.trip.asks(o.control.ping)
	}
	ctl := o.control.appendTo(o.ctlBuf[:0], o.bytes == o.size)
	if o.feed != nil {
		ctl = o.probeLocked(ctl, true)
	}
	switch {
	case len(ctl) == 0:
		copy(o.vec[front:], o.vec[front+1:])
		last := len(o.vec) - 1
		o.vec[last] = nil // or an idle connection would hold the block
		o.vec = o.vec[:last]
	case o.control.goodbyeAfter:
		copy(o.vec[front:], o.vec[front+1:])
		o.vec[len(o.vec)-1] = ctl
	default:
		o.vec[front] = ctl
	}
	if o.feed != nil && o.feed.probe != 0 {
		o.vec = append(o.vec, o.probeLocked(o.feed.buf[:0], false))
	}
	if len(o.vec) == 0 { // all that waited was dropped
		o.idleLocked()
		return nil, nil
	}
	o.drops.writes()
	return o.vec, o.link
}

// wroteLocked ends a write of n bytes, whether it has succeeded or not.
func (o *Outbox) wroteLocked(n int64) {
	o.writes++
	o.writtenBytes += uint64(n)
	o.doneLocked()
}

// Progress notes that a write that takes long goes on.
func (o *Outbox) Progress() {
	o.mu.Lock()
	o.writes++
	o.mu.Unlock()
}
