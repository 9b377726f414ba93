package core

import (
	"context"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
)

func (c *Conn) runCall(id uint64, name, payload []byte, reserved *bool) error {
	hs := c.eng.handlers
	h := hs.forCall(name)
	f := Frame{Kind: KindCall, Payload: payload}
	if h != nil && h != hs.anyCall {
		f.Command = h.name
		return c.startCall(h, f, id, reserved)
	}
	f.Command = string(name)
	if err := c.checkGot(f.Command); err != nil {
		c.fail(id, err)
		return nil
	}
	if h == nil {
		c.fail(id, unknownCall(f.Command))
		return nil
	}
	return c.startCall(h, f, id, reserved)
}

func unknownCall(command string) *Error {
	return NewError(CodeUnknownCommand, "no handler for call "+safe.Text(command))
}

// startCall runs a handler whose result is the answer to call id.
func (c *Conn) startCall(h *handler, f Frame, id uint64, reserved *bool) error {
	if len(f.Payload) > h.maxPayload {
		c.fail(id, h.tooBig(len(f.Payload)))
		return nil
	}
	ctx, cancel := newCallContext(c)
	besides := h.concurrent && c.beside.May()
	if !c.serving.add(id, cancel, besides) {
		cancel()
		return errSameID
	}
	if c.turn.IsCanceled(id) {
		c.serving.cancel(id)
	}
	if !besides {
		c.answer(ctx, h, f, id)
		return nil
	}
	c.runBeside(reserved, f, id, func(f Frame) { c.answer(c.besideOf(ctx, id), h, f, id) })
	return nil
}

var errSameID = &Error{Code: CodeProtocol, Message: "a call with the id of a call that is not answered yet"}

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
	if !c.server { // only now, when the answer is queued; see park
		c.serving.remove(id)
	}
	c.blame(ours, f.Command) // last, since the hook may wait
}

// answerWith answers a call with the result of its handler. It returns the handler's mistake, if there is one of which
// the caller is not told.
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

func (c *Conn) gotCancel(body []byte) error {
	id, err := wire.ParseCancel(body)
	if err != nil {
		return err
	}
	// The call waits in the inbox, or is being handled, or has been answered already. The inbox comes first, since
	// the call may be on its way from the inbox to the table.
	c.turn.Cancel(id)
	c.serving.cancel(id)
	return nil
}

// reply queues the answer to a call, waiting for room if it must: a peer may make as
// many calls as it likes, as long as it reads the answers.
func (c *Conn) reply(id uint64, payload []byte) error {
	n := wire.ReplySize(id, len(payload))
	if err := c.fits(n); err != nil {
		return err
	}
	dst, err := c.beginWaiting(c.Context(), c, n, 0)
	if err != nil {
		return nil // the connection has ended, or is about to, and with it the call
	}
	c.out.Commit(wire.AppendReply(dst, id, payload))
	return nil
}

// callFailed is the text of a log line about a handler of a call that failed, if the caller may not know why.
const callFailed = "a handler of a call failed"

// fail answers a call with an error. An error that the peer may not know is logged here. An answer
// with details waits for room, as a reply does.
func (c *Conn) fail(id uint64, err error) { c.failAs(id, "", err) }

func (c *Conn) failAs(id uint64, command string, err error) {
	why, left := forPeer(packed(c.eng.codec, err), c.peer.maxFrame)
	if why.Code == CodeInternal && err != errCrashed && !isBlameless(err) { // the panic is in the log; see answer
		c.eng.log.warn(c, callFailed, err, "command", command)
	}
	frame := wire.AppendFailure(nil, id, why)
	if len(why.Details) == 0 {
		c.sendOwn(frame) //nolint:errcheck // then it is over anyway
	} else if dst, err := c.beginWaiting(c.Context(), c, len(frame), 0); err == nil {
		c.out.Commit(append(dst, frame...))
	}
	if left != nil { // the hook may wait, for which the caller does not
		c.eng.faultOf(c, detailsNotSent, left, "command", command)
	}
}

