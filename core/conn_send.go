package core

import (
	"context"
	"strconv"
	"time"

	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// Send converts v and queues it for the peer as a command. It returns when the command is
// queued, not when it is delivered. [On] says how values are converted.
//
// It fails, without anything having been queued, with [CodeBadName], [CodeTooBig] if the peer
// would not read so large a frame, the codec's error, why the connection ended,
// or what the [Overflow] says for want of room: at a server with [CodeSlowConsumer], and the
// connection ends; at a client after WriteTimeout with [CodeQueueFull], and it goes on; with
// [Wait], the error of its context.
func (c *Conn) Send(command string, v any, opts ...SendOption) error {
	payload, err := encode(c.eng.codec, v)
	if err != nil {
		return err
	}
	if hasLegacy && !c.can.Native {
		return c.sendWith(Frame{KindCommand, command, payload}, formOf(v), opts)
	}
	return c.SendBytes(command, payload, opts...)
}

// SendBytes is Send for a payload that needs no conversion. It does not keep payload.
func (c *Conn) SendBytes(command string, payload []byte, opts ...SendOption) error {
	if len(opts) > 0 || c.detour {
		return c.sendWith(Frame{KindCommand, command, payload}, 0, opts)
	}
	return c.sendCommand(command, payload, nil)
}

// SendRaw queues a raw message: bytes without a name, for [Conn.RecvRaw] or the
// message handler. It does not keep payload, and fails as Send does.
func (c *Conn) SendRaw(payload []byte, opts ...SendOption) error {
	if len(opts) > 0 || c.detour {
		return c.sendWith(Frame{KindRaw, "", payload}, 0, opts)
	}
	return c.sendRaw(payload, nil)
}

// sendWith sends what has options, or takes a detour.
func (c *Conn) sendWith(f Frame, as form, opts []SendOption) error {
	set := sending{as: as}
	set.add(opts)
	if mw := c.eng.handlers.send; mw != nil {
		return through(mw, Outgoing{Frame: f, To: c}, &set, c.sendFrame)
	}
	return c.sendFrame(f, &set)
}

func (c *Conn) sendFrame(f Frame, set *sending) error {
	if set.leavesOut(c) {
		if set.mustReach {
			return NewError(CodeUnknownClient, "the only client is left out")
		}
		return nil
	}
	if hasLegacy && !c.can.Native {
		return c.sendLegacy(f, set)
	}
	if f.Kind == KindRaw {
		return c.sendRaw(f.Payload, set)
	}
	return c.sendCommand(f.Command, f.Payload, set)
}

func (c *Conn) sendCommand(command string, payload []byte, set *sending) error {
	if err := c.checkSent(command); err != nil {
		return err
	}
	n := wire.CommandSize(command, len(payload))
	if err := c.fits(n); err != nil {
		return err
	}
	o := c.eng.overflow.of(command)
	if hasOverflow && o.drops() && !set.waits() {
		frame := wire.AppendCommand(make([]byte, 0, n), command, payload)
		return c.sendByPolicy(command, c.eng.overflow.newBlock(command, set, frame))
	}
	dst, err := c.beginSend(n, o, set)
	if err != nil {
		return err
	}
	c.out.Commit(wire.AppendCommand(dst, command, payload))
	return nil
}

func (c *Conn) sendRaw(payload []byte, set *sending) error {
	n := wire.RawSize(len(payload))
	if err := c.fits(n); err != nil {
		return err
	}
	o := c.eng.overflow.of("")
	if hasOverflow && o.drops() && !set.waits() {
		return c.sendByPolicy("", c.eng.overflow.newBlock("", set, wire.AppendRaw(make([]byte, 0, n), payload)))
	}
	dst, err := c.beginSend(n, o, set)
	if err != nil {
		return err
	}
	c.out.Commit(wire.AppendRaw(dst, payload))
	return nil
}

// beginSend is [outbox.Outbox.Begin] for a send under a policy that drops nothing: Commit follows, unless
// it fails.
func (c *Conn) beginSend(n int, o Overflow, set *sending) ([]byte, error) {
	as, err := c.classOf(o, set)
	if err != nil {
		return nil, err
	}
	dst, no := c.out.Begin(n, as)
	if no == nil {
		return dst, nil
	}
	err = c.afterRefusal(n, o, set, no, as, func(as outbox.Class) (no *outbox.Refusal) {
		dst, no = c.out.Begin(n, as)
		return no
	})
	return dst, err
}

// sendAll queues a frame that other connections may be sent too, under a policy that drops nothing.
func (c *Conn) sendAll(frame *outbox.Block, o Overflow, set *sending) error {
	n := frame.Size()
	if err := c.fits(n); err != nil {
		return err
	}
	as, err := c.classOf(o, set)
	if err != nil {
		return err
	}
	no := c.out.Share(frame, as)
	if no == nil {
		return nil
	}
	return c.afterRefusal(n, o, set, no, as, func(as outbox.Class) *outbox.Refusal { return c.out.Share(frame, as) })
}

// classOf is the class of a send under a policy that drops nothing: of one that is queued or fails at once, or
// of one that can wait. It fails if the context has ended that says how long.
func (c *Conn) classOf(o Overflow, set *sending) (outbox.Class, error) {
	switch {
	case set.waits():
		if set.ctx.Err() != nil {
			return 0, c.waitError(set.ctx)
		}
		return c.patient(c.waiter(set.ctx)), nil
	case hasOverflow && o == OverflowDisconnect, c.server && (browser || c.Suspended() || c.sess.Link().State() == session.Mute):
		return outbox.Data, nil
	}
	return c.patient(c), nil
}

// afterRefusal goes on with a send that was refused once: it tries again for as long as its context says, or else as its
// policy does, unless it is one that does not wait.
func (c *Conn) afterRefusal(n int, o Overflow, set *sending, no *outbox.Refusal, as outbox.Class, try func(outbox.Class) *outbox.Refusal) error {
	switch {
	case as == outbox.Data:
		return c.overflowed(n, no)
	case set.waits():
		return c.awaitRoom(set.ctx, c.waiter(set.ctx), n, 0, try)
	case hasOverflow && o == OverflowBlock:
		return c.awaitRoom(c.Context(), c, n, c.eng.writeTimeout, try)
	}
	return c.awaitRoom(c.Context(), c, n, -1, try) // in a browser
}

// sendOwn queues a small frame of the library's own.
func (c *Conn) sendOwn(frame []byte) error {
	if no := c.out.Send(frame, outbox.Own); no != nil {
		return c.overflowed(len(frame), no)
	}
	return nil
}

// sendShared sends f, of which once is the native frame that others are sent too.
func (c *Conn) sendShared(f Frame, once *outbox.Block, set *sending) error {
	if !c.can.Native {
		return c.sendFrame(f, set)
	}
	return c.sendByPolicy(f.Command, once)
}

// waits reports whether the sender waits for room as its context says.
func (s *sending) waits() bool { return s != nil && s.ctx != nil }

// waiter is whose handler may be waiting on ctx in a send to c. The handler may be one of c itself
// which waits on a context of its own.
func (c *Conn) waiter(ctx context.Context) *Conn {
	if own := handlerConn(ctx); own != nil {
		return own
	}
	return c
}

// patient is the class of a frame whose sender can wait. A handler of this very connection does not wait for an
// ack that comes after more than is read ahead.
func (c *Conn) patient(own *Conn) outbox.Class {
	if own == c && c.progress.awaitsRoom.Load() {
		return outbox.Patient | outbox.Unread
	}
	return outbox.Patient
}

// beginWaiting is [outbox.Outbox.Begin] for one who can wait: see awaitRoom.
func (c *Conn) beginWaiting(ctx context.Context, own *Conn, n int, most time.Duration) (dst []byte, err error) {
	dst, no := c.out.Begin(n, c.patient(own))
	if no == nil {
		return dst, nil
	}
	err = c.awaitRoom(ctx, own, n, most, func(as outbox.Class) (no *outbox.Refusal) {
		dst, no = c.out.Begin(n, as)
		return no
	})
	return dst, err
}

// awaitRoom tries to queue a frame of n bytes until it is not refused. It fails when ctx or the connection ends
// first, or at the latest after most: never if that is zero, at once if it is negative. own is the connection
// whose handler may be waiting, or nil.
func (c *Conn) awaitRoom(ctx context.Context, own *Conn, n int, most time.Duration, try func(outbox.Class) *outbox.Refusal) error {
	var late <-chan time.Time
	queuing := false
	for {
		as := c.patient(own)
		if most >= 0 {
			as |= outbox.Await
		}
		no := try(as)
		switch {
		case no == nil:
			return nil
		case no.Why == outbox.Closed:
			return c.closedError()
		case most < 0:
			return c.noRoom(CodeQueueFull, n, no)
		}
		yield(own)
		if own == c && !queuing {
			queuing = true
			c.progress.queuing.Add(1)
			defer c.progress.queuing.Add(-1)
		}
		if !browser && most > 0 && late == nil { // in a browser nothing waits that long
			timer := time.NewTimer(most)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-no.Room:
		case <-ctx.Done():
			return c.waitError(ctx)
		case <-late:
			most, late = -1, nil // unless there is room just now
		}
	}
}

// overflowed is the error of a frame of n bytes that was refused though it could not wait. The connection ends
// if it has no room for the frame. A client that is coming back refuses what does not fit, and goes on: it is not
// its program that is slow. So does a connection whose peer is only read any more.
func (c *Conn) overflowed(n int, no *outbox.Refusal) error {
	switch {
	case no.Why == outbox.Closed:
		return c.closedError()
	case no.Why == outbox.Mute, no.Why == outbox.Away && !c.server:
		return c.noRoom(CodeQueueFull, n, no)
	}
	err := c.noRoom(CodeSlowConsumer, n, no)
	c.eng.counters.slow.Add(1)
	c.endWith(err)
	return err
}

// noRoom says that the queue has no room for a frame of n bytes.
func (c *Conn) noRoom(code Code, n int, no *outbox.Refusal) *Error {
	text := "no room for a frame of " + strconv.Itoa(n) + " B: " + strconv.Itoa(no.Waiting) + " B wait to be written"
	if no.Kept > 0 {
		text += ", " + strconv.Itoa(no.Kept) + " B to be acknowledged"
	}
	return NewError(code, text+", limit "+strconv.Itoa(c.eng.queueBytes)+" B")
}

// waitError is why a wait on ctx ended: a handler's context ends with its connection.
func (c *Conn) waitError(ctx context.Context) error {
	if c.isEnded() {
		return c.closedError()
	}
	return ctx.Err()
}

// fits returns why the peer would not read a frame of n bytes in all, or nil.
func (c *Conn) fits(n int) *Error {
	if n <= wire.Size(c.peer.maxFrame) {
		return nil
	}
	return NewError(CodeTooBig, "frame "+strconv.Itoa(n)+" B exceeds the peer's limit "+strconv.Itoa(c.peer.maxFrame)+" B")
}

// closedError is what a send on an ended connection returns.
func (c *Conn) closedError() *Error {
	why := c.reason()
	if why == nil { // the queue closes a moment before
		return NewError(CodeClosed, "the connection is closed")
	}
	e := *why
	return &e
}

// Writing a connection, as its outbox asks for: an [outbox.Owner].
type outboxOwner Conn

// Enter counts a writer, unless the last goroutine of the connection has left.
func (w *outboxOwner) Enter() bool { return (*Conn)(w).life.tryEnter() }

// Write writes until nothing waits. It reports whether the caller was the last goroutine of the connection, and has
// finished it.
func (w *outboxOwner) Write() (last bool) {
	c := (*Conn)(w)
	defer func() { last = c.exit() }()
	bufs, to := c.out.Take()
	for bufs != nil {
		n, ok := c.write(bufs, to)
		if !ok {
			return false // unless exit says otherwise
		}
		var room bool
		if bufs, to, room = c.out.Next(n); room {
			c.eng.owner.noticesFit(c)
			bufs, to = c.out.Take()
		}
	}
	return false // likewise
}

// flushBatch is the reader's write at the end of its batch.
func (c *Conn) flushBatch() {
	bufs, to := c.out.Take()
	if bufs == nil {
		return
	}
	if n, ok := c.write(bufs, to); ok && c.out.Done(n) {
		c.eng.owner.noticesFit(c)
	}
}

// write writes to a link and returns how many bytes that were. If it reports false it has failed, and the
// caller's task of writing is over.
func (c *Conn) write(bufs [][]byte, to any) (n int64, ok bool) {
	l := to.(*session.Link)
	var err error
	switch {
	case len(bufs) == 1:
		var one int
		one, err = l.Stream.Write(bufs[0])
		n = int64(one)
	default:
		n, err = l.Stream.WriteBuffers(bufs)
	}
	if err == nil {
		return n, true
	}
	c.out.Fail(n)
	c.writeFailed(l, err)
	c.out.Stop(l.State() != session.Sound)
	return n, false
}

// probe asks the peer whether it is still there, if it answers such questions.
func (c *Conn) probe(nonce uint64) {
	if !hasLegacy || c.legacy == nil {
		c.out.Ping(nonce)
		return
	}
	if frame := c.legacy.AliveProbe(); frame != nil {
		c.sendOwn(frame) //nolint:errcheck // then it is over anyway
	}
}
