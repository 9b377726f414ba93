package core

import "github.com/hisock/hisock/core/wire"

// When a peer is told how much of what it sent has been received: after so many frames, with
// what is written to it anyway; after so many bytes too, or as many as it asks for, even if
// nothing is; when it asks with a ping; and when nothing more comes (checkAck). An ack that
// needs a write of its own costs as much as a hundred small frames.
const (
	ackFrames = 128
	ackBytes  = 64 << 10
	maxAckAt  = 256 << 10
)

// ackAt is how often the peer of a queue of that size must acknowledge, so that
// what it has received does not fill it.
func ackAt(queueBytes int) int { return min(queueBytes/4, maxAckAt) }

// peerAckBytes is how often the peer wants acks, within reason.
func peerAckBytes(n uint64) int {
	if n == 0 {
		return maxAckAt
	}
	return int(min(max(n, 512), maxAckAt))
}

// noteRead notes that so many bytes of frames have been handled, and queues an ack if one is
// due. Only the reader calls it, at the end of a batch, which it is about to flush.
func (c *Conn) noteRead(size int) {
	if c.token == nil {
		return
	}
	c.unacked += size
	if frames := c.received - c.ackedAt; frames >= ackFrames || c.unacked >= c.ackBytes {
		c.ack(c.unacked >= c.ackBytes || c.unacked >= ackBytes && frames >= ackFrames)
	}
}

// ack queues an ack of all that the reader has received, to be written now or with what is
// written next.
func (c *Conn) ack(now bool) {
	c.out.mu.Lock()
	ctl := &c.out.control
	if sent := ctl.acked; sent > c.ackedAt && !now { // with something else, since
		c.ackedAt, c.unacked = sent, 0
	} else {
		c.out.setAckLocked(c.received, now)
	}
	c.out.mu.Unlock()
	if now {
		c.ackedAt, c.unacked = c.received, 0
	}
}

// setAckLocked queues an ack, unless one of as much has been written before.
func (q *queue) setAckLocked(received uint64, now bool) {
	if ctl := &q.control; !q.closed && q.link != nil && received > ctl.acked {
		ctl.ack, ctl.ackDue, ctl.due = received, true, ctl.due || now
	}
}

// gotPing answers, with an ack if that is news.
func (c *Conn) gotPing(body []byte) error {
	nonce, err := wire.ParseNonce(body)
	if err != nil {
		return err
	}
	if c.token != nil && c.ackedAt != c.received {
		c.ack(true)
	}
	c.pong(nonce)
	return nil
}

// gotAck lets go of what the peer has received.
func (c *Conn) gotAck(body []byte) error {
	received, err := wire.ParseAck(body)
	if err != nil {
		return err
	}
	c.out.mu.Lock()
	ok := c.out.ackLocked(received)
	c.out.mu.Unlock()
	if !c.confirmed.Load() {
		c.confirmed.Store(true)
	}
	if !ok {
		return NewError(CodeProtocol, "an ack of more than was sent, or less than before")
	}
	return nil
}

// checkAck acknowledges what came last, if nothing more comes: the sweeper's part.
func (c *Conn) checkAck() {
	known := c.known.Load()
	w := &c.watch
	if known != w.known {
		w.known = known
		return
	}
	if known == w.acked {
		return
	}
	w.acked = known
	c.out.mu.Lock()
	c.out.setAckLocked(known, true)
	c.queued()
}

// unreceive takes back that the frame which was read last has been received: its link has
// broken off while there was no room for it. The peer sends it again.
func (c *Conn) unreceive(rd *reader) {
	c.received--
	rd.r = rd.w
}
