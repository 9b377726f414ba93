package core

import (
	"errors"
	"io"
	"time"

	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/internal/turn"
	"github.com/hisock/hisock/core/wire"
)

// serve runs first once before is closed (at once if before is nil), writes the frames that first has queued, and then
// reads. The caller's goroutine is the connection's reader from now on. first may send and wait as any handler may.
func (c *Conn) serve(rd *reader, before <-chan struct{}, first func()) {
	rd.link = c.sess.Link()
	c.rd = rd
	c.progress.bytes.Store(uint64(rd.w - rd.r)) // with the hello
	if hasManual && c.eng.manual != nil {
		c.life.enter(1)
		go c.beginManual(before, first)
		c.read(rd)
		return
	}
	left := false
	c.events.Hold()
	tok := c.beginTurn(turn.Handling)
	defer func() {
		if !left { // first has ended its goroutine by runtime.Goexit
			c.endWith(errGoexit)
			c.freeEvents()
			c.handOver(tok)
			c.turn.AwaitCopy()
			c.exit()
		}
	}()
	if c.turn.Bytes() > 0 { // frames of a detached session: this goroutine runs them after first
		c.handOver(tok)
	}
	if before != nil {
		<-before
	}
	first()
	left = true
	c.freeEvents()
	if !c.turn.End(tok) {
		c.leaveReading(rd)
		c.exit()
		return
	}
	if !c.finishBatch(rd) {
		c.exit()
		return
	}
	go c.read(rd) // the stack of this goroutine has become large
}

// freeEvents lets the events run that serve has held back until first returned.
func (c *Conn) freeEvents() {
	if c.events.Free() {
		c.startEvents()
	}
}

// beginManual leaves first to Update once before is closed, and then the frames that have come meanwhile.
func (c *Conn) beginManual(before <-chan struct{}, first func()) {
	defer c.exit()
	if before != nil {
		<-before
	}
	c.eng.manual.add(task{c, func() { first(); c.endBatch() }})
	for range c.turn.Free() {
		c.leaveToUpdate()
	}
}

// read is the goroutine of a reader.
func (c *Conn) read(rd *reader) { c.readAgain(rd, false) }

// readAgain is read for a connection that may have been woken from its sleep.
func (c *Conn) readAgain(rd *reader, woken bool) {
	rd.budget = c.eng.budget
	returned, passed := false, false
	defer func() {
		if !returned { // a handler has ended this goroutine: another one reads on
			c.handOver(c.turn.Now())
		}
		if !passed {
			c.turn.AwaitCopy()
			rd.release()
		}
		c.exit()
	}()
	if passed = c.readOn(rd, woken); passed {
		c.life.enter(1)
		if !c.sleep(rd) {
			go c.read(rd)
		}
	}
	returned = true
}

// readOn reads, parses, and runs or queues frames until the stream ends or the reading is taken over. It reports true if
// another goroutine is to read on: the stack of this one may have become large, and the next input may take long.
func (c *Conn) readOn(rd *reader, woken bool) (pass bool) {
	batch := c.legacy.batch()
	hasRead := false
	for {
		if !batch(c, rd) {
			return false
		}
		c.sess.EndBatch()
		if !browser && hasRead && rd.r == rd.w {
			if c.watch.stale.Load() {
				c.watch.stale.Store(false)
				return true
			}
			if woken = woken && c.isStill(); woken {
				return true
			}
		}
		if !browser && rd.woken {
			rd.woken = false
			c.streams.Load().LetTake()
		}
		had := rd.w - rd.r
		if hasCrowd && c.guard != nil {
			c.guard.Wait(rd.w-rd.r, rd.need)
		}
		var since time.Time
		mute := rd.link.State() == session.Mute
		if mute {
			since = rd.link.BeginWait()
		}
		c.progress.awaitsPeer.Store(true)
		err := c.fill(rd)
		c.progress.awaitsPeer.Store(false)
		if err != nil {
			rest := rd.w - rd.r
			rd.release()
			c.readEnded(rd.link, rest, err)
			return false
		}
		hasRead = true
		c.progress.reads.Add(1)
		c.progress.bytes.Add(uint64(rd.w - rd.r - had))
		if mute && rd.link.Waited(rd.w-rd.r-had, since) {
			rd.release()
			c.readEnded(rd.link, 0, errPast)
			return false
		}
		if c.isEnded() && c.readPast(rd.w-rd.r) {
			rd.release()
			c.readEnded(rd.link, 0, errPast)
			return false
		}
		if hasCrowd && c.guard != nil {
			c.isTooFast(c.guard.Read(rd.w - rd.r - had))
		}
	}
}

