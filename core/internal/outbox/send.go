package outbox

// A Class says who sends a frame, and so how much of the bound the frame may take.
type Class uint8

const (
	// Data may fill the outbox. Frames that are kept for a resume make room, since a connection that cannot be
	// resumed later is better than one that ends now. Frames that may be dropped make room too. An empty outbox takes
	// any frame, since a frame that fits the peer's limit would never find more room.
	Data Class = 0

	// Own is a small frame of the library's own, which may exceed the bound a little: a program that has filled
	// its queue with calls must still be able to give one up.
	Own Class = 1 << iota

	// Beside is a frame that makes no kept frame give way: it is queued only if there is room.
	Beside

	// Patient is a frame whose sender can wait. It leaves half of the outbox to senders that cannot wait, and asks for
	// acks rather than push out frames that are kept for a resume.
	Patient

	// Unread is added to Patient if the sender is a handler, and the reader waits for room in the inbox: the sender must
	// not wait for an ack, which is not read before the handler returns. It changes nothing while there is no link.
	Unread

	// Await is added to Patient if the sender is about to wait: a Refusal then has the channel Room.
	Await
)

// A Refusal says why a frame was not queued.
type Refusal struct {
	Why     Why
	Waiting int // bytes that wait to be written
	Kept    int // bytes that are kept for a resume

	Room <-chan struct{} // closed when there may be room; only for Await, and only if Full, Away or Mute
}

// Why is the reason of a Refusal.
type Why uint8

const (
	Full    Why = iota // there is no room; there is a link
	Away               // there is no room, and no link
	Mute               // there is no room, and nothing is written to the link any more
	Closed             // the outbox is closed
	Dropped            // the policy for the frame has dropped it
)

var closedRefusal = Refusal{Why: Closed}

// Begin locks the outbox and returns a slice with room for n bytes at its end. The caller must append one frame
// of at most n bytes to it, and nothing else, and give it to Commit, which unlocks the outbox. If Begin refuses the
// frame, the outbox is unlocked.
func (o *Outbox) Begin(n int, c Class) (dst []byte, no *Refusal) {
	o.mu.Lock()
	if !o.fitsLocked(n, c) {
		if no := o.giveWayLocked(n, c); no != nil {
			w := o.wakeLocked() // a ping that asks for an ack, or a count of dropped frames, may wait now
			o.mu.Unlock()
			o.wake(w)
			return nil, no
		}
	}
	return o.spaceLocked(n), nil
}

// Commit ends what Begin began.
func (o *Outbox) Commit(b []byte) {
	o.commitLocked(b)
	o.pressLocked()
	w := o.wakeLocked()
	o.mu.Unlock()
	if w != 0 {
		o.wake(w)
	}
}

// Send queues a frame, which is copied.
func (o *Outbox) Send(frame []byte, c Class) *Refusal {
	dst, no := o.Begin(len(frame), c)
	if no == nil {
		o.Commit(append(dst, frame...))
	}
	return no
}

// Share queues a frame that other outboxes may hold too.
func (o *Outbox) Share(k *Block, c Class) (no *Refusal) {
	o.mu.Lock()
	if !o.fitsLocked(len(k.b), c) {
		no = o.giveWayLocked(len(k.b), c)
	}
	if no == nil {
		o.shareLocked(k)
	}
	w := o.wakeLocked()
	o.mu.Unlock()
	if w != 0 {
		o.wake(w)
	}
	return no
}

// Admits says why a frame of n bytes would be refused, or returns nil.
func (o *Outbox) Admits(n int, c Class) (no *Refusal) {
	o.mu.Lock()
	if !o.fitsLocked(n, c) {
		no = o.giveWayLocked(n, c)
	}
	w := o.wakeLocked()
	o.mu.Unlock()
	o.wake(w)
	return no
}

// fitsLocked reports whether n more bytes may wait without any frame giving way.
func (o *Outbox) fitsLocked(n int, c Class) bool {
	return !o.closed && o.bytes+o.keep.bytes+n <= o.limit && (c&Patient == 0 || o.bytes+n <= o.limit/2)
}

// giveWayLocked makes frames give way until n more bytes may wait, or returns a Refusal.
func (o *Outbox) giveWayLocked(n int, c Class) *Refusal {
	most := o.limit
	switch {
	case o.closed:
		return &closedRefusal
	case c&Patient != 0:
		if o.admitPatientLocked(n, c) {
			return nil
		}
		return o.refuseLocked(c)
	case c == Own:
		most += o.limit/4 + smallBlock
	case c == Beside:
		return o.refuseLocked(c)
	}
	if o.roomForLocked(n, most) || hasDroppable && o.makeRoomLocked(n) {
		return nil
	}
	return o.refuseLocked(c)
}

// roomForLocked reports whether n more bytes may wait if most bytes may wait in all. Kept frames make room.
func (o *Outbox) roomForLocked(n, most int) bool {
	if o.bytes > 0 && o.bytes+n > most {
		return false
	}
	o.shrinkLocked(o.limit - o.bytes - n)
	return true
}

func (o *Outbox) admitPatientLocked(n int, c Class) bool {
	switch {
	case o.bytes > 0 && o.bytes+n > o.limit/2:
		return false
	case c&Unread != 0 && o.link != nil: // else the client brings the ack as it comes back, if what it lacks is kept
		o.shrinkLocked(o.limit - o.bytes - n)
		return true
	case o.keep.bytes == 0 || o.bytes+o.keep.bytes+n <= o.limit:
		return true
	}
	o.askLocked()
	return false
}

func (o *Outbox) refuseLocked(c Class) *Refusal {
	no := &Refusal{Why: Full, Waiting: o.bytes, Kept: o.keep.bytes}
	switch {
	case o.mute:
		no.Why = Mute
	case o.link == nil:
		no.Why = Away
	}
	if c&Await != 0 {
		no.Room = o.roomLocked()
	}
	return no
}

// maxNoticeRoom bounds the part of an outbox that notices may fill, in bytes.
const maxNoticeRoom = 64 << 10

// NoticeRoom returns how many bytes notices may fill of an outbox with that bound: an eighth, and at most maxNoticeRoom.
func NoticeRoom(limit int) int { return min(limit/8, maxNoticeRoom) }

// ShareNotice queues a notice if little waits. Otherwise it reports false, and Next or Done will tell of room.
// A notice never ends a connection for want of room, and never pushes out frames that are kept for a client that is
// away.
func (o *Outbox) ShareNotice(k *Block) bool {
	n, kept := len(k.b), 0
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return true // the notice is dropped
	}
	if o.link == nil {
		kept = o.keep.bytes
	}
	if o.bytes > 0 && o.bytes+n > NoticeRoom(o.limit) || kept > 0 && o.bytes+kept+n > o.limit {
		o.noticed = true
		o.mu.Unlock()
		return false
	}
	o.shrinkLocked(o.limit - o.bytes - n)
	o.shareLocked(k)
	w := o.wakeLocked()
	o.mu.Unlock()
	o.wake(w)
	return true
}

// CountNotices notes how many bytes of notices wait for room elsewhere, for the budget.
func (o *Outbox) CountNotices(n int) {
	o.mu.Lock()
	o.notices = n
	o.countLocked()
	o.mu.Unlock()
}
