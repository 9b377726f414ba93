package stream

import (
	"github.com/hisock/hisock/core/internal/pool"
	"github.com/hisock/hisock/core/wire"
)

// Finish says that this side sends no more: the end follows what waits. With a code it says why, and ends both directions.
// why is what the program here is told that goes on with the stream.
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

// endLocked puts an end behind what waits.
func (s *Stream) endLocked(bye wire.Goodbye) {
	s.end = wire.AppendStreamEnd(s.end, s.id, bye)
	s.ends++
	s.out, s.failing = closing, bye.Code != wire.CodeNone
	s.queueLocked()
}

// Stop says that this side takes no more. The peer is told with that code, behind what waits, unless it has sent all.
func (s *Stream) Stop(bye wire.Goodbye, why error) {
	t := s.t
	t.mu.Lock()
	s.refuseLocked(why)
	w := Never
	switch {
	case s.over, s.inDone, s.failing: // there is nothing to be said
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

// Abort ends both directions at once. What waits is dropped, and the peer is told why.
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

// Forget ends a stream of which the peer has not been told.
func (s *Stream) Forget(why error) {
	s.t.mu.Lock()
	s.refuseLocked(why)
	s.failLocked(why, true)
	s.t.mu.Unlock()
}

// Leave gives up the place of a stream of the peer, once its handler has returned.
func (s *Stream) Leave() {
	s.t.mu.Lock()
	if s.theirs && !s.left {
		s.left = true
		s.t.places--
	}
	s.t.mu.Unlock()
}

// Drained returns a channel that is closed when all that was sent, and the end if there is one, has been pulled, or never
// will be.
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

// refuseLocked drops what was received, and all that comes.
func (s *Stream) refuseLocked(why error) {
	s.stopped = true
	s.aborted.Store(true)
	if s.inErr == nil {
		s.inErr = why
	}
	s.in, s.items, s.part, s.partCost = nil, nil, 0, 0
	s.batched, s.kept = 0, 0 // that memory goes when who takes looks again
	s.weighLocked()
	s.wakeReaderLocked()
}

// failLocked ends what has not ended. If all is set the stream's own end in order is given up too.
func (s *Stream) failLocked(why error, all bool) {
	if s.over {
		return
	}
	if s.inErr == nil && !s.inDone {
		s.inErr = why
	}
	s.in = s.in[:len(s.in)-s.part] // the rest of it does not come
	s.part, s.partCost = 0, 0
	if s.outErr == nil && (s.out != closed || all) {
		s.outErr = why
	}
	s.dropLocked()
	s.goneLocked()
}

// dropLocked drops what waits to be sent.
func (s *Stream) dropLocked() {
	for i := range s.chunks {
		s.t.holdLocked(-s.chunks[i].weighs)
		pool.PutChunk(s.chunks[i].b)
	}
	s.chunks, s.waiting, s.end, s.ends, s.mid = nil, 0, nil, 0, nil
	s.out = closed
}

// closeLocked takes the frames that end the stream, once nothing waits before them.
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

// settleLocked lets a stream go whose directions have both ended.
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

// Ended reports whether the stream is over.
func (s *Stream) Ended() bool {
	s.t.mu.Lock()
	over := s.over
	s.t.mu.Unlock()
	return over
}

// SendError returns why not all could be sent, or nil.
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

// Progress is how far a stream has come.
type Progress struct {
	Taken     uint64 // items, or bytes, that this side has taken
	Sent      uint64 // items, or bytes, that this side has sent
	Delivered uint64 // of these, what is known to have arrived
}

// Progress returns how far the stream has come.
func (s *Stream) Progress() Progress {
	s.t.mu.Lock()
	p := Progress{s.taken.Load(), s.sent, s.delivered}
	s.t.mu.Unlock()
	return p
}
