package stream

// The window of a stream is the most that the peer may send ahead of the receiver. A window grows while it may hold the peer
// up: the receiver has taken half a window, and waits for more. So a receiver that takes nothing costs the first window. All windows of a
// connection together grow by at most Limits.Growth. A window shrinks again if its receiver falls behind. It shrinks
// by credit that is not granted again, since credit cannot be taken back.

const (
	growthPart = 2 // one stream takes at most that part of the growth that the others have left
	behind     = 4 // windows that a receiver takes without a wait: then it has fallen behind
)

// window returns the most that the peer may send ahead of the receiver, in bytes of credit.
func (s *Stream) window() int { return s.t.limits.Window + s.extra }

// ateLocked adds the cost of the taken items to the next grant.
func (s *Stream) ateLocked() {
	s.owed += s.ate
	s.steady += s.ate
	s.busy += s.ate
	s.ate = 0
	if s.extra > 0 && s.busy > behind*s.window() {
		s.shrinkLocked(min(s.extra, s.owed))
	}
}

// atePartLocked adds the cost of the parts of an incomplete item to the next grant.
func (s *Stream) atePartLocked() {
	s.owed += s.partCost
	s.steady += s.partCost
	s.partCost = 0
}

// hungryLocked notes that the receiver has taken all that has come, and waits. It may widen the window.
func (s *Stream) hungryLocked() {
	s.busy = 0
	if s.steady < s.window()/2 || s.inDone || s.stopped || s.over {
		return
	}
	s.steady = 0
	t := s.t
	most := (t.limits.Growth - t.grown + s.extra) / growthPart
	if n := min(s.window(), most-s.extra); n > 0 {
		s.extra += n
		t.grown += n
		s.owed += n
	}
}

// shrinkLocked takes n bytes off the window. They are owed to the peer, and are not granted.
func (s *Stream) shrinkLocked(n int) {
	s.owed -= n
	s.extra -= n
	s.t.grown -= n
	s.steady = 0
}

// ungrowLocked gives the growth of the window to the other streams: the stream holds nothing any more, and grants nothing.
func (s *Stream) ungrowLocked() {
	s.t.grown -= s.extra
	s.extra = 0
}
