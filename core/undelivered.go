package core

import (
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// An Undelivered is a command or raw message that a send has accepted, and that the peer has not
// acknowledged when its connection has ended.
type Undelivered struct {
	Frame

	// Written says that the frame was written, so that the peer may have handled it. One that was
	// not written was not handled.
	Written bool
}

// OnUndelivered registers what is told, when a connection has ended, what of all that was sent over
// it the peer has not acknowledged: commands and raw messages in the order in which they were
// queued, those that were written first. It is how a program stores what it could not deliver, and
// sends it again over another connection. A client that was to go on with a detached session and
// had to join anew is told of what that held, before [StateConnected], as if all had been written.
// It runs before [Server.OnLeave], or before [StateDisconnected] is told, and not if nothing is
// left. The frames are the handler's to keep.
//
// There are no more of them than the queue held, QueueBytes: frames that were written and then gave
// way to newer ones are missing, and so are frames that [Overflow] has dropped, calls, which fail
// by themselves, and answers. Nothing is left after an end in order for which there was time
// enough. A connection without a session has no acknowledgements: what was written to it counts as
// delivered, unless the write itself has failed.
func (h *handlers) OnUndelivered(f func(c *Conn, frames []Undelivered)) {
	h.mustBeOpen()
	needFunc("OnUndelivered", f == nil)
	h.onUndelivered = f
}

// orphans are the frames of a queue that nobody may have received. Without a handler for them there
// are none.
type orphans struct {
	peer   *classicPeer
	known  bool // what they are, or that there are none
	frames []Undelivered
}

// newOrphans returns nil if nobody wants to know.
func newOrphans(h *handlers) *orphans {
	if h.onUndelivered == nil {
		return nil
	}
	return &orphans{}
}

// speak notes which protocol the peer speaks; nil is the native one.
func (c *Conn) speak(peer *classicPeer) {
	if peer == nil {
		return
	}
	c.classic, c.can, c.detour = peer, caps{}, true
	if c.out.orphans != nil {
		c.out.orphans.peer = peer
	}
}

// collectLocked notes what the peer is not known to have, before it is let go of.
func (q *queue) collectLocked() {
	o := q.orphans
	if o == nil || o.known {
		return
	}
	o.known = true
	q.unreceivedLocked(o.peer, func(f Frame, written bool) {
		f.Payload = append([]byte(nil), f.Payload...)
		o.frames = append(o.frames, Undelivered{f, written})
	})
}

// unreceivedLocked finds the commands and raw messages that the peer is not known to have, and whether each was
// written at least in part.
func (q *queue) unreceivedLocked(peer *classicPeer, found func(f Frame, written bool)) {
	at, delivered := q.base, q.written
	if q.keep.on {
		delivered = q.keep.acked
	}
	for i := q.head; i < len(q.log); i++ {
		k := q.log[i]
		if k == nil {
			continue
		}
		for off := 0; off < len(k.b); at++ {
			f, size, ok := parseSent(peer, k.b[off:])
			if size == 0 {
				return // never: these are frames of our own
			}
			if ok && at >= delivered {
				found(f, i < q.next || i == q.next && off < q.off)
			}
			off += size
		}
	}
}

// parseSent returns the first frame of b, which was queued for peer, and its size. It reports false if a program has
// not sent it, or a call fails by itself.
func parseSent(peer *classicPeer, b []byte) (f Frame, size int, ok bool) {
	if hasClassic && peer != nil {
		return peer.sent(b)
	}
	in, size, ok, err := wire.Next(b, maxPeerFrame)
	if err != nil || !ok {
		return Frame{}, 0, false
	}
	switch in.Kind {
	case wire.KindCommand:
		name, payload, err := wire.ParseCommand(in.Body)
		return Frame{Kind: KindCommand, Command: string(name), Payload: payload}, size, err == nil
	case wire.KindRaw:
		return Frame{Kind: KindRaw, Payload: in.Body}, size, true
	case wire.KindGroupCommand, wire.KindGroupRaw:
		f, err := groupFrame(in)
		return f, size, err == nil
	}
	return Frame{}, size, false
}

// keepFailedLocked keeps what a write that has failed was to write, although nothing is kept for a
// resume.
func (q *queue) keepFailedLocked() {
	if q.orphans != nil && !q.orphans.known && !q.keep.on {
		q.keep.on, q.keep.acked = true, q.written
	}
}

// settle notes that nothing is left that nobody takes care of.
func (q *queue) settle() {
	q.mu.Lock()
	if q.orphans != nil {
		q.orphans.known = true
	}
	q.mu.Unlock()
}

// settleRead does so for a peer that has read everything. It reports false if not everything was written.
func (q *queue) settleRead() bool {
	q.mu.Lock()
	settled := !q.broken && q.bytes <= 0
	if settled && q.orphans != nil {
		q.orphans.known = true
	}
	q.mu.Unlock()
	return settled
}

// lastWords reads what the peer still acknowledges over a connection that has ended on this side,
// and whether it has ended it by itself: then it has not read what came after. It reports false if
// what came is nothing to be read.
func (c *Conn) lastWords(rd *reader) bool {
	if c.out.orphans == nil && c.sess.Token() == nil || hasClassic && !c.can.Acks || rd.link.State() == session.Lost {
		return false
	}
	for rd.r < rd.w {
		f, size, ok, err := wire.Next(rd.buf[rd.r:rd.w], c.eng.maxFrame)
		if err != nil {
			return false
		}
		if !ok {
			rd.need = size
			return true
		}
		rd.r += size
		switch f.Kind {
		case wire.KindAck:
			if c.gotAck(f.Body) != nil {
				return false
			}
		case wire.KindGoodbye:
			rd.link.SawGoodbye()
		}
	}
	rd.need = 0
	return true
}

// handBack gives the program what could not be delivered.
func (c *Conn) handBack() {
	o := c.out.orphans
	if hasClassic && c.classic != nil {
		if unsaid := c.classic.unsaid(c.eng.budget); o != nil {
			o.frames = append(o.frames, unsaid...)
		}
	}
	if o == nil || len(o.frames) == 0 {
		return
	}
	frames := o.frames
	o.frames = nil
	defer c.eng.recover(c, "undelivered handler")
	c.eng.handlers.onUndelivered(c, frames)
}
