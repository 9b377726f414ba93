package core

import (
	"github.com/hisock/hisock/core/internal/outbox"
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

// undelivered finds the commands and raw messages in what was queued for peer, and not delivered.
func undelivered(peer *legacyPeer, runs []outbox.Run) (frames []Undelivered) {
	for _, r := range runs {
		for off, i := 0, 0; off < len(r.Frames); i++ {
			f, size, ok := peer.sent(r.Frames[off:])
			if size == 0 {
				return frames // never: these are frames of our own
			}
			if ok && i >= r.Delivered {
				frames = append(frames, Undelivered{f, off < r.Written})
			}
			off += size
		}
	}
	return frames
}

// parseSent returns the first frame of b and its size. It reports false if a program has
// not sent it, or a call fails by itself.
func parseSent(b []byte) (f Frame, size int, ok bool) {
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

// lastWords reads what the peer still acknowledges over a connection that has ended on this side,
// and whether it has ended it by itself: then it has not read what came after. It reports false if
// what came is nothing to be read.
func (c *Conn) lastWords(rd *reader) bool {
	if c.eng.handlers.onUndelivered == nil && c.sess.Token() == nil || hasLegacy && !c.can.Control || rd.link.State() == session.Lost {
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
	var frames []Undelivered
	if c.eng.handlers.onUndelivered != nil {
		frames = undelivered(c.legacy, c.out.Orphans())
	}
	if hasLegacy {
		frames = append(frames, c.legacy.unsaid()...)
	}
	c.giveBack(frames)
}

func (c *Conn) giveBack(frames []Undelivered) {
	if len(frames) == 0 || c.eng.handlers.onUndelivered == nil {
		return
	}
	defer c.eng.recover(c, "undelivered handler")
	c.eng.handlers.onUndelivered(c, frames)
}
