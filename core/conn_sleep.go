package core

import (
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/transport"
)

// A connection sleeps where its stream can wait without a goroutine (transport.Sleeper), so that an idle one takes no
// stack. Nobody wakes a reader for that: it waits for the next control frame, mostly the answer to a ping, and then
// lets the connection sleep if nothing else has come or gone for a while. One that is woken for control frames sleeps on.

// sleep lets a connection wait for input without a goroutine, if it is idle and can. The caller is the reader, and counts
// for the next reader, which begins when there is something to read. If sleep reports true the reading is not the
// caller's any more.
func (c *Conn) sleep(rd *reader) bool {
	if browser || !c.isStill() || rd.ahead != nil || rd.link.State() != session.Sound || c.isEnded() {
		return false
	}
	stream, ok := rd.link.Stream.(transport.Sleeper)
	if !ok {
		return false
	}
	rd.release()
	rd.contexts = contexts{}
	if hasCrowd && c.guard != nil {
		c.guard.Wait(0, 0)
	}
	c.progress.awaitsPeer.Store(true)
	return stream.Sleep(func() { go c.readAgain(rd, true) })
}

// isStill reports whether only control frames have come and gone, between the sweeper's last two looks at all connections
// and since then. Only the reader calls it.
func (c *Conn) isStill() bool {
	still := c.watch.still.Load()
	return still != 0 && c.out.Queued()+c.sess.Received()+1 == still
}
