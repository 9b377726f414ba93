package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/convert"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// A Caller is anything that can be called: a [Conn], a [Client] or a [User].
type Caller interface {
	// CallBytes calls command with payload and returns the answer, which the caller owns.
	CallBytes(ctx context.Context, command string, payload []byte) ([]byte, error)

	codec() convert.Codec
}

func (c *Conn) codec() convert.Codec { return c.eng.codec }

// CallBytes calls command at the peer and returns the answer of its handler; the caller owns
// it. If the queue to the peer is full, CallBytes waits for room. It does not keep payload.
//
// If ctx ends first, the peer is told that the call is given up, and CallBytes fails with the error of ctx. Any other
// error is an [Error]. [IsRemote] reports true for an error that the peer has answered. If CallBytes fails with the
// reason for which the connection ended, such as [CodeConnLost], the handler may have run or not.
func (c *Conn) CallBytes(ctx context.Context, command string, payload []byte) ([]byte, error) {
	send := c.eng.handlers.send
	if send == nil {
		return c.call(ctx, command, payload)
	}
	var reply []byte
	err := send(&Outgoing{Frame: Frame{KindCall, command, payload}, To: c, send: func(o *Outgoing) (err error) {
		reply, err = c.call(ctx, o.Command, o.Payload)
		return err
	}})
	return reply, err
}

func (c *Conn) call(ctx context.Context, command string, payload []byte) ([]byte, error) {
	if !c.takesCalls() {
		return nil, errNoCalls
	}
	if err := c.checkSent(command); err != nil {
		return nil, err
	}
	return c.ask(ctx, wire.KindRequest, command, payload)
}

// ask sends a frame that is answered under its id, and waits for the answer.
func (c *Conn) ask(ctx context.Context, k wire.Kind, name string, payload []byte) ([]byte, error) {
	ctx = given(ctx)
	if ctx.Err() != nil {
		return nil, c.waitError(ctx)
	}
	w, id, ended := c.calls.add(k)
	if ended != nil {
		return nil, ended
	}
	if hasStandstill {
		if w, ok := c.waitOf(ctx, id); ok {
			c.waits.Begin(w)
			defer c.waits.End(id)
			c.eng.sweep.busy(c)
		}
	}
	if err := c.sendAsking(ctx, k, id, name, payload); err != nil {
		if c.calls.take(id) != nil { // else it is being ended at this moment
			c.calls.reuse(w)
		}
		return nil, err
	}
	if !c.awaitReply(ctx, w, id) {
		c.calls.reuse(w)
		return nil, c.waitError(ctx)
	}
	reply, failure := w.reply, w.err
	c.calls.reuse(w)
	if failure != nil {
		return nil, failure
	}
	return reply, nil
}

// awaitReply waits for the answer. It reports false if ctx ended first; then it has told the peer that the call is
// given up.
func (c *Conn) awaitReply(ctx context.Context, w *call, id uint64) bool {
	if c.beginAsking(ctx) {
		defer c.endAsking()
	}
	done := ctx.Done()
	if done == nil { // a select would cost more
		<-w.ready
		return true
	}
	select {
	case <-w.ready:
		return true
	case <-done:
	}
	if c.calls.take(id) == nil {
		<-w.ready // it is being answered at this moment
		return true
	}
	c.sendOwn(wire.AppendCancel(nil, id)) //nolint:errcheck // then it is over anyway
	return false
}

// sendAsking queues a frame that is answered, waiting for room if it must.
func (c *Conn) sendAsking(ctx context.Context, k wire.Kind, id uint64, name string, payload []byte) error {
	n := wire.RequestSize(id, name, len(payload)) // requests for a change are as long as calls
	if err := c.fits(n); err != nil {
		return err
	}
	dst, err := c.beginWaiting(ctx, handlerConn(ctx), n, 0)
	if err != nil {
		return err
	}
	c.out.Commit(wire.AppendAnswered(dst, k, id, name, payload))
	return nil
}

func (c *Conn) gotReply(body []byte) error {
	id, payload, err := wire.ParseReply(body)
	if err != nil {
		return err
	}
	if w := c.calls.take(id); w != nil { // else it was given up
		if c.answerPage(w, payload, nil) {
			return nil
		}
		w.reply = append(make([]byte, 0, len(payload)), payload...)
		w.ready <- struct{}{}
	}
	return nil
}

func (c *Conn) gotFailure(body []byte) error {
	id, why, err := wire.ParseFailure(body)
	if err != nil {
		return err
	}
	if w := c.calls.take(id); w != nil {
		w.err = fromPeer(why, c.eng.codec)
		if !c.answerPage(w, nil, w.err) {
			w.ready <- struct{}{}
		}
	}
	return nil
}

