//go:build !js

package core

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
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
	lock.MustHoldNone()
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
		call := ctx.(*callContext)
		call.real() // which ends with cancel, where the context ended with its turn until now
		c.serving.add(id, call.cancel, false)
	}
}

// maxCallsInARow is the number of calls after which the reader looks whether others have to go first.
const maxCallsInARow = 64

// requests handles a call of a client, which has been read, and the calls that follow it without a gap,
// as [Conn.commands] handles commands. While the reader runs a handler nobody can give its call up, or
// make another one under its id: that would have to be read. So the call is in no table. If the reading
// is taken over, takeOver puts the call there. Each call is answered in the turn after its own, in which
// the next call is handled. It reports whether the reading is still the caller's.
func (c *Conn) requests(rd *reader, f wire.Frame) bool {
	h, id, payload := c.callHandler(rd, f.Body)
	tok := c.beginTurn(turn.Handling)
	if h == nil || c.eng.draining.Load() || c.turn.Drops() {
		if !c.comesTooLate(f) && !c.turn.Drops() {
			c.runFrame(f, nil)
		}
		if c.turn.End(tok) {
			return true
		}
		c.leaveReading(rd)
		return false
	}
	r, received := rd.r, c.sess.Received()
	stop, last := min(r+maxCommands, rd.w), received+maxCallsInARow
	ahead := (stop-r)/(len(f.Body)+frameHeader) + 1 // calls that are likely to follow, with the first
	var had *handler                                // of the call before, which is to be answered; nil for none
	var hadID uint64
	var hadContext *callContext
	var out []byte
	var err error
	for {
		var ctx *callContext
		var mine bool
		if h != nil {
			ctx = rd.newContext(c, tok.Next(), ahead)
			tok, mine = c.turn.NextCall(tok, r, received, id, ctx)
		} else {
			tok, mine = c.turn.Next(tok, r, received)
		}
		if !mine {
			if had == nil {
				c.runFrame(f, nil)
			} else if c.endServed(hadID) {
				c.blame(c.answerWith(hadID, had.name, out, err), had.name)
			}
			c.leaveReading(rd)
			return false
		}
		if had != nil {
			hadContext.turnEnded()
			c.blame(c.answerWith(hadID, had.name, out, err), had.name)
		}
		if h == nil {
			break
		}
		out, err = c.runCallHandler(h, ctx, payload)
		had, hadID, hadContext = h, id, ctx
		if h = nil; received < last {
			var size int
			if h, id, payload, size = c.nextCall(rd, r, stop); h != nil {
				r, received, ahead = r+size, received+1, ahead-1
			}
		}
	}
	if !c.turn.EndCalls(tok) {
		c.leaveReading(rd)
		return false
	}
	rd.r = r
	c.sess.SetReceived(received)
	return true
}

// frameHeader is how many bytes a frame has before its body, if it is as short as most are.
const frameHeader = 2

// endServed ends a call that takeOver has put into the table. It reports whether somebody still waits for
// the answer.
func (c *Conn) endServed(id uint64) bool {
	c.turn.AwaitCopy() // it is there by then
	return !c.serving.remove(id)
}

// nextCall returns the handler, the id and the payload of the call that begins at r in the reader's buffer, and the size
// of its frame. It returns no handler if r is not before stop, or something speaks against going on. Results by themselves
// stay in registers, where a struct of them would be written and copied.
func (c *Conn) nextCall(rd *reader, r, stop int) (h *handler, id uint64, payload []byte, size int) {
	if r >= stop || c.deaf(rd) || c.out.Pressed() || c.turn.Drops() || c.eng.draining.Load() || c.guard.Counts() {
		return nil, 0, nil, 0
	}
	f, size, ok, err := wire.Next(rd.buf[r:rd.w], c.eng.maxFrame)
	if !ok || err != nil || f.Kind != wire.KindRequest {
		return nil, 0, nil, 0
	}
	h, id, payload = c.callHandler(rd, f.Body)
	return h, id, payload, size
}

// callHandler returns the handler, the id and the payload of the call that a request makes, if nothing but the handler is
// to run. Mostly it is the handler of the call before.
func (c *Conn) callHandler(rd *reader, body []byte) (h *handler, id uint64, payload []byte) {
	id, name, payload, err := wire.ParseRequest(body)
	if err != nil || c.serving.forbids(id, c.eng.maxCalls) {
		return nil, 0, nil
	}
	if h = rd.lastCall; h != nil && h.name == string(name) && len(payload) <= h.maxPayload {
		return h, id, payload
	}
	h = c.eng.handlers.calls[string(name)] // does not allocate
	if h == nil || h.concurrent && c.beside.May() || len(payload) > h.maxPayload {
		return nil, 0, nil
	}
	rd.lastCall = h
	return h, id, payload
}

