package relay

import (
	"slices"

	"github.com/hisock/hisock/core/internal/lock"
)

// Questions has the questions of this node that are under way. All methods are safe for concurrent use.
type Questions struct {
	mu     lock.Mutex[lock.RelayQuestions] // guards the fields below
	lastID uint64
	open   map[uint64]*Open
	ended  bool
}

// An Open is a question under way.
type Open struct {
	ID uint64

	// Ready has an element for each answer that can be taken with Next, and for the end. It has room for one.
	Ready chan struct{}

	// Guarded by Questions.mu.
	from    []uint64 // the nodes that have not answered
	answers []Reply
}

// A Reply is the answer of a node, or, with Gone, that there will be none.
type Reply struct {
	From   uint64
	Gone   bool
	Answer Answer // which owns its bytes
}

// NewQuestions returns an empty table.
func NewQuestions() *Questions { return &Questions{open: make(map[uint64]*Open)} }

// Ask notes a question to some nodes. It returns nil if there will be no answers any more.
func (t *Questions) Ask(to []uint64) *Open {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil
	}
	t.lastID++
	o := &Open{ID: t.lastID, Ready: make(chan struct{}, 1), from: slices.Clone(to)}
	t.open[o.ID] = o
	return o
}

// Next takes an answer. If there is none, done says that no more will come.
func (t *Questions) Next(o *Open) (r Reply, ok, done bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(o.answers) > 0 {
		r, o.answers = o.answers[0], o.answers[1:]
		return r, true, false
	}
	return r, false, len(o.from) == 0 || t.ended
}

// Left returns the nodes that have not answered, and forgets the question.
func (t *Questions) Left(o *Open) []uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, o.ID)
	return o.from
}

// Answer notes an answer, whose bytes it copies. An answer that nobody waits for is dropped.
func (t *Questions) Answer(from uint64, a Answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	o := t.open[a.ID]
	if o == nil || !slices.Contains(o.from, from) {
		return
	}
	a.Rest = slices.Clone(a.Rest)
	o.putLocked(Reply{From: from, Answer: a})
}

func (o *Open) putLocked(r Reply) {
	o.from = slices.DeleteFunc(o.from, func(n uint64) bool { return n == r.From })
	o.answers = append(o.answers, r)
	o.signal()
}

func (o *Open) signal() {
	select {
	case o.Ready <- struct{}{}:
	default:
	}
}

// Gone says that there will be no answers of a node to questions whose id is at most upTo.
func (t *Questions) Gone(node, upTo uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, o := range t.open {
		if id <= upTo && slices.Contains(o.from, node) {
			o.putLocked(Reply{From: node, Gone: true})
		}
	}
}

// Asked returns the nodes of which answers are awaited, and the id of the last question.
func (t *Questions) Asked() (nodes []uint64, last uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.open {
		for _, n := range o.from {
			if !slices.Contains(nodes, n) {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes, t.lastID
}

// End ends all questions, and those to come.
func (t *Questions) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	for _, o := range t.open {
		o.signal()
	}
}
