package stream

import (
	"github.com/hisock/hisock/core/internal/pool"
	"github.com/hisock/hisock/core/wire"
)

// Finish queues the end of this side's direction after the waiting items. An end with a code ends both directions. why is then the error
// of this side's later operations on the stream.
func (s *Stream) Finish(bye wire.Goodbye, why error) {
	t := s.t
	t.mu.Lock()
	if bye.Code != wire.CodeNone {
		s.refuseLocked(why)
	}
	if !s.over && !s.failing && (s.out == sending || bye.Code != wire.CodeNone) {
		s.endLocked(bye)
		s.wakeSenderLocked()
	}
	w := s.offerLocked()
	t.mu.Unlock()
	t.ready(w)
}

// endLocked queues an end after the waiting items.
func (s *Stream) endLocked(bye wire.Goodbye) {
	s.end = wire.AppendStreamEnd(s.end, s.id, bye)
	s.ends++
	s.out, s.failing = closing, bye.Code != wire.CodeNone
	s.queueLocked()
}

// Stop drops the received items, and takes no more. The end that tells the peer follows the waiting items. The peer is not told if it has
// sent all.
func (s *Stream) Stop(bye wire.Goodbye, why error) {
	t := s.t
	t.mu.Lock()
	s.refuseLocked(why)
	w := Never
	switch {
	case s.over, s.inDone, s.failing: // the peer need not be told
	case s.out == closing:
		s.endLocked(bye)
		w = t.offerLocked()
	default: // nothing waits
		s.last = wire.AppendStreamEnd(nil, s.id, bye)
		s.failLocked(why, true)
		w = s.tellLocked(Now)
	}
	t.mu.Unlock()
	t.ready(w)
}

// Abort ends both directions at once. It drops all items, and tells the peer why.
func (s *Stream) Abort(bye wire.Goodbye, why error) {
	t := s.t
	t.mu.Lock()
	w := Never
	s.refuseLocked(why)
	if !s.over {
		s.last = wire.AppendStreamEnd(nil, s.id, bye)
		s.failLocked(why, true)
		w = s.tellLocked(Now)
	}
	t.mu.Unlock()
	t.ready(w)
}

// Forget ends a stream without telling the peer.
func (s *Stream) Forget(why error) {
	s.t.mu.Lock()
	s.refuseLocked(why)
	s.failLocked(why, true)
	s.t.mu.Unlock()
}

// Leave gives up the place of a stream of the peer. Its handler has returned.
func (s *Stream) Leave() {
	s.t.mu.Lock()
	if s.theirs && !s.left {
		s.left = true
		s.t.places--
	}
	s.t.mu.Unlock()
}

// Drained returns a channel that is closed once all items and the end, if there is one, have been pulled, or once they have been
// dropped.
func (s *Stream) Drained() <-chan struct{} {
	s.t.mu.Lock()
	defer s.t.mu.Unlock()
	if s.drained == nil {
		s.drained = make(chan struct{})
		s.drainLocked()
	}
	return s.drained
}

func (s *Stream) drainLocked() {
	if s.drained == nil || len(s.last) > 0 || !s.over && (len(s.chunks) > 0 || len(s.end) > 0) {
		return
	}
	select {
	case <-s.drained:
	default:
		close(s.drained)
	}
}

// refuseLocked drops the received items, and all items that come later.
func (s *Stream) refuseLocked(why error) {
	s.stopped = true
	s.t.rest.overLocked()
	s.aborted.Store(true)
	if s.inErr == nil {
		s.inErr = why
	}
	s.dropReceivedLocked()
	s.weighLocked()
	s.ungrowLocked()
	s.wakeReaderLocked()
}

// failLocked ends the directions that have not ended. If all is set, this side's direction fails even if its end has been sent.
func (s *Stream) failLocked(why error, all bool) {
	if s.over {
		return
	}
	if s.inErr == nil && !s.inDone {
		s.inErr = why
	}
	s.cutLocked() // the rest of the item does not come
	if s.outErr == nil && (s.out != closed || all) {
		s.outErr = why
	}
	s.dropLocked()
	s.goneLocked()
}

// dropLocked drops the waiting items and ends.
func (s *Stream) dropLocked() {
	for i := range s.chunks {
		s.t.holdLocked(-s.chunks[i].weighs)
		pool.PutChunk(s.chunks[i].b)
	}
	s.chunks, s.waiting, s.end, s.ends, s.mid = nil, 0, nil, 0, nil
	s.out = closed
}

// closeLocked moves the frames of the end to the results of Pull. No item waits before them.
func (s *Stream) closeLocked() {
	if len(s.end) == 0 {
		return
	}
	s.t.addLocked(s.end, s.ends)
	s.end, s.ends = nil, 0
	s.out = closed
	if s.failing {
		s.failLocked(s.inErr, true)
	}
	s.settleLocked()
	s.drainLocked()
}

// settleLocked removes a stream from the table if both directions have ended.
func (s *Stream) settleLocked() {
	if s.inDone && s.out == closed && !s.over {
		s.goneLocked()
	}
}

func (s *Stream) goneLocked() {
	s.over = true
	delete(s.t.open, s.id)
	s.t.holdLocked(-streamCost)
	s.wakeReaderLocked()
	s.wakeSenderLocked()
	s.drainLocked()
}

// Ended reports whether both directions have ended.
func (s *Stream) Ended() bool {
	s.t.mu.Lock()
	over := s.over
	s.t.mu.Unlock()
	return over
}

// SendError returns why this side's direction has failed, or nil.
func (s *Stream) SendError() error {
	s.t.mu.Lock()
	err := s.outErr
	s.t.mu.Unlock()
	return err
}

// EndHandler ends the context of the handler, if there is one.
func (s *Stream) EndHandler(why error) {
	if s.Cancel != nil {
		s.Cancel(why)
	}
}

// A Progress counts the items of a stream, or its bytes if it carries bytes.
type Progress struct {
	Taken     uint64 // taken by this side
	Sent      uint64 // sent by this side
	Delivered uint64 // sent, and known to have arrived
}

// Progress returns the counts of the stream.
func (s *Stream) Progress() Progress {
	s.t.mu.Lock()
	p := Progress{s.taken.Load(), s.sent, s.delivered}
	s.t.mu.Unlock()
	return p
}
