package core

import (
	"context"
)

// RecvRaw waits for the next raw message and returns it; the caller owns it. Messages that
// came while nobody waited are returned first, up to 256 KiB of them; the message
// handler, if there is one, gets them instead. When as many wait and RecvRaw has been
// called before, the connection is not read until it is called again.
// Commands that arrive meanwhile are still dispatched. A handler may wait here too, for a
// message that is sent after the command that it handles.
func (c *Conn) RecvRaw(ctx context.Context) ([]byte, error) {
	payload, next := c.turn.GetRaw()
	if next == nil {
		return payload, nil
	}
	ctx = given(ctx)
	if c.beginAsking(ctx) {
		defer c.endAsking()
	}
	select {
	case payload = <-next:
		return payload, nil
	case <-ctx.Done():
		if payload, ok := c.turn.LeaveRaw(next); ok {
			return payload, nil
		}
		return nil, c.waitError(ctx)
	case <-c.Context().Done():
		if payload, ok := c.turn.LeaveRaw(next); ok {
			return payload, nil
		}
		return nil, c.closedError()
	}
}

// gotRaw hands a raw message to whoever waits for one, as soon as it is read: the receiver may be a handler,
// before whose return nothing is run that came after its frame. It reports false if nobody waits and there
// is a message handler, whose turn comes after the commands before.
//
// Without a message handler, a message that does not fit stops the reading until there is room. If nobody
// has ever received raw messages here it is dropped and reported instead.
func (c *Conn) gotRaw(rd *reader, payload []byte) bool {
	keep := c.eng.handlers.message == nil
	for {
		room, ok := c.turn.PutRaw(payload, keep)
		switch {
		case ok:
			return true
		case !keep:
			return false
		case room == nil:
			why := NewError(CodeTooBig, "raw message dropped: nobody receives raw messages and too many wait")
			c.eng.log.warn(c, "a raw message is dropped", why)
			if c.eng.handlers.onError != nil {
				c.tellRead(rd, func() { c.eng.reportError(c, why) })
			}
			return true
		}
		c.awaitRaw(rd, room)
		if c.deaf(rd) {
			c.unreceive(rd)
			return true
		}
	}
}

// awaitRaw waits until there is room for raw messages, as a turn that may be handed over only
// in name: the reading must not go on.
func (c *Conn) awaitRaw(rd *reader, room <-chan struct{}) {
	c.progress.awaitsRoom.Store(true)
	c.progress.awaitsReceiver.Store(true)
	defer c.progress.awaitsRoom.Store(false)
	defer c.progress.awaitsReceiver.Store(false)
	c.stall()
	c.out.Nudge() // as in push
	c.endBatch()
	select {
	case <-room:
	case <-c.Context().Done():
	case <-rd.link.WhenLost():
	}
}
