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

// commands handles the command f, which has been read, and the commands that follow it in the buffer. Each command has
// a turn of its own. The end of one turn is the beginning of the next, so that a command costs one atomic operation
// here. commands reports whether the reading is still the caller's.
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
		for !c.turn.Drops() { // if the turn drops, earlier commands were dropped too
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

// nextCommand returns the handler and the payload of the command that begins at r in the reader's buffer, and the size
// of its frame. The handler is nil if r is not before stop, if no whole command follows, or if anything but the handler
// is due: a flush, a receiver, an answer that the server shuts down, or a check of the client's rate.
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

// commandHandler returns the handler of a command with n bytes of payload. It returns nil if there is no such handler,
// if the message handler must run too, if the handler runs beside others, or if the payload is too big. Most commands
// have the handler of the command before, which is compared first.
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

// runCommandHandler is runHandler for a command. All its arguments fit into the processor's registers, which saves a few
// nanoseconds for each command: runHandler's frame and context do not.
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

// takeOver notes the position that the reader had when turn tok began, which has been taken over. If a call is handled
// in that turn, takeOver puts the call into the table.
func (c *Conn) takeOver(tok turn.Token) {
	if r, received, ok := c.turn.Position(tok); ok {
		c.rd.r = r
		c.sess.SetReceived(received)
	}
	if id, ctx, ok := c.turn.Call(tok); ok {
		call := ctx.(*callContext)
		call.real() // from now on the context ends with cancel, and no longer with its turn
		c.serving.add(id, call.cancel, false)
	}
}

// maxCallsInARow is the number of calls after which requests returns, so that the reader can let others go first.
const maxCallsInARow = 64

// requests handles the call f of a client, which has been read, and the calls that follow it in the buffer, as
// [Conn.commands] handles commands. While the reader runs a handler, the client can neither give up the call nor make
// another call with its id, since nobody reads the client's frames. So the call need not be in the table. If the reading
// is taken over, takeOver puts the call into the table. Each call is answered in the turn after its own, in which the
// next call is handled. requests reports whether the reading is still the caller's.
func (c *Conn) requests(rd *reader, f wire.Frame) bool {
	h, id, payload := c.callHandler(rd, f.Body)
	r, received := rd.r, c.sess.Received() // another goroutine may own them once the turn has begun
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
	stop, last := min(r+maxCommands, rd.w), received+maxCallsInARow
	ahead := (stop-r)/(len(f.Body)+frameHeader) + 1 // an estimate of the calls in the buffer, with the first
	var had *handler                                // handler of the call before, which is not answered yet; nil if there is none
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

// frameHeader is the size in bytes of the header of a short frame.
const frameHeader = 2

// endServed ends a call that takeOver has put into the table. It reports whether the peer still waits for the answer.
func (c *Conn) endServed(id uint64) bool {
	c.turn.AwaitCopy() // then takeOver has put the call into the table
	return !c.serving.remove(id)
}

// nextCall returns the handler, the id and the payload of the call that begins at r in the reader's buffer, and the size
// of its frame. The handler is nil if r is not before stop, if no whole call follows, or if anything but the handler is
// due, as in nextCommand. The results are not a struct, since separate results stay in registers.
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

// callHandler returns the handler, the id and the payload of the call that a request makes. The handler is nil if anything
// but the handler must run. Most calls have the handler of the call before, which is compared first.
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

// forbids reports whether a call with that id must not begin: the table has a call with the id, or has most calls
// already. If most is 0, the number of calls is not bounded.
func (t *servingTable) forbids(id uint64, most int) bool {
	return t.len() > 0 && t.forbidsOne(id, most)
}

func (t *servingTable) forbidsOne(id uint64, most int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.findLocked(id) >= 0 || most > 0 && len(t.calls) >= most
}

// A callContext is the context of the handler of one call. It ends with the connection, or when the call is given up or
// answered. It is never used for another call, since the handler may have kept it.
//
// Most handlers ask a context for values only. So package context makes a child of the connection's context only when
// somebody asks for more: making the child costs as much as parsing and answering a call.
type callContext struct {
	conn *Conn
	own  atomic.Pointer[ownContext] // nil until somebody asks for more than values; &noContext if cancel came first
	turn turn.Token                 // the context ends with this turn while own is nil; 0 if only cancel ends it
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

// A reader makes from fewContexts to manyContexts contexts with one allocation, by the number of calls that are likely to
// be in its buffer. No context is used twice.
const (
	fewContexts  = 8
	manyContexts = 20 // 480 B: memory with pointers costs more from 512 B on
)

type contexts []callContext

// newContext returns a context for a call that the reader handles in turn in. ahead is an estimate of the calls that are
// about to need a context, with this one.
func (rd *reader) newContext(conn *Conn, in turn.Token, ahead int) *callContext {
	if len(rd.contexts) == 0 {
		rd.contexts = make([]callContext, min(max(ahead, fewContexts), manyContexts))
	}
	c := &rd.contexts[0]
	rd.contexts = rd.contexts[1:]
	c.conn, c.turn = conn, in
	return c
}

// real returns the context that package context has made, and makes it first if it must.
func (c *callContext) real() context.Context {
	was := c.own.Load()
	if was != nil && was != &noContext {
		return was
	}
	conn := c.conn.Context()
	ended := was == &noContext || c.isPast()
	if ended { // then the end of the connection is not the cause
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
	if c.isPast() { // then turnEnded may have come before own was set
		own.end()
	}
	return own
}

// isPast reports whether the context ends with its turn, and the turn is over.
func (c *callContext) isPast() bool { return c.turn != 0 && !c.conn.turn.Lasts(c.turn) }

// turnEnded ends a context whose turn is over.
func (c *callContext) turnEnded() {
	if own := c.own.Load(); own != nil {
		own.end()
	}
}

// cancel ends a context that does not end with its turn.
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

// Value passes every other key on to the context of package context, since package context looks for keys of its own
// here.
func (c *callContext) Value(key any) any {
	if key == (connKey{}) {
		return c.conn
	}
	return c.real().Value(key)
}
