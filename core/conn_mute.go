package core

import "time"

// What becomes of a connection when a write to its stream has failed. Its peer may have closed,
// while what the peer sent before is still on its way here. So the link becomes mute, and the
// reader comes to the end of it by itself:
//
//	writeFailed   a write has failed: nothing is written to the link any more
//	read          goes on, for so long and so many bytes; handlers run as ever, and what they
//	              send waits, or is dropped if nobody could get it later
//	lost          at the end of the stream, or of patience, as if it had broken off then
const (
	// muteTime is how long the reader of a mute link waits for its peer, in all. The time in which
	// handlers keep the reader from reading does not count.
	muteTime = time.Second

	// maxMute is how many bytes are read of a mute link: more than systems keep for a socket.
	maxMute = 8 << 20
)

// writeFailed notes that nothing can be written to a link.
func (c *Conn) writeFailed(l *link, err error) {
	c.mu.Lock()
	mute := !c.ended && !l.dead.Load() && !l.mute.Load()
	if mute {
		l.failed = err
		l.mute.Store(true)
		c.out.mu.Lock()
		c.out.muteLocked(c.token != nil)
		c.out.mu.Unlock()
	}
	c.mu.Unlock()
	if !mute {
		c.lost(l, err)
		return
	}
	l.stream.SetReadDeadline(time.Now().Add(muteTime)) //nolint:errcheck // for a reader that waits already
}

// muteLocked notes that there is nothing to write to while the stream is read to its end. What waits
// is kept for a resume, if there can be one, or for the program.
func (q *queue) muteLocked(resumable bool) {
	q.suspendLocked()
	q.mute = true
	if q.vain = !resumable && q.orphans == nil; q.vain {
		q.discardLocked()
	}
	q.openLocked()
}

// beginMute says how long the reader may wait for more of a mute link.
func (l *link) beginMute() time.Time {
	now := time.Now()
	l.stream.SetReadDeadline(now.Add(muteTime - l.waited)) //nolint:errcheck // the read will fail
	return now
}

// readMute counts n bytes that the reader has waited for since then, and reports whether that was
// enough.
func (l *link) readMute(n int, since time.Time) bool {
	l.past += n
	l.waited += time.Since(since)
	return l.past > maxMute || l.waited >= muteTime
}
