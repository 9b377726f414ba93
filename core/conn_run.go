package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/beside"
	"github.com/hisock/hisock/core/internal/events"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/internal/turn"
	"github.com/hisock/hisock/core/wire"
)

// runFrame handles one frame in its turn: it finds the handler and runs it, here or, if it is
// concurrent, beside the turn. If reserved points to true, the caller has reserved room beside the turn: a
// concurrent handler takes the room, and sets *reserved to false.
func (c *Conn) runFrame(f wire.Frame, reserved *bool) {
	var err error
	switch f.Kind {
	case wire.KindCommand:
		var name, payload []byte
		if name, payload, err = wire.ParseCommand(f.Body); err == nil {
			c.runCommand(c.Context(), name, payload, reserved)
		}
	case wire.KindRequest:
		var id uint64
		var name, payload []byte
		if id, name, payload, err = wire.ParseRequest(f.Body); err == nil {
			err = c.runCall(id, name, payload, reserved)
		}
	case wire.KindRaw:
		c.runRaw(c.Context(), f.Body)
	case wire.KindGroupCommand, wire.KindGroupRaw, wire.KindGroupPassed:
		err = c.runGroup(f, reserved)
	case kindLegacy:
		c.runLegacy(f.Body)
	default:
		err = c.eng.owner.handle(c, f)
	}
	if err != nil {
		c.endWith(wireError(err))
	}
}

// notRun returns the error for a frame that receive has dispatched and that nothing here runs. That is never the peer's
// fault: TestEachKind finds such a kind.
func notRun(k wire.Kind) *Error {
	return NewError(CodeInternal, "nothing runs a frame that has a turn: "+k.String())
}

// forCommand returns the handler of a command, which may be the handler of any command; nil for none.
func (h *handlers) forCommand(name []byte) *handler {
	if own := h.commands[string(name)]; own != nil { // does not allocate
		return own
	}
	return h.anyCommand
}

// forCall returns the handler of a call, which may be the handler of any call; nil for none.
func (h *handlers) forCall(name []byte) *handler {
	if own := h.calls[string(name)]; own != nil { // does not allocate
		return own
	}
	return h.anyCall
}

// takers returns the payload of a frame that has a turn, its handler and the message handler, if the message handler takes
// it too; nil for none. A malformed frame has no handler: runFrame ends the connection.
func (h *handlers) takers(f wire.Frame) (own, message *handler, payload []byte) {
	body, kind := f.Body, f.Kind
	var name []byte
	var err error
	switch kind {
	case wire.KindGroupCommand:
		kind = wire.KindCommand
		_, _, body, err = wire.ParseGroup(f.Kind, f.Body)
	case wire.KindGroupRaw:
		kind = wire.KindRaw
		_, _, body, err = wire.ParseGroup(f.Kind, f.Body)
	}
	switch {
	case err != nil:
	case kind == wire.KindRaw:
		return nil, h.message, body
	case kind == wire.KindCommand:
		if name, payload, err = wire.ParseCommand(body); err == nil {
			return h.forCommand(name), h.message, payload
		}
	case kind == wire.KindRequest:
		if _, name, payload, err = wire.ParseRequest(body); err == nil {
			return h.forCall(name), nil, payload
		}
	}
	return nil, nil, nil
}

func (c *Conn) runCommand(ctx context.Context, name, payload []byte, reserved *bool) {
	hs := c.eng.handlers
	h := hs.forCommand(name)
	if h == nil && hs.message == nil {
		c.unhandled(name)
		return
	}
	f := Frame{Kind: KindCommand, Payload: payload}
	if h != nil && h != hs.anyCommand {
		f.Command = h.name
	} else {
		f.Command = string(name)
		if err := c.checkGot(f.Command); err != nil {
			c.eng.fault(c, err)
			return
		}
	}
	if h != nil {
		c.startHandler(ctx, h, f, reserved)
	}
	if hs.message != nil {
		c.startHandler(ctx, hs.message, f, nil)
	}
}

// unhandled reports a command without a handler. Its name may hold anything, and is made safe for a log.
func (c *Conn) unhandled(name []byte) {
	if err := c.checkGot(string(name)); err != nil {
		c.eng.fault(c, err)
		return
	}
	err := NewError(CodeUnknownCommand, "no handler for command "+safe.Text(string(name)))
	c.eng.faultOf(c, faultText(CodeUnknownCommand), err, "command", string(name))
}

