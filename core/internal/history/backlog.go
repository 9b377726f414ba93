package history

import (
	"strconv"

	"github.com/hisock/hisock/core/internal/lock"
)

// A Backlog has the messages that wait to be appended to a log that several servers share. Senders put messages into it; one goroutine, the
// appender, takes batches out, and says when they are done. Until then their bytes count. All methods are safe for concurrent use.
type Backlog struct {
	wake  chan struct{} // has an element when there may be something to take
	limit int           // bytes

	mu     lock.Mutex[lock.Backlog] // guards the fields below
	items  []Item                   // the oldest first
	taken  int                      // the first of items, which the appender has
	bytes  int                      // of items, with Cost for each
	prefix string                   // of ids
	last   uint64                   // the number in the newest id
	room   chan struct{}            // closed when there is room again; nil if nobody waits
	closed bool
}

// An Item is a message that waits.
type Item struct {
	Group string // as the log calls it
	ID    string // made by Put
	Data  []byte
	Last  bool        // it says that the messages so far are to be forgotten, and has no data
	Done  func(error) // called once, when the log has the message, or never will have it; nil if nobody waits
}

// NewBacklog returns an empty backlog for limit bytes. The ids of its messages begin with prefix.
func NewBacklog(limit int, prefix string) *Backlog {
	return &Backlog{wake: make(chan struct{}, 1), limit: limit, prefix: prefix}
}

// Wake has an element when there may be something to take.
func (b *Backlog) Wake() <-chan struct{} { return b.wake }

// Put adds a message and reports true, if there is room. Otherwise room is closed when there is room again, or when the backlog
// is closed; it is nil if the backlog is closed already. A message always fits into an empty backlog.
func (b *Backlog) Put(i Item) (ok bool, room <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false, nil
	}
	if b.bytes > 0 && b.bytes+len(i.Data)+Cost > b.limit {
		if b.room == nil {
			b.room = make(chan struct{})
		}
		return false, b.room
	}
	b.last++
	i.ID = b.prefix + "-" + strconv.FormatUint(b.last, 36)
	b.items = append(b.items, i)
	b.bytes += len(i.Data) + Cost
	select {
	case b.wake <- struct{}{}:
	default:
	}
	return true, nil
}

// Take returns the oldest messages: at most count, and at most bytes unless the first one alone is larger. A message with Last set comes
// alone. The messages stay until Done is called, and nobody changes them.
func (b *Backlog) Take(count, bytes int) []Item {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for n < len(b.items) && n < count {
		i := &b.items[n]
		if bytes -= len(i.Data); n > 0 && (bytes < 0 || i.Last) {
			break
		}
		n++
		if i.Last {
			break
		}
	}
	b.taken = n
	return b.items[:n:n]
}

// Done lets go of the messages that Take returned last.
func (b *Backlog) Done() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.dropLocked(b.taken)
	b.taken = 0
}

func (b *Backlog) dropLocked(n int) {
	for i := range b.items[:n] {
		b.bytes -= len(b.items[i].Data) + Cost
		b.items[i] = Item{}
	}
	if b.items = b.items[n:]; len(b.items) == 0 {
		b.items = nil
	}
	if b.room != nil && (b.closed || b.bytes < b.limit/2 || n > 0 && len(b.items) == 0) {
		close(b.room)
		b.room = nil
	}
}

// Close drops what waits and returns it. Nothing can be put any more.
func (b *Backlog) Close() []Item {
	b.mu.Lock()
	defer b.mu.Unlock()
	left := append([]Item(nil), b.items...)
	b.closed, b.taken = true, 0
	b.dropLocked(len(b.items))
	return left
}

// Held returns how many bytes wait.
func (b *Backlog) Held() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes
}
