package core

import (
	"time"

	"github.com/hisock/hisock/core/internal/events"
	"github.com/hisock/hisock/core/internal/turn"
)

// How the program is told what becomes of a connection. Hooks of the program may send, call and wait
// for the peer, as handlers may. So the reader of a connection must not run them, and nothing that
// reading needs may wait for them:
//
//	in its turn   a frame that has a handler (dispatch), and the hooks before a connection is read at
//	              all (serve): the reader runs them, and the reading is handed over when that takes
//	              long (internal/turn)
//	as an event   frames that the peer has dropped, a raw message that is dropped here, and the stream
//	              that is lost or found again: a goroutine of its own runs one event after the other
//	              beside a slow handler (internal/events). Frames that are read afterwards wait for
//	              the event in the inbox, after a barrier.
//	on the spot   errors of anybody but the reader, who holds up nobody else
//
// With manual dispatch Update runs the first two.

// maxEvents is how many changes of its stream may wait to be told before the next stream of a
// connection has to wait for that.
const maxEvents = 64

// tell makes an event of f. Frames that are read from now on wait for it. The caller is the reader, or
// nobody reads.
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

// tellChange is tell for the stream that is lost or found again. It waits while more than maxEvents such events
// have not returned. Nobody reads.
func (c *Conn) tellChange(f func()) {
	c.breaks = append(c.breaks, c.tell(f))
	for len(c.breaks) > maxEvents {
		<-c.breaks[0].Done()
		c.breaks = c.breaks[1:]
	}
}

// tellRead is tell for the reader: it waits for room.
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

// awaitEvent waits until an event is over, or turns out to be slow. Frames that are read then wait for it,
// unless their handlers are concurrent.
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

// passBarrier waits for the event of a barrier. The caller runs the jobs of the inbox.
func (c *Conn) passBarrier(until <-chan struct{}) {
	if hasManual && c.eng.manual != nil {
		c.events.RunTo(until)
		return
	}
	<-until
}
