package core

import "github.com/hisock/hisock/core/wire"

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
