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
// If Send fails, nothing has been queued. It fails with [CodeBadName]; with [CodeTooBig] if the peer
// does not read so large a frame; with the codec's error; with the reason for which the connection ended;
// with the error of its context if it has the option [Wait]; and if the queue has no room, as the [Overflow] says.
// By default that is [CodeSlowConsumer] at a server, which ends the connection, and at a client, after
// WriteTimeout, [CodeQueueFull], after which the connection goes on.
func (c *Conn) Send(command string, v any, opts ...SendOption) error {
	payload, err := encode(c.eng.codec, v)
	if err != nil {
		return err
	}
	if len(opts) > 0 || c.detour {
		return c.sendWith(Frame{KindCommand, command, payload}, c.legacy.formOf(v), opts)
	}
	return c.sendCommand(command, payload, nil)
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

// sendWith sends a frame with options, or over the detour that peer.detour tells of.
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
	if !c.takesNative() {
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
		if err := c.sendByPolicy(command, c.eng.overflow.newBlock(command, set, frame)); err != nil {
			return c.diverted(Frame{KindCommand, command, payload}, frame, set, err)
		}
		return nil
	}
	dst, err := c.beginSend(n, o, set)
	if err != nil {
		return c.diverted(Frame{KindCommand, command, payload}, nil, set, err)
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
		frame := wire.AppendRaw(make([]byte, 0, n), payload)
		if err := c.sendByPolicy("", c.eng.overflow.newBlock("", set, frame)); err != nil {
			return c.diverted(Frame{KindRaw, "", payload}, frame, set, err)
		}
		return nil
	}
	dst, err := c.beginSend(n, o, set)
	if err != nil {
		return c.diverted(Frame{KindRaw, "", payload}, nil, set, err)
	}
	c.out.Commit(wire.AppendRaw(dst, payload))
	return nil
}

// beginSend is [outbox.Outbox.Begin] for a frame of n bytes under a policy that drops nothing. Unless it fails, the
// caller must append the frame to the slice that it returns, and Commit it.
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

// sendAll queues a frame that other outboxes may share, under a policy that drops nothing.
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

// classOf returns the class of a send under a policy that drops nothing: Data if the send must not wait, and otherwise
// Patient. It fails if the context of the option Wait has ended.
func (c *Conn) classOf(o Overflow, set *sending) (outbox.Class, error) {
	switch {
	case set.waits():
		if set.ctx.Err() != nil {
			return 0, c.waitError(set.ctx)
		}
		return c.patient(c.waiter(set.ctx)), nil
	case hasOverflow && o == OverflowDisconnect, set != nil && set.relayed, c.server && (browser || c.Suspended() || c.sess.Link().State() == session.Mute):
		return outbox.Data, nil
	}
	return c.patient(c), nil
}

// afterRefusal goes on with a send that was refused once. A send that can wait tries again, as long as the context of its
// option Wait says, or else its policy. Any other send fails, as overflowed says.
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

// sendOwn queues a small frame of the library's own, for which a part of the queue is reserved.
func (c *Conn) sendOwn(frame []byte) error {
	if no := c.out.Send(frame, outbox.Own); no != nil {
		return c.overflowed(len(frame), no)
	}
	return nil
}

// sendShared sends f. once is f as a native frame, which other outboxes share.
func (c *Conn) sendShared(f Frame, once *outbox.Block, set *sending) error {
	frame, err := c.blockFor(f, once, set)
	if frame == nil {
		return err
	}
	if set != nil && set.relayed && c.eng.overflow.of(f.Command) == OverflowBlock { // nobody waits for a client of another node
		return c.sendAll(frame, OverflowDisconnect, nil)
	}
	return c.sendByPolicy(f.Command, frame)
}

// blockFor returns f as the peer reads it: once, the native frame that others are sent too, or a block like it of a frame
// in the peer's own form. It is nil if f is held back, or cannot be sent, which the error says.
func (c *Conn) blockFor(f Frame, once *outbox.Block, set *sending) (*outbox.Block, error) {
	if c.takesNative() {
		return once, nil
	}
	frame, err := c.ownFrame(f, set)
	if frame == nil {
		return nil, err
	}
	return once.Like(frame), nil
}

// waits reports whether the send has the option Wait.
func (s *sending) waits() bool { return s != nil && s.ctx != nil }

