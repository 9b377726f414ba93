package core

import (
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// An Undelivered is a command or raw message that a send has accepted, and that the peer has not
// acknowledged by the end of the connection.
type Undelivered struct {
	Frame

	// Written says that the frame was written, at least in part, so that the peer may have handled it. A
	// frame that was not written was not handled.
	Written bool
}

// OnUndelivered registers a function that is told, when a connection has ended, which commands and raw
// messages were sent over it and are not acknowledged by the peer, in the order in which they were
// queued: written ones first. So a program can store messages that it could not deliver, and
// send them again over another connection. A client that was to go on with a detached session and
// had to join anew is told what the session held, before [StateConnected], as if all of it had been
// written. The function runs before [Server.OnLeave], or before [StateDisconnected] is told, and not
// if nothing is left. It may keep the frames.
//
// There are no more of them than the queue held, QueueBytes: frames that were written and then gave
// way to newer ones are missing, and so are frames that [Overflow] has dropped, calls, which fail
// by themselves, and answers. Nothing is left after an end in order for which there was time
// enough. A connection without a session has no acknowledgements: a frame that was written to it counts as
// delivered, unless the write itself has failed.
func (h *handlers) OnUndelivered(f func(c *Conn, frames []Undelivered)) {
	h.mustBeOpen()
	needFunc("OnUndelivered", f == nil)
	h.onUndelivered = f
}

// undelivered finds the commands and raw messages in what was queued for the peer, and not delivered.
func (c *Conn) undelivered(runs []outbox.Run) (frames []Undelivered) {
	for _, r := range runs {
		for off, i := 0, 0; off < len(r.Frames); i++ {
			f, size, ok := c.legacy.sent(r.Frames[off:])
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

// parseSent returns the first frame of b and its size. It reports false if no program
// has sent it, or if it is of a call, which fails by itself.
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

// lastWords reads the last acks of a peer over a connection that has ended on this side, and whether the
// peer has said goodbye too: then it has not read the frames that came after. It reports false if nothing
// that came is to be read.
func (c *Conn) lastWords(rd *reader) bool {
	if c.eng.handlers.onUndelivered == nil && c.sess.Token() == nil || rd.link.State() == session.Lost {
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

// handBack gives the program the frames that could not be delivered.
func (c *Conn) handBack() {
	var frames []Undelivered
	if c.eng.handlers.onUndelivered != nil {
		frames = c.undelivered(c.out.Orphans())
	}
	frames = append(frames, c.legacy.unsaid()...)
	c.giveBack(frames)
}

func (c *Conn) giveBack(frames []Undelivered) {
	if len(frames) == 0 || c.eng.handlers.onUndelivered == nil {
		return
	}
	defer c.eng.recover(c, "undelivered handler")
	c.eng.handlers.onUndelivered(c, frames)
}
