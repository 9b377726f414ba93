package core

import (
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/latch"
	"github.com/hisock/hisock/transport"
)

// A link is the stream that a connection uses. One that can be resumed has several, one
// after the other:
//
//	linked     a link reads and writes
//	suspended  the link has broken off; who reads and writes is leaving it (letGo)
//	linked     the client has come back over another stream (relink), or
//	ended      it has not, or cannot
//
// What has been read from a link that broke off, and not yet been counted, the
// peer sends again.
type link struct {
	stream transport.Conn
	ready  transport.ReadyReader // stream, if it can wait without a buffer
	info   transport.Info

	born       time.Time
	died       time.Time // of a connection that could be resumed; set before broken happens
	dead       atomic.Bool
	mute       atomic.Bool // a write has failed; see conn_mute.go
	failed     error       // of that write; set before mute
	eof        atomic.Bool // the peer has closed its side
	parted     atomic.Bool // the peer has said goodbye after this side had
	broken     latch.Latch // it is dead
	readerDone latch.Latch // nobody reads it any more
	released   latch.Latch // nor writes, and it has been left to the events to tell the program
	left       latch.Latch // the connection goes on over another link

	// Owned by the reader, since the link is mute.
	past   int           // bytes that were read
	waited time.Duration // for them
}

func newLink(stream transport.Conn) *link {
	l := &link{stream: stream, info: stream.Info(), born: time.Now()}
	l.ready, _ = stream.(transport.ReadyReader)
	return l
}

// A session is what a connection needs to go on over another stream. Its zero value
// means that it cannot.
type session struct {
	id, token []byte
	ackBytes  int // the peer wants an ack at least each so many bytes

	resumeTime time.Duration // at a client: how long the server keeps the session; zero if it does not say
}

// suspend gives up a link that has broken off, and keeps the connection for a while if it
// can be resumed: by nobody if a client has not confirmed that it has the token. It reports whether
// there is nothing more to be done about it.
func (c *Conn) suspend(l *link, why *Error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case l.dead.Load():
		return true // somebody has noticed before
	case c.ended || c.token == nil || c.server && !c.confirmed.Load() || !c.eng.owner.mayWait(c):
		return false
	}
	l.died = time.Now()
	l.dead.Store(true)
	l.broken.Happen()
	c.suspended = true
	c.running.Add(2) // letGo, and the session itself while it waits
	c.out.mu.Lock()
	c.out.suspendLocked()
	c.out.mu.Unlock()
	go c.letGo(l, why)
	return true
}

// letGo waits until nobody uses a link any more, and then says that the connection is
// suspended.
func (c *Conn) letGo(l *link, why *Error) {
	defer c.exit()
	l.stream.Close() //nolint:errcheck // it has broken off
	c.inbox.wake()
	<-l.readerDone.Wait()
	<-c.out.whenIdle()
	c.eng.owner.suspended(c, l, why)
}

// whenIdle returns a channel that is closed when nobody writes.
func (q *queue) whenIdle() <-chan struct{} {
	q.mu.Lock()
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	idle := q.idle
	if !q.flushing {
		close(q.idle)
		q.idle = nil
	}
	q.mu.Unlock()
	return idle
}

// relink goes on over another stream with a peer that has received so many frames, if the
// connection is still suspended as it was when it lost the link before, which nobody uses any
// more. welcome, which may be nil, is called with the connection locked and returns what is
// written first, or false if the connection must not go on. If ok is true the caller reads with rd.
// If both are false the connection cannot go on: what the peer lacks is not there any more.
func (c *Conn) relink(before, l *link, rd *reader, addr string, received uint64, welcome func() ([]byte, bool)) (ok, changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.isWaitingLocked(before) || c.detached.Load() {
		return false, true
	}
	c.addr = addr
	var first []byte
	if welcome != nil {
		if first, ok = welcome(); !ok {
			return false, false
		}
	}
	c.out.mu.Lock()
	ok = c.out.resumeLocked(l, received, first)
	c.out.control.acked = c.received // the welcome, or the hello, has said so
	c.out.mu.Unlock()
	if !ok {
		if welcome != nil {
			c.eng.owner.mayWait(c) // it waits again
		}
		return false, false
	}
	c.suspended = false // its count in running is the reader's now
	rd.link = l
	c.inbox.mu.Lock()
	c.rd = rd
	c.inbox.mu.Unlock()
	c.link.Store(l)
	before.left.Happen()
	c.ackedAt, c.unacked = c.received, 0
	c.reads.Add(1) // for the sweeper: a new beginning
	c.writes.Add(1)
	return true, false
}

// isWaitingLocked reports whether the connection is suspended for having lost that link.
func (c *Conn) isWaitingLocked(l *link) bool {
	return c.suspended && c.link.Load() == l
}

// Suspended reports whether the connection has no stream at this moment, and may be
// resumed.
func (c *Conn) Suspended() bool {
	c.mu.Lock()
	suspended := c.suspended
	c.mu.Unlock()
	return suspended
}