// runCallHandler runs the handler of a call, and turns a panic into an error.
func (c *Conn) runCallHandler(h *handler, ctx context.Context, payload []byte) (out []byte, err error) {
	returned := false
	defer func() {
		if !returned {
			err = c.crashed(Frame{KindCall, h.name, payload}, recover())
		}
	}()
	out, err = h.run(ctx, c, Frame{KindCall, h.name, payload})
	if err != nil {
		err = packed(c.eng.codec, err)
	}
	returned = true
	lock.MustHoldNone()
	if e, ok := err.(*Error); ok && e == nil { // a nil that has become an interface
		return out, nil
	}
	return out, err
}

// forbids reports whether a call with that id must not begin: there is one with that id, or there are as many
// as there may be. A most of 0 is no bound.
func (t *servingTable) forbids(id uint64, most int) bool {
	return t.len() > 0 && t.forbidsOne(id, most)
}

func (t *servingTable) forbidsOne(id uint64, most int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.findLocked(id) >= 0 || most > 0 && len(t.calls) >= most
}

// A callContext is the context of the handler of one call: it ends with the connection, or when
// the call is given up or answered, and never begins again: a handler may have kept it. Most handlers
// never wait on theirs. So it is registered with the connection's only when somebody asks for more
// than values: that costs as much as parsing and answering a call.
type callContext struct {
	conn *Conn
	own  atomic.Pointer[ownContext] // nil until somebody has asked for it, &noContext once cancel has ended it before that
	turn turn.Token                 // with which the context ends while own is nil; 0 if that is left to cancel
}

// An ownContext is the context of a call as package context makes one.
type ownContext struct {
	context.Context
	end context.CancelFunc
}

// noContext stands for the context of a call that has ended before anybody asked for it.
var noContext ownContext

func newCallContext(conn *Conn) (ctx context.Context, end context.CancelFunc) {
	c := &callContext{conn: conn}
	return c, c.cancel
}

// A reader makes at least fewContexts together, and at most manyContexts where as many calls have come. They are not
// used again.
const (
	fewContexts  = 8
	manyContexts = 20 // 480 B: from 512 B on, memory with pointers costs more
)

type contexts []callContext

// newContext returns a context for a call that the reader handles in a turn. ahead is how many are likely to be wanted.
func (rd *reader) newContext(conn *Conn, in turn.Token, ahead int) *callContext {
	if len(rd.contexts) == 0 {
		rd.contexts = make([]callContext, min(max(ahead, fewContexts), manyContexts))
	}
	c := &rd.contexts[0]
	rd.contexts = rd.contexts[1:]
	c.conn, c.turn = conn, in
	return c
}

// real returns the context as package context makes one.
func (c *callContext) real() context.Context {
	was := c.own.Load()
	if was != nil && was != &noContext {
		return was
	}
	conn := c.conn.Context()
	ended := was == &noContext || c.isPast()
	if ended { // and for no other reason
		conn = context.WithoutCancel(conn)
	}
	own := new(ownContext)
	if own.Context, own.end = context.WithCancel(conn); ended {
		own.end()
	}
	if !c.own.CompareAndSwap(was, own) {
		own.end()
		return c.real()
	}
	if c.isPast() { // meanwhile; else whoever ends the turn sees own
		own.end()
	}
	return own
}

// isPast reports whether the turn is over with which the context ends.
func (c *callContext) isPast() bool { return c.turn != 0 && !c.conn.turn.Lasts(c.turn) }

// turnEnded ends the context with its turn, which is over.
func (c *callContext) turnEnded() {
	if own := c.own.Load(); own != nil {
		own.end()
	}
}

// cancel ends the context, if its turn does not.
func (c *callContext) cancel() {
	if c.own.CompareAndSwap(nil, &noContext) {
		return
	}
	if own := c.own.Load(); own != &noContext {
		own.end()
	}
}

func (c *callContext) Deadline() (time.Time, bool) { return c.conn.Context().Deadline() }
func (c *callContext) Done() <-chan struct{}       { return c.real().Done() }
func (c *callContext) Err() error                  { return c.real().Err() }

// Value looks for other keys in the context that is real: package context asks it for
// keys of its own.
func (c *callContext) Value(key any) any {
	if key == (connKey{}) {
		return c.conn
	}
	return c.real().Value(key)
}