// runRaw gives a raw message to a caller of RecvRaw, if one waits by now, and otherwise to the message handler.
func (c *Conn) runRaw(ctx context.Context, payload []byte) {
	if _, ok := c.turn.PutRaw(payload, false); !ok {
		c.startHandler(ctx, c.eng.handlers.message, Frame{Kind: KindRaw, Payload: payload}, nil)
	}
}

// startHandler runs the handler of a frame that is not answered, here or beside the turn.
func (c *Conn) startHandler(ctx context.Context, h *handler, f Frame, reserved *bool) {
	if len(f.Payload) > h.maxPayload {
		c.report(f, h.tooBig(len(f.Payload)))
		return
	}
	if !h.concurrent || !c.beside.May() {
		c.runHandler(ctx, h, f)
		return
	}
	c.runBeside(reserved, f, beside.Command, func(f Frame) { c.runHandler(c.besideOf(ctx, 0), h, f) })
}

// runHandler runs a handler and reports its error.
func (c *Conn) runHandler(ctx context.Context, h *handler, f Frame) {
	if _, err := c.invoke(ctx, h, f); err != nil {
		c.report(f, err)
	}
}

// report reports the error of a handler whose result nobody waits for. f is the frame that it handled.
func (c *Conn) report(f Frame, err error) {
	what, code := f.Kind.String(), CodeOf(err)
	if f.Command != "" {
		what += " " + safe.Text(f.Command)
	}
	text := "a handler failed"
	if code == CodeBadPayload && !isBlameless(err) {
		text = faultText(code)
	}
	c.eng.faultOf(c, text, wrapError(code, what, err), "command", f.Command)
}

// invoke runs a handler and turns a panic into an error.
func (c *Conn) invoke(ctx context.Context, h *handler, f Frame) (out []byte, err error) {
	returned := false
	defer func() {
		if !returned {
			err = c.crashed(f, recover())
		}
	}()
	out, err = h.run(ctx, c, f)
	if err != nil && (f.Kind == KindCall || f.Kind == KindStream) {
		err = packed(c.eng.codec, err)
	}
	returned = true
	lock.MustHoldNone()
	if e, ok := err.(*Error); ok && e == nil { // a nil *Error in an error interface
		return out, nil
	}
	return out, err
}

// crashed returns the error of a handler that has not returned. v is the value of its panic, nil if there was none.
func (c *Conn) crashed(f Frame, v any) error {
	if v != nil {
		c.eng.logPanic(c, f.Kind.String(), v, "command", f.Command)
	} else { // runtime.Goexit: nothing can keep the goroutine, and it may be the reader
		c.endWith(errGoexit)
	}
	return errCrashed
}

var errCrashed = &Error{Code: CodeInternal, Message: "the handler failed"}

var errGoexit = &Error{Code: CodeInternal, Message: "a handler ended its goroutine"}

// logPanic reports a panic of a handler with its stack, which never leaves this side.
func (e *engine) logPanic(c *Conn, where string, v any, args ...any) {
	args = append([]any{"handler", where, "panic", shown(safe.Panic(v)), "stack", shown(safe.Stack())}, args...)
	e.log.error(c, "a handler panicked", nil, args...)
}

// runBeside runs a handler on a goroutine of its own with a copy of the frame. Unless the caller has reserved room, it
// waits for room, and the next frames wait in the inbox. id is the id of the call, or beside.Command.
func (c *Conn) runBeside(reserved *bool, f Frame, id uint64, run func(f Frame)) {
	n := len(f.Payload) + jobCost
	switch {
	case reserved != nil && *reserved:
		*reserved = false
	case !c.beside.Begin(n):
		c.beside.Queue(id)
		yield(c)
		c.eng.sweep.busy(c)
		c.beside.Await(n)
	}
	f.Payload = append([]byte(nil), f.Payload...)
	c.life.enter(1)
	go func() {
		defer c.exit()
		defer c.beside.End(n)
		run(f)
	}()
}

