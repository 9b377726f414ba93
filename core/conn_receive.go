package core

import (
	"strconv"

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
			c.out.Answered(nonce)
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
	case wire.KindStreamItem: // for a stream that nobody has opened, so that nobody misses it
		_, _, err = wire.ParseStreamItem(f.Body)
	case wire.KindStreamEnd:
		_, _, err = wire.ParseStreamEnd(f.Body)
	case wire.KindStreamCredit:
		_, _, err = wire.ParseStreamCredit(f.Body)
	default:
		if f.Kind < 0x80 { // Next lets no such kind through
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
// earlier one. It reports whether the reading is still the caller's.
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
	if f.Kind == wire.KindRequest && !c.server { // see park
		id, _, _, _ := wire.ParseRequest(f.Body)
		c.atClient.begun.Store(id)
	}
	tok := c.beginTurn(turn.Handling)
	if !c.comesTooLate(f) && !c.turn.Drops() { // then the frames before it were dropped, too
		c.runFrame(f, nil)
	}
	if c.turn.End(tok) {
		return true
	}
	c.leaveReading(rd)
	return false
}

// comesTooLate takes a frame that comes while the server shuts down, and reports whether it did.
// The reader asks in its turn. So no handler will begin if, after draining was set, somebody sees neither that
// turn nor a frame in the inbox.
func (c *Conn) comesTooLate(f wire.Frame) bool {
	if !c.eng.draining.Load() {
		return false
	}
	if f.Kind.Answered() {
		c.turnDown(f, errShuttingDown)
	}
	return true
}

// turnedDown answers a call of a peer that has as many unanswered as it may, and reports
// whether it did, or took a frame that comes too late. Otherwise the frame is handled as any other.
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
	id, _, _, err := wire.ParseRequest(f.Body) // an ask begins as a request does
	if err != nil {
		c.endWith(wireError(err))
		return
	}
	c.fail(id, why)
}

var errTooManyCalls = NewError(CodeTooManyCalls, "too many calls are not answered yet")

// callsOpen is how many calls of the peer run or wait for their turn.
func (c *Conn) callsOpen() int { return c.serving.len() + c.turn.Calls() }
