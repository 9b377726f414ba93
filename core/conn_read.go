package core

import (
	"errors"
	"io"
	"strconv"

	"github.com/hisock/hisock/core/internal/ahead"
	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A reader holds what has been read and not yet parsed. It borrows its buffer while
// there is something in it, so that an idle connection holds none.
type reader struct {
	link  *link
	ahead *ahead.Reader // what has been read before reading began is taken from it; nil if nothing was
	buf   []byte
	r, w  int  // buf[r:w] is unparsed
	need  int  // size of the frame that begins at r, if known and not all there
	big   bool // more than a small buffer holds has come at once lately

	budget *budget.Budget
	mem    budget.Meter // of buf, while more is waited for

	last   *handler // of the command before, for commands
	places places   // of its commands
}

// pool is where the next buffer comes from.
func (rd *reader) pool() transport.BufferPool {
	if rd.big {
		return &bigReadBuffers
	}
	return &readBuffers
}

// directGrow is up to which size a buffer is made as large as the frame that is coming
// says; beyond, it only doubles as the bytes really arrive, so that a
// peer that announces much and sends little costs little.
const directGrow = bigReadBufferSize

// fork returns a reader with a copy of what is unparsed.
func (rd *reader) fork() *reader {
	n := &reader{link: rd.link, ahead: rd.ahead, need: rd.need, big: rd.big}
	if rest := rd.buf[rd.r:rd.w]; len(rest) > 0 {
		n.buf = getRead(len(rest))
		n.w = copy(n.buf, rest)
	}
	return n
}

// release gives the buffer back.
func (rd *reader) release() {
	if rd.buf != nil {
		putRead(rd.buf)
		if rd.mem.Held() > 0 {
			rd.mem.Set(rd.budget, 0)
		}
	}
	*rd = reader{link: rd.link, big: rd.big, last: rd.last, budget: rd.budget}
}

// makeRoom makes sure that there is space behind the unparsed bytes.
func (rd *reader) makeRoom() {
	if rd.buf == nil {
		rd.buf, rd.r, rd.w = rd.pool().Get(), 0, 0
		return
	}
	have := rd.w - rd.r
	size := len(rd.buf)
	if hasCommands && rd.big {
		size = max(size, bigReadBufferSize)
	}
	if rd.need > size && (size < directGrow || have == size) {
		size = min(rd.need, max(directGrow, 2*have))
	}
	switch {
	case size > len(rd.buf):
		rd.big = true
		buf := getRead(size)
		copy(buf, rd.buf[rd.r:rd.w])
		putRead(rd.buf)
		rd.buf = buf
	case rd.w < len(rd.buf) && rd.r+rd.need <= len(rd.buf) && rd.need > 0:
		return // the rest of the frame fits where it is
	case rd.r > 0:
		copy(rd.buf, rd.buf[rd.r:rd.w])
	}
	rd.r, rd.w = 0, have
}

// filled notes whether a small buffer was too small for what has come.
func (rd *reader) filled() {
	if hasCommands && rd.w == readBufferSize && len(rd.buf) == readBufferSize {
		rd.big = true
	}
}

// takeAhead is fill with what has been read ahead. It reports false when all of that was taken, and
// the stream is to be read.
func (rd *reader) takeAhead() (ok bool, err error) {
	b, err := rd.ahead.Take()
	if len(b) == 0 {
		rd.ahead = nil
		return err != nil, err
	}
	have := rd.w - rd.r
	if rd.buf == nil || len(rd.buf)-rd.w < len(b) {
		all := getRead(have + len(b))
		copy(all, rd.buf[rd.r:rd.w])
		if rd.buf != nil {
			putRead(rd.buf)
		}
		rd.buf, rd.r, rd.w = all, 0, have
		rd.big = rd.big || len(all) > readBufferSize
	}
	rd.w += copy(rd.buf[rd.w:], b)
	return true, nil
}

// fill reads more. With nothing unparsed it waits without a buffer if the stream can.
func (c *Conn) fill(rd *reader) error {
	if hasAhead && rd.ahead != nil {
		if ok, err := rd.takeAhead(); ok {
			return err
		}
	}
	if rd.r == rd.w {
		if rd.w < readBufferSize {
			rd.big = false
		}
		if ready := rd.link.ready; ready != nil {
			rd.release()
			if hasBudget && c.partial.Load() != 0 {
				c.partial.Store(0)
			}
			buf, n, err := ready.ReadReady(rd.pool())
			rd.buf, rd.w = buf, n
			rd.filled()
			return err
		}
		if len(rd.buf) != readBufferSize {
			rd.release()
		}
		rd.r, rd.w, rd.need = 0, 0, 0
	}
	rd.makeRoom()
	if size := len(rd.buf); hasBudget && size != rd.mem.Held() {
		rd.mem.Set(rd.budget, size)
		c.partial.Store(int64(size))
	}
	n, err := rd.link.stream.Read(rd.buf[rd.w:])
	rd.w += n
	if n > 0 {
		rd.filled()
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// serve runs first, which may send and wait like any handler, writes what it queued, and
// then reads. The caller's goroutine is the connection's reader from now on.
func (c *Conn) serve(rd *reader, first func()) {
	rd.link = c.link.Load()
	c.rd = rd
	if c.eng.manual != nil {
		c.eng.manual.add(task{event: func() { first(); c.endBatch() }})
		for range c.inbox.waiting() { // of a session that was detached
			c.eng.manual.add(task{c: c})
		}
		c.read(rd)
		return
	}
	left := false
	defer func() {
		if !left { // first has ended its goroutine, which nothing can prevent
			c.endWith(errGoexit)
			c.eng.begun.happen()
			c.exit()
		}
	}()
	turn := c.beginTurn(turnHandling)
	if c.inbox.waiting() > 0 { // of a session that was detached: this goroutine runs them behind first
		c.handOver(turn)
	}
	first()
	left = true
	if !c.endTurn(turn) {
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

// read is the reading role: it reads, parses, and runs or queues what comes, until the
// stream ends or the role is handed over.
func (c *Conn) read(rd *reader) {
	defer c.exit()
	rd.budget = c.eng.budget
	defer c.dropBuffer(rd) // also if a handler ends its goroutine
	for {
		if !c.batch(rd) {
			return
		}
		c.known.Store(c.received)
		had := rd.w - rd.r
		if c.guard != nil {
			c.guard.awaits(rd)
		}
		c.waiting.Store(true)
		err := c.fill(rd)
		c.waiting.Store(false)
		if err != nil {
			rd.release()
			c.readEnded(rd.link, err)
			return
		}
		c.reads.Add(1)
		if c.isEnded() && c.readPast(rd.w-rd.r) {
			rd.release()
			c.readEnded(rd.link, errPast)
			return
		}
		if c.guard != nil {
			c.guard.received(c, rd.w-rd.r-had)
		}
	}
}

// readPast counts bytes that came after the connection had ended, and reports whether that was
// enough. Then the stream is closed without waiting for the peer.
func (c *Conn) readPast(n int) bool {
	c.past += n
	return c.past > maxPast
}

var errPast = NewError(CodeConnLost, "the peer sends on after the connection has ended")

// dropBuffer gives the buffer of a reader back that may be about to be copied by handOver.
func (c *Conn) dropBuffer(rd *reader) {
	c.inbox.mu.Lock()
	rd.release()
	c.inbox.mu.Unlock()
}

// readEnded ends the reading role, for good or until the connection is resumed.
func (c *Conn) readEnded(l *link, err error) {
	if errors.Is(err, io.EOF) {
		l.eof.Store(true)
		err = io.ErrUnexpectedEOF // a peer that leaves in order says goodbye first
	}
	c.lost(l, err)
	l.readerDone.happen()
}

// batch handles all the frames that have been read, then writes what they caused. It
// reports whether the reading is still the caller's.
func (c *Conn) batch(rd *reader) bool {
	if rd.r == rd.w {
		return true
	}
	if c.isEnded() { // read only to see the peer's end
		c.ignore(rd)
		return true
	}
	size := rd.w - rd.r
	counts := c.guard.counts()
	first := c.received
	next := first + fairFrames
	var since clock
	c.beginBatch(size)
	for rd.r < rd.w && !c.deaf(rd) {
		f, size, ok, err := c.nextFrame(rd.buf[rd.r:rd.w])
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
		if counts && !c.guard.got(c, f.Kind) {
			break
		}
		if !c.receive(rd, f) {
			return false
		}
		if c.out.pressed.Load() { // by what the handlers send: do not let them fill the queue
			if !c.finishBatch(rd) {
				return false
			}
			c.beginBatch(rd.w - rd.r)
		}
		if hasCrowd && c.received >= next {
			if !c.letOthers(rd, &since) {
				return false
			}
			next = c.received + fairFrames
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
		c.hadBatch(c.received-first, size)
	}
	return true
}

// ignore drops what was read and is not to be handled any more.
func (c *Conn) ignore(rd *reader) {
	if !c.isEnded() || !c.lastWords(rd) {
		rd.r = rd.w
	}
}

// deaf reports whether nothing more of what was read is to be handled.
func (c *Conn) deaf(rd *reader) bool { return c.isEnded() || rd.link.dead.Load() }

// beginBatch says that the reader, which has so many bytes to handle, will flush, unless
// somebody else runs the handlers.
func (c *Conn) beginBatch(size int) {
	if c.turn.Load()&turnMask == turnHanded {
		return
	}
	c.out.mu.Lock()
	c.out.batch, c.out.expect = true, size
	c.out.mu.Unlock()
}

func (c *Conn) nextFrame(b []byte) (wire.Frame, int, bool, error) {
	if hasClassic && c.classic != nil {
		return c.classic.next(b, c.eng.maxFrame)
	}
	return wire.Next(b, c.eng.maxFrame)
}

// finishBatch flushes. If a writer is at it already and much waits, it waits with it: a
// peer that does not read what it causes is to feel that, not to fill the queue.
func (c *Conn) finishBatch(rd *reader) bool {
	c.out.mu.Lock()
	c.out.batch = false
	if !c.out.pendingLocked() || c.out.broken {
		c.out.mu.Unlock()
		return true
	}
	if c.out.link == nil {
		c.out.mu.Unlock()
		return true
	}
	if c.turn.Load()&turnMask == turnHanded {
		c.queued() // this goroutine must go on reading
		return true
	}
	var room <-chan struct{}
	if c.out.flushing {
		if c.out.bytes <= c.out.limit/2 {
			c.out.mu.Unlock()
			return true
		}
		room = c.out.roomLocked()
	}
	c.out.flushing = true
	c.out.mu.Unlock()

	if room != nil {
		c.guard.stall()
	}
	turn := c.beginTurn(turnFlushing)
	if room != nil {
		<-room
	} else {
		c.flushBatch()
	}
	if c.endTurn(turn) {
		return true
	}
	c.leaveReading(rd)
	return false
}

// leaveReading is what a goroutine does whose reading was taken over while it was busy.
func (c *Conn) leaveReading(rd *reader) {
	c.inbox.mu.Lock() // behind handOver, which copies what it needs of rd
	rd.release()
	c.inbox.writing = false
	c.inbox.mu.Unlock()
	c.runInbox()
}

// receive handles one frame. It reports whether the reading is still the caller's.
func (c *Conn) receive(rd *reader, f wire.Frame) bool {
	if hasClassic && c.classic != nil {
		return c.classic.receive(c, rd, f)
	}
	if f.Kind.Counted() {
		c.received++
	}
	var err error
	switch f.Kind {
	case wire.KindCommand:
		if c.recv.waiting.Load() == 0 || !c.gotAwaited(f.Body) {
			return c.dispatch(rd, f)
		}
	case wire.KindRequest:
		return c.dispatch(rd, f)
	case wire.KindAskJoin, wire.KindAskLeave, wire.KindAskRename:
		if c.server {
			return c.dispatch(rd, f)
		}
		err = NewError(CodeProtocol, "an "+f.Kind.String()+" frame from a server")
	case wire.KindJoinGroup, wire.KindLeaveGroup, wire.KindRename:
		if !c.server {
			return c.gotStatement(rd, f)
		}
		err = NewError(CodeProtocol, "a "+f.Kind.String()+" frame from a client")
	case wire.KindRaw:
		if !c.gotRaw(rd, f.Body) {
			return c.dispatch(rd, f)
		}
	case wire.KindJoined, wire.KindLeft, wire.KindRenamed:
		if c.eng.presence != nil {
			return c.dispatch(rd, f)
		}
		err = NewError(CodeProtocol, "a "+f.Kind.String()+" frame from a client")
	case wire.KindReply:
		err = c.gotReply(f.Body)
	case wire.KindFailure:
		err = c.gotFailure(f.Body)
	case wire.KindCancel:
		err = c.gotCancel(f.Body)
	case wire.KindPing:
		err = c.gotPing(f.Body)
	case wire.KindPong:
		var nonce uint64
		if nonce, err = wire.ParseNonce(f.Body); nonce == askNonce {
			c.out.answered()
		}
	case wire.KindAck:
		err = c.gotAck(f.Body)
	case wire.KindMissed:
		err = c.gotMissed(f.Body)
	case wire.KindGoodbye:
		var bye wire.Goodbye
		if bye, err = wire.ParseGoodbye(f.Body); err == nil {
			c.endRemote(fromPeer(bye, c.eng.codec))
			rd.r = rd.w
		}
	case wire.KindHello, wire.KindWelcome, wire.KindRefuse:
		err = NewError(CodeProtocol, "a "+f.Kind.String()+" frame after the handshake")
	case wire.KindStreamItem: // for a stream that nobody has opened, so that nobody misses it
		_, _, err = wire.ParseStreamItem(f.Body)
	case wire.KindStreamEnd:
		_, _, err = wire.ParseStreamEnd(f.Body)
	case wire.KindStreamCredit:
		_, _, err = wire.ParseStreamCredit(f.Body)
	default:
		if f.Kind < 0x80 { // Next lets no such kind through
			err = NewError(CodeProtocol, "frame of kind "+strconv.Itoa(int(f.Kind)))
		}
	}
	if err != nil {
		c.endWith(wireError(err))
		rd.r = rd.w
	}
	return true
}

// dispatch runs a frame's handler here, or leaves it to the goroutine that is still busy
// with an earlier one. It reports whether the reading is still the caller's.
func (c *Conn) dispatch(rd *reader, f wire.Frame) bool {
	if c.turnedDown(f) {
		return true
	}
	if c.turn.Load()&turnMask == turnHanded && (hasCrowd && c.tooBig(f) || c.runBeside(f) || c.push(rd, f)) {
		if f.Kind == wire.KindRaw {
			c.raw.match(&c.inbox)
		}
		return true
	}
	if hasCommands && f.Kind == wire.KindCommand && c.classic == nil {
		return c.commands(rd, f)
	}
	if f.Kind == wire.KindRequest && !c.server { // see park
		id, _, _, _ := wire.ParseRequest(f.Body)
		c.begun.Store(id)
	}
	turn := c.beginTurn(turnHandling)
	if !c.comesTooLate(f) && !c.inbox.drop.Load() { // then what came before it was dropped, too
		c.run(f)
	}
	if c.endTurn(turn) {
		return true
	}
	c.leaveReading(rd)
	return false
}
