package historytest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/hisock/hisock/core"
)

// A Memory is a store in the memory of this process, for tests. Each server has a way of its own to it, which [Memory.Connect] makes, and
// on which faults are played: [MemoryStore]. It keeps the messages that the rules of the first server want. All methods are safe for
// concurrent use.
type Memory struct {
	delay time.Duration

	mu   sync.Mutex // guards the fields below
	keep core.HistoryRules
	logs map[string]*groupLog
	ids  map[string]struct{} // of all messages
	open []*way
	lose func(group string) bool
}

// A groupLog is the log of a group.
type groupLog struct {
	epoch uint64
	first uint64 // number of the first message
	kept  [][]byte

	forgotten uint64 // the messages before this number were forgotten
}

func (g *groupLog) next() uint64 { return g.first + uint64(len(g.kept)) }

// NewMemory returns an empty store. What it tells servers takes delay.
func NewMemory(delay time.Duration) *Memory {
	return &Memory{delay: delay, logs: make(map[string]*groupLog), ids: make(map[string]struct{})}
}

// Connect returns a way to the store for one server.
func (m *Memory) Connect() *MemoryStore { return &MemoryStore{m: m} }

// Delete drops all logs.
func (m *Memory) Delete() {
	m.mu.Lock()
	m.logs = make(map[string]*groupLog)
	m.mu.Unlock()
}

// Groups returns what the store calls the groups that have a log.
func (m *Memory) Groups() (groups []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for g := range m.logs {
		groups = append(groups, g)
	}
	return groups
}

// Inject appends a message to a group that no server has sent.
func (m *Memory) Inject(group string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.addLocked(group, [][]byte{data})
}

// Tell tells all servers that follow a group of a part that is not in its log.
func (m *Memory) Tell(group string, part core.HistoryPart) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tellLocked(group, part)
}

// Lose keeps from the servers what is appended to groups for which lose reports true. Nil loses nothing. lose runs with the store locked.
func (m *Memory) Lose(lose func(group string) bool) {
	m.mu.Lock()
	m.lose = lose
	m.mu.Unlock()
}

// logLocked returns the log of a group, and makes it if there is none.
func (m *Memory) logLocked(group string) *groupLog {
	g := m.logs[group]
	if g == nil {
		g = &groupLog{epoch: rand.Uint64() | 1, first: 1}
		m.logs[group] = g
	}
	return g
}

// addLocked appends messages to a log, and tells all that follow it.
func (m *Memory) addLocked(group string, messages [][]byte) {
	g := m.logLocked(group)
	part := core.HistoryPart{Epoch: g.epoch, First: g.next(), Messages: messages, Forgotten: g.forgotten}
	g.kept = append(g.kept, messages...)
	if over := len(g.kept) - max(m.keep.Messages, 1); over > 0 {
		g.kept = slices.Clone(g.kept[over:])
		g.first += uint64(over)
	}
	m.tellLocked(group, part)
}

func (m *Memory) tellLocked(group string, part core.HistoryPart) {
	if m.lose != nil && m.lose(group) {
		return
	}
	for _, w := range m.open {
		if _, ok := w.follows[group]; ok && !w.store.away {
			w.putLocked(event{group: group, part: part})
		}
	}
}

var (
	errCut    = errors.New("historytest: the store cannot be reached")
	errClosed = errors.New("historytest: the log is closed")
)

// A MemoryStore is a way to a [Memory], and a [core.HistoryStore]. Its faults strike all servers that open it.
type MemoryStore struct {
	m *Memory

	// Guarded by Memory.mu.
	away  bool
	doubt int // so many calls of Append do what they should, and fail
	reads int
	slow  time.Duration // what a read takes
}

// Cut makes the store unreachable for the servers.
func (s *MemoryStore) Cut() {
	s.m.mu.Lock()
	s.away = true
	s.m.mu.Unlock()
}

// Mend ends Cut.
func (s *MemoryStore) Mend() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if !s.away {
		return
	}
	s.away = false
	for _, w := range s.m.open {
		if w.store == s {
			w.putLocked(event{missed: true})
		}
	}
}

// Doubt makes the next n calls of Append fail although the store has the messages.
func (s *MemoryStore) Doubt(n int) {
	s.m.mu.Lock()
	s.doubt = n
	s.m.mu.Unlock()
}

// Slow makes answers of Read take d.
func (s *MemoryStore) Slow(d time.Duration) {
	s.m.mu.Lock()
	s.slow = d
	s.m.mu.Unlock()
}

// Reads returns how often the servers have read a group.
func (s *MemoryStore) Reads() int {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.reads
}

