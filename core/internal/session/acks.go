package session

import "sync/atomic"

// When an ack is sent. After ackFrames frames it is written together with other frames. It is written by itself after
// ackFrames frames of at least ackBytes together, after as many bytes as the peer asks for, when the peer pings, and when
// no more frames come, which the sweeper notices. An ack that
// needs a write of its own costs as much as a hundred small frames.
const (
	ackFrames = 128
	ackBytes  = 64 << 10
	maxAckAt  = 256 << 10
)

// AckAt returns after how many bytes a peer must send an ack, so that kept frames that the peer has received do not
// fill a queue of queueBytes.
func AckAt(queueBytes int) int { return min(queueBytes/4, maxAckAt) }

// peerAckBytes returns after how many bytes the peer wants an ack: n, which it has told, within bounds, or maxAckAt if
// it has told none.
func peerAckBytes(n uint64) int {
	if n == 0 {
		return maxAckAt
	}
	return int(min(max(n, 512), maxAckAt))
}

// An acks counts what a session has received from its peer. ackedAt ≤ received, and handled ≤ received unless a frame was
// uncounted meanwhile.
type acks struct {
	ackBytes int           // the peer wants an ack after at most that many bytes; set by Open
	handled  atomic.Uint64 // received, at the end of the last batch

	// Owned by the reader.
	received uint64 // counted frames
	missed   uint64 // frames that the peer has dropped
	ackedAt  uint64 // received, as of the last ack that was sent by itself or is known to be written
	unacked  int    // bytes received since ackedAt
}

// AckBytes returns after how many bytes the peer wants an ack.
func (a *acks) AckBytes() uint64 { return uint64(a.ackBytes) }

// Received returns how many frames were received. It is the reader's.
func (a *acks) Received() uint64 { return a.received }

// Count counts a frame that was received. It is the reader's.
func (a *acks) Count() { a.received++ }

// SetReceived sets how many frames were received, for a reader that has counted them by itself. It is the
// reader's.
func (a *acks) SetReceived(n uint64) { a.received = n }

// Uncount uncounts the last frame: the link broke off before there was room for it, and the peer
// will send it again. It is the reader's.
func (a *acks) Uncount() { a.received-- }

// Missed notes how many frames the peer says it has dropped in all, and returns how many of them it
// had not told before. It is the reader's.
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

// Restore sets the counts of a detached session that goes on here. Nobody else knows the session yet.
func (a *acks) Restore(received, missed uint64) {
	a.received, a.ackedAt, a.missed = received, received, missed
	a.handled.Store(received)
}

// EndBatch lets Handled return how many frames have been received. It is the reader's.
func (a *acks) EndBatch() { a.handled.Store(a.received) }

// Handled returns how many frames had been received at the end of the last batch.
func (a *acks) Handled() uint64 { return a.handled.Load() }

// AckDue notes that size bytes of frames have been handled. It returns whether an ack is due, and
// whether the ack must be written by itself rather than with the next frames. It is the reader's, at
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

// Owes reports whether frames have come since the last ack. It is the reader's.
func (s *Session) Owes() bool { return s.token != nil && s.ackedAt != s.received }

// Acking notes that an ack is about to be queued, to be written by itself if now is set. written is how many frames the
// ack that was written last has acknowledged. It reports false if no ack need be queued, since one has been written
// together with other frames after ackedAt. It is the reader's.
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
