package session

import "sync/atomic"

// When a peer is told how much of what it sent has been received: after so many frames, with
// what is written to it anyway; after so many bytes too, or as many as it asks for, even if
// nothing is; when it asks with a ping; and when nothing more comes, which a sweeper notices. An ack that
// needs a write of its own costs as much as a hundred small frames.
const (
	ackFrames = 128
	ackBytes  = 64 << 10
	maxAckAt  = 256 << 10
)

// AckAt returns how often, in bytes, the peer of a queue of that size must acknowledge, so that
// what it has received does not fill the queue.
func AckAt(queueBytes int) int { return min(queueBytes/4, maxAckAt) }

// peerAckBytes is how often the peer wants acks, within reason.
func peerAckBytes(n uint64) int {
	if n == 0 {
		return maxAckAt
	}
	return int(min(max(n, 512), maxAckAt))
}

// What a session has received of its peer. ackedAt ≤ received, and handled ≤ received unless a frame was
// uncounted meanwhile.
type acks struct {
	ackBytes int           // the peer wants an ack at least each so many bytes; set by Open
	handled  atomic.Uint64 // received, at the end of a batch

	// The reader's.
	received uint64 // frames
	missed   uint64 // frames that the peer has dropped
	ackedAt  uint64 // received, when an ack was due last
	unacked  int    // bytes since
}

// Received returns how many frames were received. It is the reader's.
func (a *acks) Received() uint64 { return a.received }

// Count counts a frame that was received. It is the reader's.
func (a *acks) Count() { a.received++ }

// SetReceived notes how many frames were received, for a reader that has counted by itself. It is the
// reader's.
func (a *acks) SetReceived(n uint64) { a.received = n }

// Uncount uncounts the last frame: the link broke off before there was room for it, and the peer
// will send it again. It is the reader's.
func (a *acks) Uncount() { a.received-- }

// Missed notes how many frames the peer says it has dropped in all, and returns how many of them are
// news. It is the reader's.
func (a *acks) Missed(total uint64) (news uint64) {
	if total <= a.missed {
		return 0 // told again after a resume
	}
	news = total - a.missed
	a.missed = total
	return news
}

// Counts returns how many frames were received, and how many the peer has dropped. It is the reader's.
func (a *acks) Counts() (received, missed uint64) { return a.received, a.missed }

// Restore goes on with the counts of a session that was detached. Nobody else knows this one yet.
func (a *acks) Restore(received, missed uint64) {
	a.received, a.ackedAt, a.missed = received, received, missed
	a.handled.Store(received)
}

// EndBatch lets others know how many frames were received. It is the reader's.
func (a *acks) EndBatch() { a.handled.Store(a.received) }

// Handled returns how many frames had been received at the end of the last batch.
func (a *acks) Handled() uint64 { return a.handled.Load() }

// AckDue notes that so many bytes of frames have been handled. It returns whether an ack is due, and
// whether that is to be written now rather than with what is written next. It is the reader's, at
// the end of a batch.
func (s *Session) AckDue(size int) (due, now bool) {
	if s.token == nil {
		return false, false
	}
	s.unacked += size
	frames := s.received - s.ackedAt
	if frames < ackFrames && s.unacked < s.ackBytes {
		return false, false
	}
	return true, s.unacked >= s.ackBytes || s.unacked >= ackBytes && frames >= ackFrames
}

// Owes reports whether the peer has sent something since an ack was due last. It is the reader's.
func (s *Session) Owes() bool { return s.token != nil && s.ackedAt != s.received }

// Acking notes that an ack is about to be queued. written is how many frames the ack that was written
// last has acknowledged. It reports false if that one has been written since the last was due,
// with something else, so that none need be queued unless it is to be written now. It is the reader's.
func (a *acks) Acking(written uint64, now bool) bool {
	switch {
	case now:
		a.ackedAt, a.unacked = a.received, 0
	case written > a.ackedAt:
		a.ackedAt, a.unacked = written, 0
		return false
	}
	return true
}
