package outbox

// Whose task writing is. While the reader handles a batch, all that is queued waits for it (Hold). At the
// end of the batch the reader writes once (Release), and what has come meanwhile is left to a writer, so that
// a sender cannot keep the reader from reading. In between, whoever queues something
// while nobody writes asks for a writer.

// Hold says that the reader, which has expect bytes to handle, will flush.
func (o *Outbox) Hold(expect int) {
	o.mu.Lock()
	o.batch, o.expect = true, expect
	o.mu.Unlock()
}

// A Flush is what the reader does at the end of its batch.
type Flush uint8

const (
	Nothing Flush = iota // nothing waits, or others write it
	Write                // Take and Done, once
	Wait                 // for room: much waits, and others write
)

// Release ends what Hold began. If somebody writes already and much waits, the reader is to wait with it: a
// peer that does not read what it causes is to feel that, not to fill the outbox. A reader that must go on
// reading leaves all of it to others.
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

// Relief returns a channel that is closed when there may be room, or nil if no more than half of the bound
// is taken: for handlers that send something for everything they get, and are not to end their own connection.
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

// Take returns what is to be written now, and to which link, or nil if there is nothing: then the caller, whose
// task writing is, writes no more. If it returns a link alone the caller is to Feed.
func (o *Outbox) Take() (bufs [][]byte, link any) {
	o.mu.Lock()
	bufs, link = o.takeLocked()
	o.mu.Unlock()
	return bufs, link
}

// Next ends a write of n bytes and is Take for the next. If room is true there is room for notices, and
// the caller lets them go on before it takes more.
func (o *Outbox) Next(n int64) (bufs [][]byte, link any, room bool) {
	o.mu.Lock()
	o.wroteLocked(n)
	if room = o.noticesLocked(); !room {
		bufs, link = o.takeLocked()
	}
	o.mu.Unlock()
	return bufs, link, room
}

// Done ends a write of n bytes; a writer goes on if more has come meanwhile. If room is true there is
// room for notices.
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

// Fail ends a write of which n bytes were written. Stop follows, when the session knows what becomes
// of the link.
func (o *Outbox) Fail(n int64) {
	o.mu.Lock()
	if o.tracesLocked() && !o.keep.on { // although nothing is kept for a resume
		o.keep.on, o.keep.acked = true, o.written
	}
	o.wroteLocked(n)
	o.mu.Unlock()
}

// Stop ends the task of writing. What waits is written when the connection is resumed, or never.
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

// TakeWelcome begins a write of nothing but the welcome, and returns that. It returns nil if there is none, or
// the outbox is closed: the last word of one that has ended goes after the welcome. Welcomed follows.
func (o *Outbox) TakeWelcome() (frame []byte, link any) {
	o.mu.Lock()
	if !o.closed && !o.writing && o.control.welcome != nil {
		frame, link = o.control.welcome, o.link
		o.control.welcome = nil
		o.writing = true
	}
	o.mu.Unlock()
	return frame, link
}

// Welcomed ends what TakeWelcome began.
func (o *Outbox) Welcomed() {
	o.mu.Lock()
	o.writes++
	o.writing = false
	if o.broken || o.link == nil || !o.pendingLocked() {
		o.idleLocked()
	}
	w := o.wakeLocked() // it may have ended
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

// takeLocked lays out up to maxWrite bytes for one write. It returns nil when there is nothing, and then
// nobody writes any more.
func (o *Outbox) takeLocked() ([][]byte, any) {
	if !o.pendingLocked() || o.broken || o.link == nil {
		o.idleLocked()
		return nil, nil
	}
	if o.feed != nil && o.hungryLocked() {
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

// wroteLocked ends a write, whether it went well or not.
func (o *Outbox) wroteLocked(n int64) {
	o.writes++
	o.writtenBytes += uint64(n)
	o.doneLocked()
}

// Progress notes that a write which takes long goes on.
func (o *Outbox) Progress() {
	o.mu.Lock()
	o.writes++
	o.mu.Unlock()
}
