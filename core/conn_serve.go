package core

// serve runs first, which may send and wait like any handler, once before is closed, writes what it
// queued, and then reads. The caller's goroutine is the connection's reader from now on.
func (c *Conn) serve(rd *reader, before <-chan struct{}, first func()) {
	rd.link = c.sess.Link()
	c.rd = rd
	c.readBytes.Store(uint64(rd.w - rd.r)) // with the hello
	if hasManual && c.eng.manual != nil {
		c.inbox.held = true
		c.running.Add(1)
		go c.beginManual(before, first)
		c.read(rd)
		return
	}
	left := false
	c.events.Hold()
	defer func() {
		if !left { // first has ended its goroutine, which nothing can prevent
			c.endWith(errGoexit)
			c.freeEvents()
			c.exit()
		}
	}()
	turn := c.beginTurn(turnHandling)
	if c.inbox.waiting() > 0 { // of a session that was detached: this goroutine runs them behind first
		c.handOver(turn)
	}
	if before != nil {
		<-before
	}
	first()
	left = true
	c.freeEvents()
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

// freeEvents lets events run that first has held up.
func (c *Conn) freeEvents() {
	if c.events.Free() {
		c.startEvents()
	}
}

// beginManual leaves first to Update, and then what has come meanwhile.
func (c *Conn) beginManual(before <-chan struct{}, first func()) {
	defer c.exit()
	if before != nil {
		<-before
	}
	b := &c.inbox
	b.mu.Lock()
	defer b.mu.Unlock()
	c.eng.manual.add(task{c, func() { first(); c.endBatch() }})
	b.held = false
	for range len(b.jobs) - b.head {
		c.eng.manual.add(task{c: c})
	}
}