// A callTable holds the calls to the peer that are not answered yet.
type callTable struct {
	mu     lock.Mutex[lock.Calls] // guards the fields below
	lastID uint64                 // of the last call
	open   map[uint64]*call       // by id
	ended  *Error                 // why no more answers will come; nil while some may
	free   *call                  // calls to be used again, a list
}

// maxFreeCalls is how many calls of one connection are kept to be used again, until the next look of the sweeper.
const maxFreeCalls = 64

// A call waits for its answer. The goroutine that takes it out of the table owns it, sets reply or err,
// and signals ready. From then on the caller of CallBytes owns it.
type call struct {
	pageCall
	ready  chan struct{} // has room for one
	reply  []byte        // owned by the caller of CallBytes
	err    *Error        // not of type error, so that a call takes 56 bytes
	change bool          // it asks for a change of the client's name or groups

	// Of a call that is free.
	next  *call
	after uint8 // free calls after this one
}

// add notes a call that is made with a frame of that kind, and returns it with its id, or why there will be no
// answer.
func (t *callTable) add(k wire.Kind) (*call, uint64, *Error) {
	t.mu.Lock()
	if ended := t.ended; ended != nil {
		t.mu.Unlock()
		return nil, 0, ended
	}
	if t.open == nil {
		t.open = make(map[uint64]*call)
	}
	t.lastID++
	id, w := t.lastID, t.free
	if w != nil {
		t.free, w.next = w.next, nil
	} else {
		w = &call{ready: make(chan struct{}, 1)}
	}
	w.change = k != wire.KindRequest
	t.open[id] = w
	t.mu.Unlock()
	return w, id, nil
}

// take removes a call, and returns nil if it is not there. The caller must end the call.
func (t *callTable) take(id uint64) *call {
	t.mu.Lock()
	w := t.open[id]
	delete(t.open, id)
	t.mu.Unlock()
	return w
}

// reuse keeps a call that nobody but its caller has, for the next caller.
func (t *callTable) reuse(w *call) {
	w.reply, w.err, w.after, w.pageCall = nil, nil, 0, pageCall{}
	t.mu.Lock()
	if first := t.free; first != nil {
		w.after = first.after + 1
	}
	if w.after < maxFreeCalls {
		w.next, t.free = t.free, w
	}
	t.mu.Unlock()
}

// forgetFree lets go of the calls that are kept for use again.
func (t *callTable) forgetFree() {
	t.mu.Lock()
	t.free = nil
	t.mu.Unlock()
}

// isOpen reports whether a call is not answered yet.
func (t *callTable) isOpen(id uint64) bool {
	t.mu.Lock()
	open := t.open[id] != nil
	t.mu.Unlock()
	return open
}

// len returns the number of calls that are not answered yet.
func (t *callTable) len() int {
	t.mu.Lock()
	n := len(t.open)
	t.mu.Unlock()
	return n
}

// endCalls fails all calls under way, and all calls to come.
func (c *Conn) endCalls(why *Error) {
	for _, w := range c.calls.end(why) {
		c.answerPage(w, nil, why)
	}
}

// end fails all calls under way, and all calls to come. It returns the calls of a page, which are not told.
func (t *callTable) end(why *Error) (ofPage []*call) {
	t.mu.Lock()
	open := t.open
	t.open, t.ended = nil, why
	t.mu.Unlock()
	for _, w := range open {
		w.err = why
		if w.isOfPage() {
			ofPage = append(ofPage, w)
			continue
		}
		w.ready <- struct{}{}
	}
	return ofPage
}

// park is end for a session that is detached. It returns the ids of the calls to give up, and the
// last id that was used. Requests for changes are not given up.
func (t *callTable) park(why *Error) (ids []uint64, last uint64) {
	t.mu.Lock()
	for id, w := range t.open {
		if !w.change {
			ids = append(ids, id)
		}
	}
	last = t.lastID
	t.mu.Unlock()
	t.end(why)
	return ids, last
}

// restore makes ids go on after lastID, the last one of a detached session.
func (t *callTable) restore(lastID uint64) {
	t.mu.Lock()
	t.lastID = max(t.lastID, lastID)
	t.mu.Unlock()
}

// hold makes calls fail with why from now on, or, with nil, succeed again. Nobody else knows the connection yet.
func (t *callTable) hold(why *Error) {
	t.mu.Lock()
	t.ended = why
	t.mu.Unlock()
}
