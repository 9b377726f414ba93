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

	// Written says that the frame was written, at least in part: the peer may have handled it. A
	// frame that was not written was not handled.
	Written bool
}

// OnUndelivered registers a function that runs when a connection has ended, and is given the commands and raw
// messages that were sent over it and that the peer has not acknowledged, in the order in which they were
// queued: written ones first. So a program can store messages that it could not deliver, and
// send them again over another connection. The function runs before the function of [Server.OnLeave], or before
// [StateDisconnected] is told. It does not run if all messages were delivered. It may keep the frames.
//
// A client that could not go on with a detached session, and has joined anew, is given the messages of that session
// before [StateConnected] is told, all of them with Written set.
//
// The frames are those that the queue held, at most QueueBytes. Frames that were written and then gave
// way to newer ones are missing, and so are frames that [Overflow] has dropped, calls, which fail
// by themselves, and answers. After an end in order no message is left, if CloseTimeout was long
// enough. A connection without a session has no acknowledgements: a frame that was written to it counts as
// delivered, unless the write itself has failed.
func (h *handlers) OnUndelivered(f func(c *Conn, frames []Undelivered)) {
	h.mustBeOpen()
	needFunc("OnUndelivered", f == nil)
	h.onUndelivered = f
}

// undelivered returns the commands and raw messages in runs of queued frames that were not delivered.
func (c *Conn) undelivered(runs []outbox.Run) (frames []Undelivered) {
	for _, r := range runs {
		for off, i := 0, 0; off < len(r.Frames); i++ {
			f, size, ok := c.legacy.sent(r.Frames[off:])
			if size == 0 {
				return frames // never: this end has made these frames
			}
			if ok && i >= r.Delivered {
				frames = append(frames, Undelivered{f, off < r.Written})
			}
			off += size
		}
	}
	return frames
}

// parseSent returns the first frame of b and its size in bytes. It reports false unless the frame is a command or a raw
// message.
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

// lastWords handles the last acks and the goodbye of a peer over a connection that has ended on this side. After its
// goodbye the peer has read no more frames. lastWords reports false if the caller is to drop the bytes that came.
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

// handBack gives the program the messages that could not be delivered.
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