// waiter returns the connection whose handler may be waiting on ctx in a send to c: the connection to which ctx belongs,
// or else c, since a handler of c may wait on any context.
func (c *Conn) waiter(ctx context.Context) *Conn {
	if own := handlerConn(ctx); own != nil {
		return own
	}
	return c
}

// patient returns the class of a frame whose sender can wait. own is the connection whose handler may be the sender. If
// it is this connection, and its reader waits for room in the inbox, the ack that would make room may not be read
// before the handler returns: hence Unread.
func (c *Conn) patient(own *Conn) outbox.Class {
	if own == c && c.progress.awaitsRoom.Load() {
		return outbox.Patient | outbox.Unread
	}
	return outbox.Patient
}

// beginWaiting is [outbox.Outbox.Begin] for a sender that can wait. For ctx, own and most see awaitRoom.
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

// awaitRoom calls try until the frame of n bytes is queued. It fails if ctx or the connection ends first, or after most;
// a most of zero is no bound, and a negative one means to try once. own is the connection
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
		case no.Why == outbox.Mute && c.sess.Token() == nil: // nothing will be written any more
			return wrapError(CodeConnLost, "", c.sess.Link().WriteError())
		case most < 0:
			return c.noRoom(CodeQueueFull, n, no)
		}
		yield(own)
		if own == c && no.Why == outbox.Mute {
			if !queuing {
				queuing = true
				c.progress.queuing.Add(1)
				defer c.progress.queuing.Add(-1)
			}
			c.giveUpMute()
		}
		if most >= 0 && c.patient(own)|outbox.Await != as {
			continue // the reader may have called Nudge before no.Room was made
		}
		if !browser && most > 0 && late == nil { // a browser build has no policy that waits for a time
			timer := time.NewTimer(most)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-no.Room:
		case <-ctx.Done():
			return c.waitError(ctx)
		case <-late:
			most, late = -1, nil // one more try: there may be room just now
		}
	}
}

// waitError returns why a wait on ctx ended. The context of a handler ends with its connection, whose reason says more.
func (c *Conn) waitError(ctx context.Context) error {
	if c.isEnded() {
		return c.closedError()
	}
	return ctx.Err()
}

// fits returns an error if the peer does not read a frame of n bytes, its header included.
func (c *Conn) fits(n int) *Error {
	if n <= c.peer.maxFrame || n <= wire.Size(c.peer.maxFrame) { // the first is nearly always enough
		return nil
	}
	return NewError(CodeTooBig, "frame "+strconv.Itoa(n)+" B exceeds the peer's limit "+strconv.Itoa(c.peer.maxFrame)+" B")
}

// closedError returns the error of a send on an ended connection.
func (c *Conn) closedError() *Error {
	why := c.reason()
	if why == nil {
		return NewError(CodeClosed, "the connection is closed")
	}
	e := *why
	return &e
}

// An outboxOwner is a Conn as its outbox sees it, an [outbox.Owner]: somebody who writes.
type outboxOwner Conn

// Enter counts a writer, unless the last goroutine of the connection has left.
func (w *outboxOwner) Enter() bool { return (*Conn)(w).life.tryEnter() }

// Write writes until the outbox has nothing to write. It reports whether the caller was the last goroutine of the
// connection, and has finished it.
func (w *outboxOwner) Write() (last bool) {
	c := (*Conn)(w)
	defer func() { last = c.exit() }()
	bufs, to := c.out.Take()
	for to != nil {
		if bufs == nil {
			bufs, to = c.feed()
			continue
		}
		n, ok := c.write(bufs, to)
		if !ok {
			return false // which the deferred exit replaces
		}
		var room bool
		if bufs, to, room = c.out.Next(n); room {
			c.eng.owner.noticesFit(c)
			bufs, to = c.out.Take()
		}
	}
	return false // which the deferred exit replaces
}

// flushBatch is the reader's write at the end of its batch.
func (c *Conn) flushBatch() {
	bufs, to := c.out.Take()
	for bufs == nil {
		if to == nil {
			return
		}
		bufs, to = c.feed()
	}
	if n, ok := c.write(bufs, to); ok && c.out.Done(n) {
		c.eng.owner.noticesFit(c)
	}
}

// write writes to a link and returns how many bytes it has written. If it reports false the write has failed, and the
// task of writing is not the caller's any more.
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
