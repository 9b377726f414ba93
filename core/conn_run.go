package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
)

// run handles one frame in its turn: it finds the handler and runs it, here or, if it is
// concurrent, on a goroutine of its own.
func (c *Conn) run(f wire.Frame) { c.runWith(f, nil) }

// runWith is run with one of the connection's slots, which is nil or one that the caller holds. A
// concurrent handler takes it, and sets it to false.
func (c *Conn) runWith(f wire.Frame, slot *bool) {
	var err error
	switch f.Kind {
	case wire.KindCommand:
		var name, payload []byte
		if name, payload, err = wire.ParseCommand(f.Body); err == nil {
			c.runCommand(c.life.ctx, name, payload, slot)
		}
	case wire.KindRequest:
		var id uint64
		var name, payload []byte
		if id, name, payload, err = wire.ParseRequest(f.Body); err == nil {
			err = c.runCall(id, name, payload, slot)
		}
	case wire.KindRaw:
		c.runRaw(c.life.ctx, f.Body)
	case wire.KindGroupCommand, wire.KindGroupRaw, wire.KindGroupPassed:
		err = c.runGroup(f, slot)
	case kindLegacy:
		if hasLegacy {
			c.runLegacy(f.Body)
		}
	default:
		err = c.eng.owner.handle(c, f)
	}
	if err != nil {
		c.endWith(wireError(err))
	}
}

func (c *Conn) runCommand(ctx context.Context, name, payload []byte, slot *bool) {
	hs := c.eng.handlers
	h := hs.commands[string(name)] // does not allocate
	if h == nil && hs.anyCommand == nil && hs.message == nil {
		c.unhandled(name)
		return
	}
	if h == nil {
		if err := c.checkGot(string(name)); err != nil {
			c.eng.fault(c, err)
			return
		}
	}
	f := Frame{Kind: KindCommand, Payload: payload}
	if h != nil {
		f.Command = h.name
	} else {
		f.Command, h = string(name), hs.anyCommand
	}
	if h != nil {
		c.start(ctx, h, f, slot)
	}
	if hs.message != nil {
		c.start(ctx, hs.message, f, nil)
	}
}

// unhandled reports a command that nobody takes, in words that cannot harm a log.
func (c *Conn) unhandled(name []byte) {
	if err := c.checkGot(string(name)); err != nil {
		c.eng.fault(c, err)
		return
	}
	err := NewError(CodeUnknownCommand, "no handler for command "+safe.Text(string(name)))
	c.eng.faultOf(c, faultText(CodeUnknownCommand), err, "command", string(name))
}

func (c *Conn) runCall(id uint64, name, payload []byte, slot *bool) error {
	h := c.eng.handlers.calls[string(name)]
	f := Frame{Kind: KindCall, Payload: payload}
	if h != nil {
		f.Command = h.name
		return c.startCall(h, f, id, slot)
	}
	f.Command = string(name)
	if err := c.checkGot(f.Command); err != nil {
		c.fail(id, err)
		return nil
	}
	if h = c.eng.handlers.anyCall; h == nil {
		c.fail(id, unknownCall(f.Command))
		return nil
	}
	return c.startCall(h, f, id, slot)
}

func unknownCall(command string) *Error {
	return NewError(CodeUnknownCommand, "no handler for call "+safe.Text(command))
}

// runRaw runs the message handler for a raw message that nobody has received meanwhile.
func (c *Conn) runRaw(ctx context.Context, payload []byte) {
	if _, ok := c.turn.PutRaw(payload, false); !ok {
		c.start(ctx, c.eng.handlers.message, Frame{Kind: KindRaw, Payload: payload}, nil)
	}
}

// start runs a handler that nobody waits for.
func (c *Conn) start(ctx context.Context, h *handler, f Frame, slot *bool) {
	if len(f.Payload) > h.maxPayload {
		c.report(f, h.tooBig(len(f.Payload)))
		return
	}
	if !h.concurrent || c.beside.slots == nil {
		c.runAlone(ctx, h, f)
		return
	}
	c.spawn(slot, f, queuesCommand, func(f Frame) { c.runAlone(c.besideOf(ctx, 0), h, f) })
}

// runAlone runs a handler and reports its error.
func (c *Conn) runAlone(ctx context.Context, h *handler, f Frame) {
	if _, err := c.invoke(ctx, h, f); err != nil {
		c.report(f, err)
	}
}

// report tells the program why a handler failed that nobody waits for, with what it handled.
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

// startCall runs a handler whose result is the answer to call id.
func (c *Conn) startCall(h *handler, f Frame, id uint64, slot *bool) error {
	if len(f.Payload) > h.maxPayload {
		c.fail(id, h.tooBig(len(f.Payload)))
		return nil
	}
	ctx, cancel := newCallContext(c)
	beside := h.concurrent && c.beside.slots != nil
	if !c.serving.add(id, cancel, beside) {
		cancel()
		return errSameID
	}
	if c.turn.IsCanceled(id) {
		c.serving.cancel(id)
	}
	if !beside {
		c.answer(ctx, h, f, id)
		return nil
	}
	c.spawn(slot, f, id, func(f Frame) { c.answer(c.besideOf(ctx, id), h, f, id) })
	return nil
}

var errSameID = &Error{Code: CodeProtocol, Message: "a call with the id of one that is not answered yet"}

