package core

import (
	"context"
	"math"
	"strconv"
	"time"

	"github.com/hisock/hisock/core/internal/guard"
	"github.com/hisock/hisock/core/internal/turn"
	"github.com/hisock/hisock/core/wire"
)

// receive handles one frame. It reports whether the reading is still the caller's.
func (c *Conn) receive(rd *reader, f wire.Frame) bool {
	if f.Kind.Counted() {
		c.sess.Count()
	}
	var err error
	switch f.Kind {
	case wire.KindCommand:
		if !c.recv.awaited() || !c.gotAwaited(f.Body) {
			return c.dispatch(rd, f)
		}
	case wire.KindRequest:
		return c.dispatch(rd, f)
	case wire.KindAskJoin, wire.KindAskLeave, wire.KindAskRename:
		if c.server {
			return c.dispatch(rd, f)
		}
		err = NewError(CodeProtocol, "an "+f.Kind.String()+" frame from a server")
	case wire.KindJoinGroup, wire.KindLeaveGroup, wire.KindRename:
		if !c.server {
			return c.gotStatement(rd, f)
		}
		err = NewError(CodeProtocol, "a "+f.Kind.String()+" frame from a client")
	case wire.KindGroupCommand, wire.KindGroupRaw, wire.KindGroupPassed, wire.KindReplay, wire.KindReplayEnd:
		if !c.server {
			return c.gotGroup(rd, f)
		}
		err = NewError(CodeProtocol, "a "+f.Kind.String()+" frame from a client")
	case wire.KindRaw:
		if !c.gotRaw(rd, f.Body) {
			return c.dispatch(rd, f)
		}
	case wire.KindJoined, wire.KindLeft, wire.KindRenamed:
		if !c.server {
			return c.dispatch(rd, f)
		}
		err = NewError(CodeProtocol, "a "+f.Kind.String()+" frame from a client")
	case wire.KindReply:
		err = c.gotReply(f.Body)
	case wire.KindFailure:
		err = c.gotFailure(f.Body)
	case wire.KindCancel:
		err = c.gotCancel(f.Body)
	case wire.KindPing:
		err = c.gotPing(f.Body)
	case wire.KindPong:
		var nonce uint64
		if nonce, err = wire.ParseNonce(f.Body); err == nil {
			c.gotPong(nonce)
		}
	case wire.KindAck:
		err = c.gotAck(f.Body)
	case wire.KindMissed:
		err = c.gotMissed(rd, f.Body)
	case wire.KindGoodbye:
		var bye wire.Goodbye
		if bye, err = wire.ParseGoodbye(f.Body); err == nil {
			c.endRemote(fromPeer(bye, c.eng.codec))
			rd.r = rd.w
		}
	case wire.KindHello, wire.KindWelcome, wire.KindRefuse:
		err = NewError(CodeProtocol, "a "+f.Kind.String()+" frame after the handshake")
	case wire.KindStandstill:
		err = c.gotStandstill(f.Body)
	case wire.KindStream, wire.KindStreamItem, wire.KindStreamPart, wire.KindStreamEnd, wire.KindStreamCredit:
		err = c.gotOfStream(rd, f)
	default:
		if f.Kind < 0x80 { // never: wire.Next returns no unknown kind below 0x80
			err = NewError(CodeProtocol, "frame of kind "+strconv.Itoa(int(f.Kind)))
		}
	}
	if err != nil {
		c.endWith(wireError(err))
		rd.r = rd.w
	}
	return true
}

// dispatch runs a frame's handler here, or leaves the frame to the goroutine that is still busy with an
// earlier frame. It reports whether the reading is still the caller's.
func (c *Conn) dispatch(rd *reader, f wire.Frame) bool {
	if c.turnedDown(f) {
		return true
	}
	if hasCrowd && f.Kind == wire.KindGroupCommand && c.turn.Handed() {
		f = c.groupBeside(f)
	}
	if c.turn.Handed() && (hasCrowd && c.tooBig(f) || f.Kind != wire.KindGroupCommand && c.startBeside(f) || c.push(rd, f)) {
		return true
	}
	if hasCommands && f.Kind == wire.KindCommand {
		return c.commands(rd, f)
	}
	if hasCommands && f.Kind == wire.KindRequest && c.server {
		return c.requests(rd, f)
	}
	if f.Kind == wire.KindRequest && !c.server { // for park
		id, _, _, _ := wire.ParseRequest(f.Body)
		c.atClient.begun.Store(id)
	}
	tok := c.beginTurn(turn.Handling)
	if !c.comesTooLate(f) && !c.turn.Drops() { // if the turn drops, the frames before this one were dropped too
		c.runFrame(f, nil)
	}
	if c.turn.End(tok) {
		return true
	}
	c.leaveReading(rd)
	return false
}

// comesTooLate reports whether the server shuts down, so that the frame is not handled. It answers a call.
// The reader asks in its turn. So once draining is set, a goroutine that sees neither a turn nor a frame in the inbox
// knows that no handler will begin.
func (c *Conn) comesTooLate(f wire.Frame) bool {
	if !c.eng.draining.Load() {
		return false
	}
	if f.Kind.Answered() {
		c.turnDown(f, errShuttingDown)
	}
	return true
}

