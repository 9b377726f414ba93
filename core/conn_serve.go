package core

import "github.com/hisock/hisock/core/internal/turn"

// serve runs first once before is closed, writes the frames that first has queued, and then reads. The
// caller's goroutine is the connection's reader from now on. first may send and wait as any handler may.
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
		if !left { // first has ended its goroutine, which nothing can prevent
			c.endWith(errGoexit)
			c.freeEvents()
			c.handOver(tok)
			c.turn.AwaitCopy()
			c.exit()
		}
	}()
	if c.turn.Bytes() > 0 { // of a session that was detached: this goroutine runs the frames after first
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

// freeEvents lets the events run that first has held up.
func (c *Conn) freeEvents() {
	if c.events.Free() {
		c.startEvents()
	}
}

// beginManual leaves first to Update, and then the frames that have come meanwhile.
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