// Open implements [core.HistoryStore].
func (s *MemoryStore) Open(ctx context.Context, _ string, keep core.HistoryRules, h core.HistoryHandler) (core.HistoryLog, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &way{store: s, m: s.m, keep: keep, h: h, follows: make(map[string]struct{}), wake: make(chan struct{}, 1), closing: make(chan struct{}), done: make(chan struct{})}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.m.keep.Messages = max(s.m.keep.Messages, keep.Messages)
	s.m.open = append(s.m.open, w)
	go w.run()
	return w, nil
}

// A way is a [core.HistoryLog].
type way struct {
	store   *MemoryStore
	m       *Memory
	keep    core.HistoryRules
	h       core.HistoryHandler
	wake    chan struct{} // has an element when there are events
	closing chan struct{}
	done    chan struct{} // closed when run has ended

	// Guarded by Memory.mu.
	follows map[string]struct{}
	events  []event
	closed  bool
}

// An event is what the handler is told.
type event struct {
	due    time.Time
	group  string
	part   core.HistoryPart
	missed bool
}

func (w *way) putLocked(e event) {
	e.due = time.Now().Add(w.m.delay)
	w.events = append(w.events, e)
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run calls the handler, until the log is closed.
func (w *way) run() {
	defer close(w.done)
	for {
		w.m.mu.Lock()
		events := w.events
		w.events = nil
		w.m.mu.Unlock()
		for _, e := range events {
			if wait := time.Until(e.due); wait > 0 {
				select {
				case <-time.After(wait):
				case <-w.closing:
				}
			}
			select {
			case <-w.closing:
				return
			default:
			}
			if e.missed {
				w.h.Missed()
			} else {
				w.h.Appended(e.group, e.part)
			}
		}
		select {
		case <-w.wake:
		case <-w.closing:
			return
		}
	}
}

// usableLocked returns why the log cannot be used.
func (w *way) usableLocked(ctx context.Context) error {
	switch {
	case w.closed:
		return errClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case w.store.away:
		return errCut
	}
	return nil
}

func (w *way) Append(ctx context.Context, batch []core.HistoryMessage) error {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	if err := w.usableLocked(ctx); err != nil {
		return err
	}
	for i := 0; i < len(batch); {
		group := batch[i].Group
		var messages [][]byte
		for ; i < len(batch) && batch[i].Group == group; i++ {
			if _, ok := w.m.ids[batch[i].ID]; ok {
				continue
			}
			w.m.ids[batch[i].ID] = struct{}{}
			messages = append(messages, slices.Clone(batch[i].Data))
		}
		if len(messages) > 0 {
			w.m.addLocked(group, messages)
		}
	}
	if w.store.doubt > 0 {
		w.store.doubt--
		return errCut
	}
	return nil
}

func (w *way) Forget(ctx context.Context, group string) error {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	if err := w.usableLocked(ctx); err != nil {
		return err
	}
	g := w.m.logLocked(group)
	g.first, g.kept = g.next(), nil
	g.forgotten = g.first
	w.m.tellLocked(group, core.HistoryPart{Epoch: g.epoch, First: g.first, Forgotten: g.forgotten})
	return nil
}

func (w *way) Read(ctx context.Context, group string, epoch, after uint64) (core.HistoryPart, error) {
	part, slow, err := w.read(ctx, group, epoch, after)
	if slow > 0 && err == nil {
		t := time.NewTimer(slow)
		defer t.Stop()
		select {
		case <-t.C:
		case <-w.closing:
			err = errClosed
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	return part, err
}

func (w *way) read(ctx context.Context, group string, epoch, after uint64) (part core.HistoryPart, slow time.Duration, err error) {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	if err := w.usableLocked(ctx); err != nil {
		return part, 0, err
	}
	w.store.reads++
	g := w.m.logLocked(group)
	first := g.first
	if epoch == g.epoch && after >= first && after < g.next() {
		first = after + 1
	}
	bytes := w.keep.Bytes
	from := g.next()
	for from > first && g.next()-from < uint64(w.keep.Messages) && bytes >= len(g.kept[from-1-g.first]) {
		from--
		bytes -= len(g.kept[from-g.first])
	}
	return core.HistoryPart{Epoch: g.epoch, First: from, Messages: slices.Clone(g.kept[from-g.first:]), Forgotten: g.forgotten}, w.store.slow, nil
}

func (w *way) Follow(group string) error {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	if w.closed {
		return errClosed
	}
	w.follows[group] = struct{}{}
	return nil
}

func (w *way) Unfollow(group string) error {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	if w.closed {
		return errClosed
	}
	delete(w.follows, group)
	return nil
}

func (*way) MaxMessage() int { return 1 << 20 }

func (w *way) Close(ctx context.Context) error {
	w.m.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.closing)
		w.m.open = slices.DeleteFunc(w.m.open, func(o *way) bool { return o == w })
	}
	w.m.mu.Unlock()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