func (c *Conn) answer(ctx context.Context, h *handler, f Frame, id uint64) {
	out, err := c.invoke(ctx, h, f)
	var canceled bool // the caller no longer waits
	if c.server {
		canceled = c.serving.remove(id)
	} else {
		canceled = c.serving.isCanceled(id)
	}
	var ours *Error
	if !canceled {
		ours = c.answerWith(id, f.Command, out, err)
	}
	if !c.server { // not before it is answered; see park
		c.serving.remove(id)
	}
	c.blame(ours, f.Command) // at last, as the hook may wait
}

// answerWith answers a call with what its handler has returned. It returns a mistake of the handler
// that its caller is not told, or nil.
func (c *Conn) answerWith(id uint64, command string, out []byte, err error) (ours *Error) {
	if err == nil {
		if err = c.reply(id, out); err != nil { // it is too big
			ours = wrapError(CodeOf(err), "answer to "+safe.Text(command), err)
		}
	}
	if err != nil {
		if isBlameless(err) {
			ours = wrapError(CodeInternal, "call "+safe.Text(command), err)
		}
		c.failAs(id, command, err)
	}
	return ours
}

// blame tells the program of a mistake of a handler of a call, if there is one.
func (c *Conn) blame(ours *Error, command string) {
	if ours != nil {
		c.eng.faultOf(c, callFailed, ours, "command", command)
	}
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
	if err != nil && f.Kind == KindCall {
		err = packed(c.eng.codec, err)
	}
	returned = true
	if e, ok := err.(*Error); ok && e == nil { // a nil that has become an interface
		return out, nil
	}
	return out, err
}

// crashed is the error of a handler that has not returned: v is what it panicked with.
func (c *Conn) crashed(f Frame, v any) error {
	if v != nil {
		c.eng.logPanic(c, f.Kind.String(), v, "command", f.Command)
	} else { // runtime.Goexit: the goroutine ends whatever we do, and it may be the reader
		c.endWith(errGoexit)
	}
	return errCrashed
}

var errCrashed = &Error{Code: CodeInternal, Message: "the handler failed"}

var errGoexit = &Error{Code: CodeInternal, Message: "a handler ended its goroutine"}

// spawn runs a handler on a goroutine of its own with a copy of the frame, once one of the connection's
// slots is free and there is room for the copy, if the caller does not hold both. What follows on the
// connection waits as long, in its inbox. id is that of the call, or queuesCommand.
func (c *Conn) spawn(slot *bool, f Frame, id uint64, run func(f Frame)) {
	n := len(f.Payload) + jobCost
	if slot != nil && *slot {
		*slot = false
	} else {
		select {
		case c.beside.slots <- struct{}{}:
		default:
			c.queue(id)
			c.beside.slots <- struct{}{}
			c.beside.queues.Store(0)
		}
		if !c.beside.copies.try(n) {
			c.queue(id)
			c.beside.copies.wait(n)
			c.beside.queues.Store(0)
		}
	}
	f.Payload = append([]byte(nil), f.Payload...)
	c.life.enter(1)
	go func() {
		defer c.exit()
		defer func() { <-c.beside.slots }()
		defer c.beside.copies.done(n)
		run(f)
	}()
}

// queue notes that a frame waits until a concurrent handler returns.
func (c *Conn) queue(id uint64) {
	c.beside.queues.Store(id)
	yield(c)
	c.eng.sweep.busy(c)
}

// runBeside starts the concurrent handler of a frame while another handler keeps the connection's
// turn, if there is one, a slot is free and there is room for its payload. Two peers that call each
// other back could otherwise wait for each other.
func (c *Conn) runBeside(f wire.Frame) bool {
	if c.beside.slots == nil {
		return false
	}
	hs := c.eng.handlers
	var h *handler
	var payload []byte
	switch f.Kind {
	case wire.KindCommand:
		name, rest, err := wire.ParseCommand(f.Body)
		if err != nil || hs.message != nil { // which would run here too
			return false
		}
		payload = rest
		if h = hs.commands[string(name)]; h == nil {
			h = hs.anyCommand
		}
	case wire.KindGroupCommand: // see groupBeside
		_, _, body, _ := wire.ParseGroup(f.Kind, f.Body)
		name, rest, err := wire.ParseCommand(body)
		if err != nil || hs.message != nil {
			return false
		}
		payload = rest
		if h = hs.commands[string(name)]; h == nil {
			h = hs.anyCommand
		}
	case wire.KindRequest:
		_, name, rest, err := wire.ParseRequest(f.Body)
		if err != nil {
			return false
		}
		payload = rest
		if h = hs.calls[string(name)]; h == nil {
			h = hs.anyCall
		}
	}
	if h == nil || !h.concurrent {
		return false
	}
	slot, n := true, len(payload)+jobCost
	select {
	case c.beside.slots <- struct{}{}:
	default:
		return false // nor may the reader wait for one: handlers may wait for what it reads
	}
	if !c.beside.copies.try(n) {
		<-c.beside.slots
		return false // nor for that
	}
	if c.runWith(f, &slot); slot {
		c.beside.copies.done(n)
		<-c.beside.slots
	}
	return true
}

// logPanic reports a panic of a handler with its stack, which never leaves this side.
func (cm *common) logPanic(c *Conn, where string, v any, args ...any) {
	args = append([]any{"handler", where, "panic", shown(safe.Panic(v)), "stack", shown(safe.Stack())}, args...)
	cm.log.error(c, "a handler panicked", nil, args...)
}

func (c *Conn) gotCancel(body []byte) error {
	id, err := wire.ParseCancel(body)
	if err != nil {
		return err
	}
	// It waits, or is being handled, or passes from one to the other at this moment, for
	// which the inbox comes first; or it has been answered already.
	c.turn.Cancel(id)
	c.serving.cancel(id)
	return nil
}
