package core

import (
	"time"

	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// How a connection loses its stream and goes on over another. Package session holds the state of the
// connection. These functions change the state, and with it the outbox and the slot in a server's gate, while the
// connection's transition is locked:
//
//	writeFailed   a write has failed: the link is mute. Nothing is written to it any more. The reader reads on
//	              until the stream ends, and handlers run as ever. What they send waits, or is dropped
//	              if the connection has no session
//	lost          the stream has broken off, or the reader has waited too long on a mute link
//	suspend       the connection waits for a resume: the reader and the writer leave the link (letGo)
//	relink        the client has come back over another stream
//	end           the client has not come back in time, or somebody ends the connection (conn_end.go)

// lost suspends a connection whose link l has broken off, or ends it if it cannot be resumed.
func (c *Conn) lost(l *session.Link, err error) {
	why := wrapError(CodeConnLost, "", err)
	if !c.suspend(l, why) {
		c.end(why, nil, ending{})
	}
}

// silent is lost for a silent peer: if the connection cannot be resumed, the peer is sent a goodbye.
func (c *Conn) silent(why *Error) {
	if !c.suspend(c.sess.Link(), why) {
		c.endWith(why)
	}
}

// suspend gives up a link that has broken off, and suspends the connection if it can be
// resumed. It reports false if the connection must end, and true if there is nothing left to do.
func (c *Conn) suspend(l *session.Link, why *Error) bool {
	c.transition.Lock()
	defer c.transition.Unlock()
	switch loss := c.sess.Losing(l); {
	case loss == session.Noticed:
		return true
	case loss == session.MustEnd || !c.eng.owner.mayWait(c):
		return false
	}
	c.sess.Suspend(l)
	c.life.enter(2) // letGo, and the session itself while it waits
	c.out.Suspend()
	go c.letGo(l, why)
	return true
}

// letGo waits until nobody uses a link any more, and then calls the owner's suspended.
func (c *Conn) letGo(l *session.Link, why *Error) {
	defer c.exit()
	l.Stream.Close() //nolint:errcheck // it has broken off
	c.turn.Wake()
	<-l.WhenUnread()
	<-c.out.Unused()
	c.eng.owner.suspended(c, l, why)
}

// relink resumes the connection over the link l. before is the link that the connection has lost; nobody uses it any
// more. The outcome is [session.Changed] if the connection has not been suspended without a break since then. received
// is the number of frames that the peer has received. welcome, if it is not nil, is written first. If the outcome is
// [session.Resumed], the caller must read with rd.
func (c *Conn) relink(before, l *session.Link, rd *reader, received uint64, welcome []byte) session.Outcome {
	c.transition.Lock()
	defer c.transition.Unlock()
	if !c.sess.Waits(before) {
		return session.Changed
	}
	if !c.out.Resume(l, received, c.sess.Received(), welcome) {
		if welcome != nil {
			c.eng.owner.mayWait(c) // the slot was relinked already: the connection waits again
		}
		return session.NotKept
	}
	rd.link = l
	c.rd = rd                // nobody else reads a suspended connection
	c.sess.Relink(before, l) // the count of the suspended session in c.life is the reader's now
	c.progress.reads.Add(1)  // so that the sweeper's time for a silent peer begins anew
	c.resumeStreams()
	return session.Resumed
}

// writeFailed notes that nothing can be written to a link.
func (c *Conn) writeFailed(l *session.Link, err error) {
	c.transition.Lock()
	mute := c.sess.Mute(l, err)
	if mute {
		c.out.Mute(c.sess.Token() != nil)
	}
	c.transition.Unlock()
	if !mute {
		c.lost(l, err)
		return
	}
	l.Stream.SetReadDeadline(time.Now().Add(session.MuteTime)) //nolint:errcheck // for a reader that is waiting now
}

// giveUpMute gives a mute link up if its reader waits for room for a frame, perhaps for the return of a handler, and
// somebody, perhaps that handler, waits for room in the outbox, which comes by writing only. The link would not be read to
// its end. Nothing is lost with it: nobody waits for room in the outbox of a connection without a session.
// The reader and the sender call it after each has said that it waits, so that the later of the two finds both.
func (c *Conn) giveUpMute() {
	if !c.progress.awaitsRoom.Load() || c.progress.queuing.Load() == 0 {
		return
	}
	if l := c.sess.Link(); l.State() == session.Mute {
		c.lost(l, l.WriteError())
	}
}

// Suspended reports whether the connection has no stream at this moment, and may be
// resumed.
func (c *Conn) Suspended() bool { return c.sess.State() == session.Suspended }

// noteRead notes that size bytes of frames have been handled, and queues an ack if one is
// due. Only the reader calls it, at the end of a batch, just before it writes.
func (c *Conn) noteRead(size int) {
	if due, now := c.sess.AckDue(size); due {
		c.ack(now)
	}
}

// ack queues an ack of all that the reader has received, to be written now or with what is
// written next.
func (c *Conn) ack(now bool) {
	if c.sess.Acking(c.out.Stats().LastAck, now) {
		c.out.Ack(c.sess.Received(), now)
	}
}

// gotPing answers a ping with a pong, and with an ack if frames have come since the last ack.
func (c *Conn) gotPing(body []byte) error {
	nonce, err := wire.ParseNonce(body)
	if err != nil {
		return err
	}
	if c.sess.Owes() {
		c.ack(true)
	}
	c.out.Pong(nonce)
	return nil
}

// gotAck drops kept frames that the peer has received. It fails if the peer acknowledges frames that were not sent, or
// fewer than before.
func (c *Conn) gotAck(body []byte) error {
	received, err := wire.ParseAck(body)
	if err != nil {
		return err
	}
	ok := c.out.Acked(received)
	c.sess.Confirm()
	if !ok {
		return NewError(CodeProtocol, "an ack of more than was sent, or less than before")
	}
	return nil
}

// checkAck acknowledges the frames that came last, if no more have come since the sweeper looked before. Only the
// sweeper calls it.
func (c *Conn) checkAck() {
	known := c.sess.Handled()
	w := &c.watch
	if known != w.known {
		w.known = known
		return
	}
	if known == w.acked {
		return
	}
	w.acked = known
	c.out.AckIdle(known)
}

// unreceive uncounts the frame that was read last: its link broke off before there was room for it, and
// the peer will send it again.
func (c *Conn) unreceive(rd *reader) {
	c.sess.Uncount()
	rd.r = rd.w
}
