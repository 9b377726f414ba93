package core

import (
	"time"

	"github.com/hisock/hisock/core/internal/events"
	"github.com/hisock/hisock/core/internal/turn"
)

// How the program is told of what becomes of a connection. The hooks of the program may send, call
// and wait for the peer, as handlers may, so that whoever reads the connection must not run them and
// nothing that reading needs may wait for them:
//
//	in its turn   what has come as a frame and has a handler (dispatch), and what is told before a
//	              connection is read at all (serve): the reader runs it, and the reading is handed
//	              over when that takes long (conn_turn.go)
//	as an event   what the reader finds out beside (frames that the peer has dropped, a raw message
//	              that is dropped here), and what becomes of the stream (suspended, resumed): it
//	              runs beside a slow handler, on a goroutine of its own, one event after the other
//	              (package events). What is read afterwards waits for it in the inbox, behind a
//	              barrier.
//	on the spot   errors of those who are nobody's reader: they hold up themselves
//
// With manual dispatch Update runs all of these but the last.

// maxEvents is how many changes of its stream may wait to be told before the next stream of a
// connection has to wait for that.
const maxEvents = 64

// tell makes an event of f, and keeps what is read from now on waiting for it. The caller is the
// reader, or nobody reads.
func (c *Conn) tell(f func()) *events.Event {
	e, start := c.events.Add(f)
	put := c.turn.Bar(e.Done()) // if it is dropped nothing comes after it, and finish sees to it that it is told
	if hasManual && c.eng.manual != nil {
		if put == turn.Stored {
			c.leaveToUpdate()
		}
		return e
	}
	if put == turn.Yours {
		c.life.enter(1)
		c.endBatch()
		go func() {
			defer c.exit()
			c.runInbox()
		}()
	}
	if start {
		c.startEvents()
	}
	return e
}

// tellChange is tell for what has become of the stream. It waits while too much of that is to be told.
// Nobody reads.
func (c *Conn) tellChange(f func()) {
	c.breaks = append(c.breaks, c.tell(f))
	for len(c.breaks) > maxEvents {
		<-c.breaks[0].Done()
		c.breaks = c.breaks[1:]
	}
}

// tellRead is tell for what the reader finds out as it reads: it waits for room.
func (c *Conn) tellRead(rd *reader, f func()) {
	c.inboxRoom(rd, 0) // if the link breaks off meanwhile, nothing more is read
	c.tell(f)
}

// tellLater makes an event of f, for which nothing waits. The caller counts as running.
func (c *Conn) tellLater(f func()) {
	e, start := c.events.Add(f)
	switch {
	case hasManual && c.eng.manual != nil:
		c.eng.manual.add(task{c, func() { c.events.RunTo(e.Done()) }})
	case start:
		c.startEvents()
	}
}

// startEvents starts a goroutine for the events that wait.
func (c *Conn) startEvents() {
	c.life.enter(1)
	go c.runEvents()
}

func (c *Conn) runEvents() {
	defer c.exit()
	returned := false
	defer func() {
		if !returned { // an event has ended this goroutine, which nothing can prevent
			c.endWith(errGoexit)
			c.startEvents()
		}
	}()
	c.events.Run()
	returned = true
}

// awaitEvent waits until an event that was told is over, or turns out to be slow: what is read then
// waits for it, unless its handler is concurrent.
func (c *Conn) awaitEvent(e *events.Event) {
	if hasManual && c.eng.manual != nil {
		return
	}
	t := time.NewTimer(handlerTick)
	defer t.Stop()
	select {
	case <-e.Done():
	case <-t.C:
	}
}

// passBarrier lets who runs what waits go on behind a barrier.
func (c *Conn) passBarrier(until <-chan struct{}) {
	if hasManual && c.eng.manual != nil {
		c.events.RunTo(until)
		return
	}
	<-until
}