// startBeside starts the handler of a frame while another handler keeps the connection's turn, if the handler
// is concurrent and there is room. It reports whether it has. Without it two peers that call each other back would wait
// for each other. The reader does not wait for room: handlers may wait for frames that it reads.
func (c *Conn) startBeside(f wire.Frame) bool {
	if !c.beside.May() {
		return false
	}
	h, message, payload := c.eng.handlers.takers(f)
	if h == nil || !h.concurrent || message != nil { // the message handler would run here too
		return false
	}
	n := len(payload) + jobCost
	if !c.beside.Begin(n) {
		return false
	}
	reserved := true
	if c.runFrame(f, &reserved); reserved { // no handler has begun
		c.beside.End(n)
	}
	return true
}

// Where hooks of the program run. Hooks may send, call and wait for the peer, as handlers may. So the reading of a
// connection must never wait for a hook:
//
//	in its turn   handlers (dispatch), and the hooks that run before a connection is read at
//	              all (serve): the reader runs them, and the reading is handed over if that takes
//	              long (internal/turn)
//	as an event   hooks for frames that the peer has dropped, for a raw message that is dropped here, and
//	              for a stream that is lost or resumed: a goroutine of its own runs one event after the
//	              other, beside a slow handler (internal/events). Frames that are read afterwards wait
//	              in the inbox for the event, behind a barrier
//	on the spot   the error hook, for an error of any goroutine but the reader: it holds up only the
//	              goroutine that met the error
//
// With manual dispatch Update runs the first two kinds.

// maxEvents is how many changes of its stream may wait to be told to the program before the next stream of a
// connection has to wait.
const maxEvents = 64

// tell makes an event of f. Frames that are read from now on wait for it. The caller is the reader, or
// nobody reads.
func (c *Conn) tell(f func()) *events.Event {
	e, start := c.events.Add(f)
	put := c.turn.Bar(e.Done()) // if the barrier is dropped no frame comes after it, and finish runs the event
	if hasManual && c.eng.manual != nil {
		if put == turn.Stored {
			c.leaveToUpdate()
		}
		return e
	}
	if put == turn.Yours {
		c.life.enter(1)
		c.endBatch()
		go func() {
			defer c.exit()
			c.runInbox()
		}()
	}
	if start {
		c.startEvents()
	}
	return e
}

// tellChange is tell for a stream that is lost or resumed. It waits while more than maxEvents such events
// have not returned. Nobody reads meanwhile.
func (c *Conn) tellChange(f func()) {
	c.breaks = append(c.breaks, c.tell(f))
	for len(c.breaks) > maxEvents {
		<-c.breaks[0].Done()
		c.breaks = c.breaks[1:]
	}
}

// tellRead is tell for the reader: it waits for room in the inbox first.
func (c *Conn) tellRead(rd *reader, f func()) {
	c.inboxRoom(rd, 0) // if the link breaks off meanwhile, nothing more is read
	c.tell(f)
}

// tellLater makes an event of f, for which nothing waits. The caller counts as running.
func (c *Conn) tellLater(f func()) {
	e, start := c.events.Add(f)
	switch {
	case hasManual && c.eng.manual != nil:
		c.eng.manual.add(task{c, func() { c.events.RunTo(e.Done()) }})
	case start:
		c.startEvents()
	}
}

// startEvents starts a goroutine for the events that wait.
func (c *Conn) startEvents() {
	c.life.enter(1)
	go c.runEvents()
}

func (c *Conn) runEvents() {
	defer c.exit()
	returned := false
	defer func() {
		if !returned { // an event has ended this goroutine by runtime.Goexit
			c.endWith(errGoexit)
			c.startEvents()
		}
	}()
	c.events.Run()
	returned = true
}

// awaitEvent waits until an event has returned, but no longer than a tick: frames that are read afterwards wait for a
// slow event in the inbox, unless their handlers are concurrent.
func (c *Conn) awaitEvent(e *events.Event) {
	if hasManual && c.eng.manual != nil {
		return
	}
	t := time.NewTimer(handlerTick)
	defer t.Stop()
	select {
	case <-e.Done():
	case <-t.C:
	}
}

// passBarrier waits for the event of a barrier. The caller runs the jobs of the inbox.
func (c *Conn) passBarrier(until <-chan struct{}) {
	if hasManual && c.eng.manual != nil {
		c.events.RunTo(until)
		return
	}
	<-until
}