// A servingTable holds the calls of the peer that are being handled, so that the peer can
// give them up.
type servingTable struct {
	open atomic.Int32 // number of calls

	mu    lock.Mutex[lock.Serving] // guards the fields below
	calls []served
	at    map[uint64]int // index in calls by id, once there are more than manyServed; nil before
}

// manyServed is the greatest number of calls that are searched one by one. For more there is an index.
const manyServed = 32

// A served is a call that is being handled.
type served struct {
	id       uint64
	cancel   context.CancelFunc // ends the context of its handler
	canceled bool               // its caller has given it up
	beside   bool               // its handler runs beside the turn
}

// add notes a call. It reports false if another call with that id is being handled.
func (t *servingTable) add(id uint64, cancel context.CancelFunc, beside bool) bool {
	t.mu.Lock()
	ok := t.findLocked(id) < 0
	if ok {
		t.calls = append(t.calls, served{id: id, cancel: cancel, beside: beside})
		t.open.Add(1)
	}
	switch {
	case !hasCrowd || !ok: // a page has few
	case t.at != nil:
		t.at[id] = len(t.calls) - 1
	case len(t.calls) > manyServed:
		t.at = make(map[uint64]int, len(t.calls))
		for i := range t.calls {
			t.at[t.calls[i].id] = i
		}
	}
	t.mu.Unlock()
	return ok
}

// findLocked returns the index of a call, or -1.
func (t *servingTable) findLocked(id uint64) int {
	if hasCrowd && t.at != nil {
		if i, ok := t.at[id]; ok {
			return i
		}
		return -1
	}
	for i := range t.calls {
		if t.calls[i].id == id {
			return i
		}
	}
	return -1
}

// remove removes a call, ends its context, and reports whether its caller has given it up.
func (t *servingTable) remove(id uint64) (canceled bool) {
	s, ok := t.take(id)
	if !ok {
		return true
	}
	s.cancel()
	return s.canceled
}

// take removes a call.
func (t *servingTable) take(id uint64) (s served, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := t.findLocked(id)
	if i < 0 {
		return s, false
	}
	last := len(t.calls) - 1
	s = t.calls[i]
	t.calls[i] = t.calls[last]
	t.calls[last] = served{}
	t.calls = t.calls[:last]
	t.open.Add(-1)
	if hasCrowd && t.at != nil {
		if delete(t.at, id); i < last {
			t.at[t.calls[i].id] = i
		}
		if last == 0 {
			t.at = nil
		}
	}
	return s, true
}

// cancel ends the context of a call, if it is being handled.
func (t *servingTable) cancel(id uint64) {
	var end context.CancelFunc
	t.mu.Lock()
	if i := t.findLocked(id); i >= 0 {
		t.calls[i].canceled = true
		end = t.calls[i].cancel
	}
	t.mu.Unlock()
	if end != nil {
		end()
	}
}

// isCanceled reports whether the caller has given the call up.
func (t *servingTable) isCanceled(id uint64) bool {
	t.mu.Lock()
	i := t.findLocked(id)
	canceled := i < 0 || t.calls[i].canceled
	t.mu.Unlock()
	return canceled
}

// inTurn returns the id of the call whose handler has the turn, or 0.
func (t *servingTable) inTurn() (id uint64) {
	t.mu.Lock()
	for i := range t.calls {
		if !t.calls[i].beside {
			id = t.calls[i].id
		}
	}
	t.mu.Unlock()
	return id
}

// len returns the number of calls that are being handled.
func (t *servingTable) len() int { return int(t.open.Load()) }

// ids returns the ids of the calls that are being handled and have not been given up.
func (t *servingTable) ids() (ids []uint64) {
	t.mu.Lock()
	for i := range t.calls {
		if !t.calls[i].canceled {
			ids = append(ids, t.calls[i].id)
		}
	}
	t.mu.Unlock()
	return ids
}
