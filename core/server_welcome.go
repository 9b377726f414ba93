package core

import (
	"time"

	"github.com/hisock/hisock/core/internal/ahead"
)

// How a newcomer becomes a client whose hello is well formed:
//
//	decided about   Authorize and others are asked. The stream is read ahead meanwhile, so that
//	                their contexts end when the client hangs up; then nobody joins (watch).
//	admitted        it has its name and its places, and others find it; what they send waits (admit).
//	welcomed        the welcome has been written (greet). If it cannot be, it goes as if it
//	                had never come: no handler of the program hears of it.
//	joined          OnJoin runs, then others are told.
//	confirmed       it has acknowledged the welcome, so that it has the token of its session.
//	                Without that there is nobody who could resume it: see suspend.

// watch reads the stream of an arrival ahead, as long as the program decides about it, and ends the
// context of that when the stream has ended. The caller holds Server.mu, and has set cancel.
func (s *Server) watch(ar *arrival) {
	ar.ahead = ahead.New(ar.stream, &readBuffers)
	ar.stream.SetReadDeadline(time.Time{}) //nolint:errcheck // the read will fail
	cancel := ar.cancel
	s.conns.Go(func() {
		if err := ar.ahead.Run(); err != nil && !timedOut(err) { // else somebody is in a hurry, and says so itself
			cancel()
		}
	})
}

// hungUp returns an error if the stream has ended while the program decided. A client that has ended
// its own direction only will never say anything: it has left, too.
func (ar *arrival) hungUp() *Error {
	if ar.ahead == nil {
		return nil
	}
	if err := ar.ahead.Ended(); err != nil && !timedOut(err) {
		return handshakeError(err)
	}
	return nil
}

// greet writes the welcome, within that time if it is not zero, and nothing else: what the join
// handler sends is the first that the client gets. It returns why the client cannot join if the
// welcome could not be written or the connection has ended meanwhile.
func (c *Conn) greet(within time.Duration) *Error {
	q := &c.out
	q.mu.Lock()
	frame, l := q.control.welcome, q.link
	if q.closed || q.flushing || frame == nil { // if it has ended, its last word goes behind the welcome
		q.mu.Unlock()
		return c.reason()
	}
	q.control.welcome = nil
	q.flushing = true
	q.mu.Unlock()

	if within > 0 {
		l.stream.SetWriteDeadline(time.Now().Add(within)) //nolint:errcheck // the write will fail
	}
	var err error
	if hasClassic && c.classic != nil {
		err = c.classic.write(c, l.stream, [][]byte{frame})
	} else {
		_, err = l.stream.Write(frame)
	}
	l.stream.SetWriteDeadline(time.Time{}) //nolint:errcheck // the next write will fail
	c.writes.Add(1)
	switch {
	case err != nil && c.classic != nil: // it may have sent what it wanted to say, unlike one that waits for the welcome
		c.writeFailed(l, err)
	case err != nil:
		c.end(wrapError(CodeConnLost, "the welcome could not be written", err), nil, ending{})
	}
	q.mu.Lock()
	q.flushing = false
	if q.broken || q.link == nil || !q.pendingLocked() {
		q.idleLocked()
	}
	c.queued() // it may have ended
	return c.reason()
}
