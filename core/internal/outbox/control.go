package outbox

import "github.com/hisock/hisock/core/wire"

// maxControl bounds the bytes of the control frames that wait, without a goodbye: each has a number of up to 10
// bytes, and 2 more bytes.
const maxControl = 48

// A control holds the control frames that wait: at most one of each, the latest. They are never
// dropped and never pile up.
type control struct {
	welcome      []byte // written before everything else
	ping, pong   uint64 // nonces
	ack          uint64 // frames to acknowledge
	acked        uint64 // frames that the last written ack has acknowledged
	missed       uint64 // frames that the peer does not get, in all
	due          bool   // a control frame waits that must be written by itself if no data waits
	pingDue      bool
	pongDue      bool
	ackDue       bool
	missedDue    bool
	goodbye      *wire.Goodbye
	goodbyeAfter bool // the goodbye goes after the data that waits, not before
}

// appendTo appends the control frames that wait and empties their slots. A goodbye that goes after the data
// stays until last says that no data is left.
func (c *control) appendTo(dst []byte, last bool) []byte {
	if c.ackDue { // before the pong: a peer that has pinged for an ack expects the ack first
		dst = wire.AppendAck(dst, c.ack)
		c.acked, c.ackDue = c.ack, false
	}
	if c.pingDue {
		dst = wire.AppendPing(dst, c.ping)
		c.pingDue = false
	}
	if c.pongDue {
		dst = wire.AppendPong(dst, c.pong)
		c.pongDue = false
	}
	if c.missedDue {
		dst = wire.AppendMissed(dst, c.missed)
		c.missedDue = false
	}
	if c.goodbye != nil && (last || !c.goodbyeAfter) {
		dst = wire.AppendGoodbye(dst, *c.goodbye)
		c.goodbye = nil
	}
	c.due = c.goodbye != nil
	return dst
}

// answersLocked reports whether control frames can be sent to the peer now.
func (o *Outbox) answersLocked() bool { return !o.foreign && !o.closed && o.link != nil }

// askNonce is the nonce of a ping whose answer comes after an ack.
const askNonce = 1 << 63

// Ping asks the peer whether it is still there.
func (o *Outbox) Ping(nonce uint64) {
	o.mu.Lock()
	if !o.answersLocked() {
		o.mu.Unlock()
		return
	}
	ctl := &o.control
	if !ctl.pingDue || ctl.ping != askNonce { // a ping that asks for an ack stays, since somebody waits for it
		ctl.ping, ctl.pingDue = nonce, true
	}
	ctl.due = true
	w := o.wakeLocked()
	o.mu.Unlock()
	o.wake(w)
}

// PingAlong queues a ping that is written together with the next frames, unless a ping is on its way.
func (o *Outbox) PingAlong() {
	o.mu.Lock()
	if ctl := &o.control; o.answersLocked() && !ctl.pingDue && o.trip.at == 0 {
		ctl.ping, ctl.pingDue = 0, true // and not due
	}
	o.mu.Unlock()
}

// Pong answers a ping.
func (o *Outbox) Pong(nonce uint64) {
	o.mu.Lock()
	if !o.answersLocked() {
		o.mu.Unlock()
		return
	}
	o.control.pong, o.control.pongDue, o.control.due = nonce, true, true
	w := o.wakeLocked()
	o.mu.Unlock()
	o.wake(w)
}

// Answered notes that the peer has answered a ping. If the ping has asked for an ack, and no ack has come before the
// answer, the peer sends no acks: then frames are not kept any more, so that nobody waits for one. Otherwise senders
// that wait try again, and may ask once more.
func (o *Outbox) Answered(nonce uint64) {
	o.mu.Lock()
	o.trip.answered(nonce)
	if nonce == askNonce && o.keep.asking {
		o.keep.asking = false
		if o.keep.on && o.keep.acked == o.keep.asked && o.room != nil {
			o.stopKeepingLocked()
		}
		o.openLocked()
	}
	var w wake
	if o.feed != nil && o.pendingLocked() {
		w = o.wakeLocked()
	}
	o.mu.Unlock()
	o.wake(w)
}

// Ack queues an ack of received frames. It is written together with the next frames or, if now is set, by itself.
// The caller must flush.
func (o *Outbox) Ack(received uint64, now bool) {
	o.mu.Lock()
	o.ackLocked(received, now)
	o.mu.Unlock()
}

// AckIdle queues an ack of received frames that is written by itself, unless such an ack has been written.
func (o *Outbox) AckIdle(received uint64) {
	o.mu.Lock()
	o.ackLocked(received, true)
	w := o.wakeLocked()
	o.mu.Unlock()
	o.wake(w)
}

func (o *Outbox) ackLocked(received uint64, now bool) {
	if ctl := &o.control; o.answersLocked() && received > ctl.acked {
		ctl.ack, ctl.ackDue, ctl.due = received, true, ctl.due || now
	}
}

// Miss counts n frames that the peer will never get. The peer is told the sum.
func (o *Outbox) Miss(n int) {
	o.of.Dropped.Add(uint64(n))
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return
	}
	o.missLocked(n)
	w := o.wakeLocked()
	o.mu.Unlock()
	o.wake(w)
}

func (o *Outbox) missLocked(n int) {
	o.control.missed += uint64(n)
	if !o.foreign {
		o.control.missedDue, o.control.due = true, true
	}
}

// Welcome queues a welcome, to be written before everything else.
func (o *Outbox) Welcome(frame []byte) {
	o.mu.Lock()
	o.control.welcome, o.control.due = frame, true
	o.mu.Unlock()
}