// readPast counts n bytes that came after the connection had ended. It reports whether there are more than maxPast: then
// the stream is closed without waiting for the peer.
func (c *Conn) readPast(n int) bool {
	c.past += n
	return c.past > maxPast
}

var errPast = &Error{Code: CodeConnLost, Message: "the peer sends on after the connection has ended"}

// readEnded ends the reading of a link, and suspends or ends the connection. rest is the number of bytes that have come
// of an unfinished frame.
func (c *Conn) readEnded(l *session.Link, rest int, err error) {
	if why := c.legacy.ended(rest, err); why != nil {
		c.endRemote(why)
	}
	closed := errors.Is(err, io.EOF)
	if closed {
		err = io.ErrUnexpectedEOF // a peer that leaves in order says goodbye first
	}
	if l.State() == session.Mute {
		err = l.WriteError()
	}
	c.lost(l, err)
	l.EndReading(closed)
}

// batch handles all the frames that have been read, and then writes the frames that they caused. It
// reports whether the reading is still the caller's.
func (c *Conn) batch(rd *reader) bool {
	if rd.r == rd.w {
		return true
	}
	if c.isEnded() { // the stream is read only to see that the peer closes it
		c.ignore(rd)
		return true
	}
	size := rd.w - rd.r
	counts := hasCrowd && c.guard.Counts()
	first := c.sess.Received()
	next := first + fairFrames
	var since clock
	c.beginBatch(size)
	for rd.r < rd.w && !c.deaf(rd) {
		f, size, ok, err := wire.Next(rd.buf[rd.r:rd.w], c.eng.maxFrame)
		if err != nil {
			c.endWith(wireError(err))
			rd.r = rd.w
			break
		}
		if !ok {
			rd.need = size
			break
		}
		rd.r += size
		rd.need = 0
		if counts && !c.admits(f.Kind) {
			break
		}
		if !c.receive(rd, f) {
			return false
		}
		if c.out.Pressed() { // write what the handlers have queued before they fill the queue
			if !c.finishBatch(rd) {
				return false
			}
			c.beginBatch(rd.w - rd.r)
		}
		if hasCrowd && c.sess.Received() >= next {
			if !c.letOthers(rd, &since) {
				return false
			}
			next = c.sess.Received() + fairFrames
		}
	}
	if c.deaf(rd) {
		c.ignore(rd)
	}
	size -= rd.w - rd.r
	c.noteRead(size)
	if !c.finishBatch(rd) {
		return false
	}
	if hasCrowd {
		c.hadBatch(c.sess.Received()-first, size)
	}
	return true
}

// ignore drops frames that were read and are not handled any more.
func (c *Conn) ignore(rd *reader) {
	if !c.isEnded() || !c.lastWords(rd) {
		rd.r = rd.w
	}
}

// deaf reports whether no more frames of the link are handled.
func (c *Conn) deaf(rd *reader) bool { return c.isEnded() || rd.link.State() == session.Lost }

// beginBatch tells the outbox that the reader, which has size bytes to handle, will flush at the end of the batch. It
// does nothing if another goroutine runs the handlers, since the reader does not flush then.
func (c *Conn) beginBatch(size int) {
	if c.turn.Handed() {
		return
	}
	c.out.Hold(size)
}

// finishBatch flushes the outbox. If another goroutine writes and much waits, finishBatch waits for room: so a peer that
// does not read the frames that it causes is not read either, before it has filled the queue. It reports
// whether the reading is still the caller's.
func (c *Conn) finishBatch(rd *reader) bool {
	flush, room := c.out.Release(c.turn.Handed()) // if another goroutine has the turn, this one must go on reading
	if flush == outbox.Nothing {
		return true
	}
	if flush == outbox.Wait {
		c.stall()
	}
	tok := c.beginTurn(turn.Flushing)
	if flush == outbox.Wait {
		<-room
	} else {
		c.flushBatch()
	}
	if c.turn.End(tok) {
		return true
	}
	c.leaveReading(rd)
	return false
}
