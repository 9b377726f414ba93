package core

import (
	"context"
	"runtime"
	"strconv"
	"time"

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
	if hasClassic && !c.can.Native {
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
	if hasClassic && !c.can.Native {
		return c.sendClassic(f, set)
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
		return c.sendSpare(command, c.eng.overflow.newBlock(command, set, wire.AppendCommand(make([]byte, 0, n), command, payload)), set)
	}
	if err := c.beginSend(n, o, set); err != nil {
		return err
	}
	c.out.commitLocked(wire.AppendCommand(c.out.spaceLocked(n), command, payload))
	c.queued()
	return nil
}

func (c *Conn) sendRaw(payload []byte, set *sending) error {
	n := wire.RawSize(len(payload))
	if err := c.fits(n); err != nil {
		return err
	}
	o := c.eng.overflow.of("")
	if hasOverflow && o.drops() && !set.waits() {
		return c.sendSpare("", c.eng.overflow.newBlock("", set, wire.AppendRaw(make([]byte, 0, n), payload)), set)
	}
	if err := c.beginSend(n, o, set); err != nil {
		return err
	}
	c.out.commitLocked(wire.AppendRaw(c.out.spaceLocked(n), payload))
	c.queued()
	return nil
}

// beginSend locks the queue once it has room for n more bytes, under a policy that drops nothing.
// Otherwise it fails, with the queue unlocked.
func (c *Conn) beginSend(n int, o Overflow, set *sending) error {
	switch {
	case set.waits():
		return c.waitToSend(n, o, set)
	case hasOverflow && o == OverflowDisconnect, c.server && (browser || c.Suspended() || c.sess.Link().State() == session.Mute):
		c.out.mu.Lock()
		return c.admitLocked(n)
	}
	c.out.mu.Lock()
	if !c.out.closed && c.out.admitWaiterLocked(n, c.inbox.paused.Load()) {
		return nil
	}
	c.out.mu.Unlock()
	return c.waitToSend(n, o, set)
}

// waitToSend is awaitRoom for a send: as long as its context says, or else as its policy does.
func (c *Conn) waitToSend(n int, o Overflow, set *sending) error {
	switch {
	case set.waits():
		if set.ctx.Err() != nil {
			return c.waitError(set.ctx)
		}
		return c.awaitRoom(set.ctx, c.waiter(set.ctx), n, 0)
	case hasOverflow && o == OverflowBlock:
		return c.awaitRoom(c.ctx, c, n, c.eng.writeTimeout)
	}
	return c.awaitRoom(c.ctx, c, n, -1) // in a browser
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

// sendShared sends f, of which once is the native frame that others are sent too.
func (c *Conn) sendShared(f Frame, once *block, set *sending) error {
	if !c.can.Native {
		return c.sendFrame(f, set)
	}
	return c.sendSpare(f.Command, once, set)
}

// sendAll queues a frame that other connections may be sent too, under a policy that drops nothing.
func (c *Conn) sendAll(frame *block, o Overflow, set *sending) error {
	n := len(frame.b)
	if err := c.fits(n); err != nil {
		return err
	}
	if err := c.beginSend(n, o, set); err != nil {
		return err
	}
	c.out.shareLocked(frame)
	c.queued()
	return nil
}

// sendOwn queues a small frame of the library's own.
func (c *Conn) sendOwn(frame []byte) error {
	c.out.mu.Lock()
	if !c.out.closed && !c.out.admitSmallLocked(len(frame)) && !(hasOverflow && c.makeRoomLocked(len(frame))) {
		return c.overflowLocked(len(frame))
	}
	if c.out.closed {
		c.out.mu.Unlock()
		return c.closedError()
	}
	c.out.commitLocked(append(c.out.spaceLocked(len(frame)), frame...))
	c.queued()
	return nil
}

// awaitRoom locks the queue once it is open to a frame of n bytes from one who can wait. It
// fails, with the queue unlocked, when ctx or the connection ends first, or at the latest after
// that time: never if it is zero, at once if it is negative. own is the connection whose handler may
// be waiting, or nil.
func (c *Conn) awaitRoom(ctx context.Context, own *Conn, n int, most time.Duration) error {
	var late <-chan time.Time
	for {
		c.out.mu.Lock()
		if c.out.closed {
			c.out.mu.Unlock()
			return c.closedError()
		}
		if c.out.admitWaiterLocked(n, own == c && c.inbox.paused.Load()) {
			return nil
		}
		if most < 0 {
			return c.noRoomLocked(n)
		}
		room := c.out.roomLocked()
		c.queued() // perhaps what asks for an ack, and nobody writes any more
		yield(own)
		if !browser && most > 0 && late == nil { // in a browser nothing waits that long
			timer := time.NewTimer(most)
			defer timer.Stop()
			late = timer.C
		}
		select {
		case <-room:
		case <-ctx.Done():
			return c.waitError(ctx)
		case <-late:
			most, late = -1, nil // unless there is room just now
		}
	}
}

// noRoomLocked unlocks the queue, and is the error of a frame of n bytes for which it has no room.
func (c *Conn) noRoomLocked(n int) error {
	err := c.out.noRoom(CodeQueueFull, n)
	c.queued() // perhaps what asks for an ack
	return err
}

// noRoom says that the queue has no room for a frame of n bytes.
func (q *queue) noRoom(code Code, n int) *Error {
	text := "no room for a frame of " + strconv.Itoa(n) + " B: " + strconv.Itoa(q.bytes) + " B wait to be written"
	if q.keep.bytes > 0 {
		text += ", " + strconv.Itoa(q.keep.bytes) + " B to be acknowledged"
	}
	return NewError(code, text+", limit "+strconv.Itoa(q.limit)+" B")
}

// waitError is why a wait on ctx ended: a handler's context ends with its connection.
func (c *Conn) waitError(ctx context.Context) error {
	if c.isEnded() {
		return c.closedError()
	}
	return ctx.Err()
}

// fits reports whether the peer would read a frame of so many bytes in all.
func (c *Conn) fits(n int) *Error {
	if n <= wire.Size(c.peerMaxFrame) {
		return nil
	}
	return NewError(CodeTooBig, "frame "+strconv.Itoa(n)+" B exceeds the peer's limit "+strconv.Itoa(c.peerMaxFrame)+" B")
}

// admitLocked makes sure that n more bytes may wait. When they may not it unlocks
// the queue, ends the connection if its queue is full, and returns why.
func (c *Conn) admitLocked(n int) error {
	if c.out.closed {
		c.out.mu.Unlock()
		return c.closedError()
	}
	if c.out.admitLocked(n) || hasOverflow && c.makeRoomLocked(n) {
		return nil
	}
	return c.overflowLocked(n)
}

// overflowLocked unlocks the queue and ends the connection because it has no room for a frame of n
// bytes. A client that is coming back refuses what does not fit, and goes on: it is not its program
// that is slow. So does a connection whose peer is only read any more.
func (c *Conn) overflowLocked(n int) error {
	if c.out.mute || c.out.link == nil && !c.server {
		return c.noRoomLocked(n)
	}
	err := c.out.noRoom(CodeSlowConsumer, n)
	c.out.mu.Unlock()
	c.eng.counters.slow.Add(1)
	c.endWith(err)
	return err
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

// queued unlocks the queue, into which something was just put, and asks for a writer unless
// somebody is going to write anyway. The publisher never writes itself: a peer
// that does not read would hold it up.
func (c *Conn) queued() {
	wake := c.out.wakeLocked()
	if wake && !c.hold() { // all is over: only the sweeper still knows the connection
		c.out.idleLocked()
		wake = false
	}
	over := hasBudget && c.out.over
	if over {
		c.out.over = false
	}
	c.out.mu.Unlock()
	if wake {
		c.eng.writers.add(c)
	}
	if over {
		runtime.Gosched() // to keepWithin, which has to be faster than whoever sends
	}
}

// writer writes until nothing waits. It is called when something is queued while nobody writes, and
// reports whether it was the last goroutine of the connection, and has finished it.
func (c *Conn) writer() (last bool) {
	defer func() { last = c.exit() }()
	c.out.mu.Lock()
	for c.writeLocked() {
	}
	c.out.mu.Unlock()
	return false // unless exit says otherwise
}

// writeLocked writes one batch, with the queue unlocked meanwhile. It reports whether there was
// one; if not, or if it could not be written, the caller no longer flushes.
func (c *Conn) writeLocked() bool {
	bufs, l := c.out.takeLocked()
	if bufs == nil {
		return false
	}
	c.out.mu.Unlock()
	var n int64
	var err error
	switch {
	case hasClassic && c.classic != nil:
		for _, b := range bufs {
			n += int64(len(b))
		}
		err = c.classic.write(c, l.Stream, bufs)
	case len(bufs) == 1:
		var one int
		one, err = l.Stream.Write(bufs[0])
		n = int64(one)
	default:
		n, err = l.Stream.WriteBuffers(bufs)
	}
	c.writes.Add(1)
	c.out.mu.Lock()
	c.out.writtenBytes += uint64(n)
	if err != nil {
		c.out.keepFailedLocked()
	}
	c.out.doneLocked()
	if err == nil {
		if c.out.noticesWait {
			c.drainedLocked()
		}
		return true
	}
	c.out.mu.Unlock()
	c.writeFailed(l, err)
	c.out.mu.Lock()
	if l.State() != session.Sound {
		c.out.idleLocked() // what waits is written when the connection is resumed
	} else {
		c.out.stopLocked()
	}
	return false
}

// drainedLocked lets notices that wait go on if there is room for them, with the queue unlocked
// meanwhile.
func (c *Conn) drainedLocked() {
	if c.out.bytes > c.out.noticeRoom()/2 {
		return
	}
	c.out.noticesWait = false
	c.out.mu.Unlock()
	c.eng.owner.noticesFit(c)
	c.out.mu.Lock()
}

// flushBatch is the reader's write at the end of its batch: what waits is written
// here once, and if more has come meanwhile a writer goes on with it, so that
// those who publish to this connection cannot keep its reader from reading.
func (c *Conn) flushBatch() {
	c.out.mu.Lock()
	more := false
	if c.writeLocked() {
		if more = c.out.pendingLocked() && c.out.link != nil; more {
			c.running.Add(1)
		} else {
			c.out.idleLocked()
		}
	}
	c.out.mu.Unlock()
	if more {
		c.eng.writers.add(c)
	}
}

// ping and pong fill their slots and wake a writer if the reader will not flush.
func (c *Conn) ping(nonce uint64) {
	c.control(func(ctl *control) {
		if !ctl.pingDue || ctl.ping != askNonce { // which is as good as any, and waited for
			ctl.ping, ctl.pingDue = nonce, true
		}
	})
}

// probe asks the peer whether it is still there, if it answers such questions.
func (c *Conn) probe(nonce uint64) {
	if !hasClassic || c.classic == nil {
		c.ping(nonce)
		return
	}
	if frame := c.classic.aliveProbe(); frame != nil {
		c.sendOwn(frame) //nolint:errcheck // then it is over anyway
	}
}

func (c *Conn) pong(nonce uint64) {
	c.control(func(ctl *control) { ctl.pong, ctl.pongDue = nonce, true })
}

func (c *Conn) control(set func(ctl *control)) {
	if hasClassic && !c.can.Pings {
		return
	}
	c.out.mu.Lock()
	if c.out.closed || c.out.link == nil {
		c.out.mu.Unlock()
		return
	}
	set(&c.out.control)
	c.out.control.due = true
	c.queued()
}