// turnedDown reports whether a frame is not handled: it comes too late, or it is a call beyond Limits.MaxCalls, which is
// answered with an error.
func (c *Conn) turnedDown(f wire.Frame) bool {
	if c.comesTooLate(f) {
		return true
	}
	if !f.Kind.Answered() || c.eng.maxCalls == 0 || c.callsOpen() < c.eng.maxCalls {
		return false
	}
	c.turnDown(f, errTooManyCalls)
	return true
}

// turnDown answers a call that is not handled.
func (c *Conn) turnDown(f wire.Frame, why *Error) {
	id, _, _, err := wire.ParseRequest(f.Body) // a request for a change begins like a call
	if err != nil {
		c.endWith(wireError(err))
		return
	}
	c.fail(id, why)
}

var errTooManyCalls = NewError(CodeTooManyCalls, "too many calls are not answered yet")

// callsOpen returns how many calls of the peer run or wait for their turn.
func (c *Conn) callsOpen() int { return c.serving.len() + c.turn.Calls() }

// tooBig returns the error for a payload of n bytes that is too long for the handler; see [MaxPayload].
func (h *handler) tooBig(n int) *Error {
	return NewError(CodeTooBig, "payload "+strconv.Itoa(n)+" B exceeds the handler's limit "+strconv.Itoa(h.maxPayload)+" B")
}

// longest returns the length of the longest payload, in bytes, that one of two handlers takes, of which each may be nil.
// Without a handler there is no limit: the missing handler is reported.
func longest(own, message *handler) int {
	most := -1
	if own != nil {
		most = own.maxPayload
	}
	if message != nil {
		most = max(most, message.maxPayload)
	}
	if most < 0 {
		return math.MaxInt
	}
	return most
}

// tooBig reports whether a frame's payload is too long for every handler. Then it reports the error of the frame at
// once, so that no copy of the payload waits for its turn.
func (c *Conn) tooBig(f wire.Frame) bool {
	hs := c.eng.handlers
	if !hs.bounded {
		return false
	}
	own, message, payload := hs.takers(f)
	if len(payload) <= longest(own, message) {
		return false
	}
	c.runFrame(f, nil) // runs no handler, and reports why
	return true
}

// RecvRaw waits for the next raw message and returns it; the caller owns it. It fails with the error of ctx if ctx ends
// first, and with the reason for which the connection ended. Handlers still run meanwhile, and a handler may call
// RecvRaw, for a message that is sent after the frame that it handles.
//
// Messages that come while nobody waits go to the message handler, if there is one. Otherwise up to 256 KiB of them are
// kept, and RecvRaw returns them first. When 256 KiB are kept, the connection is not read until RecvRaw is called. If
// RecvRaw has never been called, further messages are dropped instead, and reported to the error hook.
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

// gotRaw gives a raw message to a caller of RecvRaw as soon as it is read, and not in its turn: the caller may be a
// handler that has the turn until it returns. It reports false if nobody waits and there
// is a message handler, which runs in its turn.
//
// Without a message handler, a message that does not fit stops the reading until there is room. If RecvRaw has never
// been called on the connection, the message is dropped and reported instead.
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

// awaitRaw waits until there is room for raw messages. It has no turn that could be handed over: nobody reads on
// meanwhile.
func (c *Conn) awaitRaw(rd *reader, room <-chan struct{}) {
	c.progress.awaitsRoom.Store(true)
	c.progress.awaitsReceiver.Store(true)
	defer c.progress.awaitsRoom.Store(false)
	defer c.progress.awaitsReceiver.Store(false)
	c.stall()
	c.giveUpMute()
	c.out.Nudge() // as in push
	c.endBatch()
	select {
	case <-room:
	case <-c.Context().Done():
	case <-rd.link.WhenLost():
	}
}

// What a connection shows its guard, and how it ends if the client exceeds a limit. Only a
// server's connections have a guard, and only if an option sets such a limit.

// admits shows a frame to the guard. It reports false if that has ended the connection.
func (c *Conn) admits(k wire.Kind) bool {
	asks := k == wire.KindCommand || k == wire.KindRequest || k == wire.KindRaw || k == kindLegacy
	return !c.isTooFast(c.guard.Frame(asks))
}

func (c *Conn) isTooFast(e *guard.Excess) bool {
	if e == nil {
		return false
	}
	c.endWith(&Error{Code: CodeRateLimit, Message: "more than " + e.Limit + " a second", RetryAfter: max(e.Wait, time.Second)})
	return true
}

// stall tells the guard that reading had to wait for handlers.
func (c *Conn) stall() {
	if hasCrowd && c.guard != nil {
		c.guard.Stall()
	}
}

// checkGuard ends the connection if its client has been idle, or has not finished a frame, for too long. The sweeper
// calls it.
func (c *Conn) checkGuard(now time.Duration) {
	idle, late := c.guard.Sweep(guard.Look{Now: now, Quiet: c.isQuiet(), Waiting: c.progress.awaitsPeer.Load(), Reads: c.progress.reads.Load()})
	switch {
	case idle > 0:
		c.endWith(NewError(CodeIdle, "no command, call or raw message for "+seconds(idle)))
	case late > 0:
		c.endWith(NewError(CodeDeadlineExceeded, "a frame that began "+seconds(late)+" ago is not complete"))
	}
}
