//go:build !js

package core

import (
	"github.com/hisock/hisock/core/internal/turn"
	"github.com/hisock/hisock/core/wire"
)

// commands handles a command, which has been read, and the commands that follow it without a gap. Each has
// a turn of its own, but the end of one turn is the beginning of the next, so that a command costs one
// atomic operation here. It reports whether the reading is still the caller's.
func (c *Conn) commands(rd *reader, f wire.Frame) bool {
	name, payload, err := wire.ParseCommand(f.Body)
	h := c.commandHandler(rd, name, len(payload))
	r, received := rd.r, c.sess.Received()
	stop := min(r+maxCommands, rd.w)
	tok := c.beginTurn(turn.Handling)
	if err != nil || h == nil {
		if !c.comesTooLate(f) && !c.turn.Drops() {
			c.runFrame(f, nil)
		}
	} else if !c.comesTooLate(f) {
		for !c.turn.Drops() { // else the commands before it were dropped, too
			c.runCommandHandler(h, payload)

			var size int
			if h, payload, size = c.nextCommand(rd, r, stop); h == nil {
				break
			}
			r, received = r+size, received+1
			var mine bool
			if tok, mine = c.turn.Next(tok, r, received); !mine {
				c.leaveReading(rd)
				return false
			}
		}
	}
	if !c.turn.End(tok) {
		c.leaveReading(rd)
		return false
	}
	rd.r = r
	c.sess.SetReceived(received)
	return true
}

// nextCommand returns the handler and the payload of the command that begins at r in the reader's buffer,
// and the size of its frame. It returns none if r is not before stop, or something speaks against going on.
func (c *Conn) nextCommand(rd *reader, r, stop int) (h *handler, payload []byte, size int) {
	if r >= stop || c.deaf(rd) || c.out.Pressed() || c.recv.awaited() || c.eng.draining.Load() || c.guard.Counts() {
		return nil, nil, 0
	}
	f, size, ok, err := wire.Next(rd.buf[r:rd.w], c.eng.maxFrame)
	if !ok || err != nil || f.Kind != wire.KindCommand {
		return nil, nil, 0
	}
	name, payload, err := wire.ParseCommand(f.Body)
	if err != nil {
		return nil, nil, 0
	}
	return c.commandHandler(rd, name, len(payload)), payload, size
}

// commandHandler returns the handler of a command with n bytes of payload, if nothing else is to run. Mostly it
// is the handler of the command before.
func (c *Conn) commandHandler(rd *reader, name []byte, n int) *handler {
	if h := rd.last; h != nil && h.name == string(name) && n <= h.maxPayload {
		return h
	}
	hs := c.eng.handlers
	h := hs.commands[string(name)] // does not allocate
	if h == nil || hs.message != nil || h.concurrent && c.beside.May() || n > h.maxPayload {
		return nil
	}
	rd.last = h
	return h
}

// runCommandHandler is runHandler for a command. Its arguments fit the processor's registers, unlike a frame
// with its handler and context: that is worth a few nanoseconds a command.
func (c *Conn) runCommandHandler(h *handler, payload []byte) {
	returned := false
	defer func() {
		if !returned {
			f := Frame{KindCommand, h.name, payload}
			c.report(f, c.crashed(f, recover()))
		}
	}()
	_, err := h.run(c.Context(), c, Frame{KindCommand, h.name, payload})
	returned = true
	if e, ok := err.(*Error); err != nil && (!ok || e != nil) { // not a nil that has become an interface
		c.report(Frame{KindCommand, h.name, payload}, err)
	}
}

// takeOver notes how far the reader had come when the turn began that was taken from it, and the call that is
// being handled, if there is one.
func (c *Conn) takeOver(tok turn.Token) {
	if r, received, ok := c.turn.Position(tok); ok {
		c.rd.r = r
		c.sess.SetReceived(received)
	}
	if id, ctx, ok := c.turn.Call(tok); ok {
		c.serving.add(id, ctx.(*callContext).cancel, false)
	}
}
