package relay

import "github.com/hisock/hisock/core/internal/lock"

// Lines has the lines of this node. A line goes to another node and carries the streams that the node which opened it opens to clients of the
// other one. Its messages are numbered in each direction. If one is missing the line is over, with all its streams: each side says so to the other,
// and the next stream opens a new line. A node has at most one open line to another one, and at most one from it.
//
// Frames that wait for the publisher are bounded. T is what the caller keeps for a line.
//
// All methods are safe for concurrent use.
type Lines[T any] struct {
	limit int // bytes of frames that may wait in one line

	mu     lock.Mutex[lock.RelayLines] // guards the fields below, and the fields of each line that say so
	ours   map[uint64]*Line[T]         // by the other node
	theirs map[uint64]*Line[T]
	last   uint64 // number of the last line of this node
	due    []*Line[T]
	closed bool
}

// A Line is one line.
type Line[T any] struct {
	Of     T
	Node   uint64 // the other one
	Ours   bool   // this node has opened it
	Number uint64 // given by the node that has opened it; set by Lines, before the line is known to others

	// Guarded by Lines.mu.
	sent    uint64 // messages that were numbered
	got     uint64 // messages that have come
	over    bool
	listed  bool // it is in Lines.due
	beat    bool // a message is due though it may have no frames
	pong    uint64
	waiting []byte // frames that go before the frames of items
}

// NewLines returns no lines. limit bounds the frames that may wait in one line, in bytes.
func NewLines[T any](limit int) *Lines[T] {
	return &Lines[T]{limit: limit, ours: make(map[uint64]*Line[T]), theirs: make(map[uint64]*Line[T])}
}

// To returns the open line to a node, or nil.
func (t *Lines[T]) To(node uint64) *Line[T] {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ours[node]
}

// Begin numbers and notes a line to a node, unless there is one: then it returns that one. It returns nil if no more lines can begin.
func (t *Lines[T]) Begin(l *Line[T]) *Line[T] {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	if old := t.ours[l.Node]; old != nil {
		return old
	}
	t.last++
	l.Number, l.Ours = t.last, true
	t.ours[l.Node] = l
	return l
}

// A Verdict says what to do with a message of a line.
type Verdict uint8

const (
	Fine    Verdict = iota
	Fresh           // the other node has opened the line: the caller makes it known with Accept
	Stale           // it has come twice
	Gone            // the line is over, or was never known: the other node is told
	Missing         // messages before it are missing: the line is over, and the other node is told
)

// Got notes a message, and returns its line if there is one.
func (t *Lines[T]) Got(node uint64, s *Streams) (*Line[T], Verdict) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.theirs[node]
	if s.Theirs {
		l = t.ours[node]
	}
	switch {
	case t.closed:
		return nil, Stale
	case !s.Theirs && s.Number == 1 && (l == nil || s.Line > l.Number):
		return l, Fresh
	case l == nil || l.Number != s.Line:
		return nil, Gone
	case s.Number <= l.got:
		return l, Stale
	case s.Number != l.got+1:
		return l, Missing
	}
	l.got++
	return l, Fine
}

// Accept notes a line that another node has opened, whose first message has come. It reports false if no more lines can begin.
func (t *Lines[T]) Accept(l *Line[T]) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.theirs[l.Node] != nil {
		return false
	}
	l.got = 1
	t.theirs[l.Node] = l
	return true
}

// End forgets a line. It reports false if that has been done.
func (t *Lines[T]) End(l *Line[T]) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.endLocked(l)
}

func (t *Lines[T]) endLocked(l *Line[T]) bool {
	if l.over {
		return false
	}
	l.over, l.waiting = true, nil
	in := t.theirs
	if l.Ours {
		in = t.ours
	}
	if in[l.Node] == l {
		delete(in, l.Node)
	}
	return true
}

// With returns the lines with a node, and forgets them.
func (t *Lines[T]) With(node uint64) (ended []*Line[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range []*Line[T]{t.ours[node], t.theirs[node]} {
		if l != nil && t.endLocked(l) {
			ended = append(ended, l)
		}
	}
	return ended
}

// Find returns the line with that number which this node or another one has opened, if it is not over.
func (t *Lines[T]) Find(node uint64, ours bool, number uint64) *Line[T] {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.theirs[node]
	if ours {
		l = t.ours[node]
	}
	if l == nil || l.Number != number {
		return nil
	}
	return l
}

// All returns all lines.
func (t *Lines[T]) All() (all []*Line[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.allLocked()
}

func (t *Lines[T]) allLocked() (all []*Line[T]) {
	for _, l := range t.ours {
		all = append(all, l)
	}
	for _, l := range t.theirs {
		all = append(all, l)
	}
	return all
}

// Close forgets all lines, and returns them. No line begins any more.
func (t *Lines[T]) Close() []*Line[T] {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	all := t.allLocked()
	for _, l := range all {
		t.endLocked(l)
	}
	return all
}

// Say queues a frame that waits for no credit. It reports false if too much waits, or the line is over.
func (t *Lines[T]) Say(l *Line[T], frame []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.over || len(l.waiting)+len(frame) > t.limit && len(l.waiting) > 0 {
		return false
	}
	l.waiting = append(l.waiting, frame...)
	t.listLocked(l)
	return true
}

// Pong queues the answer to a ping. Of several that wait the one with the greatest nonce is enough: a side's probes have growing ones.
func (t *Lines[T]) Pong(l *Line[T], nonce uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.pong = max(l.pong, nonce)
	t.listLocked(l)
}

// Beat makes a message due, so that the other node finds what is missing.
func (t *Lines[T]) Beat(l *Line[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.beat = true
	t.listLocked(l)
}

// Due says that a line has something to publish.
func (t *Lines[T]) Due(l *Line[T]) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.listLocked(l)
}

func (t *Lines[T]) listLocked(l *Line[T]) {
	if !l.over && !l.listed {
		l.listed = true
		t.due = append(t.due, l)
	}
}

// An Output is what Next has taken out of a line.
type Output[T any] struct {
	Line *Line[T]
	Pong uint64 // nonce; 0 for none
	Beat bool
}

// Next takes the next line that has something to publish. Only the publisher calls it, and Said and Count.
func (t *Lines[T]) Next() (n Output[T], ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.due) > 0 {
		l := t.due[0]
		t.due[0] = nil
		t.due = t.due[1:]
		l.listed = false
		if l.over {
			continue
		}
		n = Output[T]{Line: l, Pong: l.pong, Beat: l.beat}
		l.pong, l.beat = 0, false
		return n, true
	}
	t.due = nil
	return n, false
}

// Said takes the frames that Say has queued. They go before the frames of streams that the publisher has pulled just before: a stream that has begun
// meanwhile begins for the other node with one of them.
func (t *Lines[T]) Said(l *Line[T]) (frames []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	frames, l.waiting = l.waiting, nil
	return frames
}

// Count numbers a message of a line.
func (t *Lines[T]) Count(l *Line[T]) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.sent++
	return l.sent
}
