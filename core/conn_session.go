package core

import (
	"time"

	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// How a connection loses its stream and goes on over another. Package session says in which state the
// connection is; what goes with a change of state, in the queue and in the gate of a server, is done
// here, with the connection's transition locked:
//
//	writeFailed   a write has failed: the link is mute. Nothing is written to it any more; the reader comes
//	              to its end by itself, and handlers run as ever. What they send waits, or is dropped
//	              if nobody could get it later
//	lost          the stream has broken off, or the reader's patience with a mute link is over
//	suspend       the connection waits: who reads and writes is leaving the link (letGo)
//	relink        the client has come back over another stream
//	end           it has not, or cannot, or somebody has a reason to end (conn_end.go)

// lost is what becomes of a connection whose link has broken off: it waits to be resumed,
// or ends.
func (c *Conn) lost(l *session.Link, err error) {
	why := wrapError(CodeConnLost, "", err)
	if !c.suspend(l, why) {
		c.end(why, nil, ending{})
	}
}

// silent is lost for a peer that should be told, if it hears us and cannot resume.
func (c *Conn) silent(why *Error) {
	if !c.suspend(c.sess.Link(), why) {
		c.endWith(why)
	}
}

// suspend gives up a link that has broken off, and keeps the connection for a while if it can be
// resumed. It reports false if the connection must end.
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

// letGo waits until nobody uses a link any more, and then says that the connection is
// suspended.
func (c *Conn) letGo(l *session.Link, why *Error) {
	defer c.exit()
	l.Stream.Close() //nolint:errcheck // it has broken off
	c.turn.Wake()
	<-l.WhenUnread()
	<-c.out.Unused()
	c.eng.owner.suspended(c, l, why)
}

// relink goes on over another stream with a peer that has received so many frames, if the
// connection is still suspended as it was when it lost the link before, which nobody uses any
// more. welcome, if it is not nil, is written first. The caller reads with rd if the outcome is
// [session.Resumed].
func (c *Conn) relink(before, l *session.Link, rd *reader, received uint64, welcome []byte) session.Outcome {
	c.transition.Lock()
	defer c.transition.Unlock()
	if !c.sess.Waits(before) {
		return session.Changed
	}
	if !c.out.Resume(l, received, c.sess.Received(), welcome) {
		if welcome != nil {
			c.eng.owner.mayWait(c) // it waits again
		}
		return session.NotKept
	}
	rd.link = l
	c.rd = rd                // which nobody takes over now
	c.sess.Relink(before, l) // what counted for it in running while it waited is the reader's now
	c.progress.reads.Add(1)  // for the sweeper: a new beginning
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
	l.Stream.SetReadDeadline(time.Now().Add(session.MuteTime)) //nolint:errcheck // for a reader that waits already
}

// Suspended reports whether the connection has no stream at this moment, and may be
// resumed.
func (c *Conn) Suspended() bool { return c.sess.State() == session.Suspended }

// noteRead notes that so many bytes of frames have been handled, and queues an ack if one is
// due. Only the reader calls it, at the end of a batch, which it is about to flush.
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

// gotPing answers, with an ack if that is news.
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

// gotAck lets go of what the peer has received.
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

// checkAck acknowledges what came last, if nothing more comes: the sweeper's part.
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
