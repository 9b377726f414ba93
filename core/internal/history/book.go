package history

import (
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// MaxLeft bounds the groups that a client is not in and whose positions are remembered.
const MaxLeft = 256

// A Book says, at a client, up to which message it has had each group, over all connections of
// the client. It tells which messages are replayed, which come a second time,
// and how many were missed.
//
// A page of the book is for one group. Its epoch holds for the connection on which
// the server has begun a replay of the group: on another connection numbers mean nothing before the server has done so.
//
// The methods are called in the order in which frames are handled. The zero value is an empty book, and
// all methods are safe for concurrent use.
type Book struct {
	mu    lock.Mutex[lock.Book] // guards the fields below
	pages map[string]*page
	conn  uint64 // the number of the connection
	ring  page   // the pages of groups that the client is not in: next is the group that it left longest ago
	left  int    // how many pages are in the ring
}

type page struct {
	wire.Position
	conn   uint64 // the connection on which the epoch holds
	until  uint64 // during a replay: messages up to this number are replayed
	had    uint64 // during a replay: messages up to this number come a second time
	replay Replay // the replay under way; it has no group if there is none

	// Links of the ring if the client is not in the group; nil otherwise.
	next, prev *page
}

// A Replay is what the program of a client is told of a replay. core.Replay explains the fields.
type Replay struct {
	Group    string
	Messages int
	Missed   uint64
	Lost     bool
}

// Connected notes that a connection has begun on which the client is in no group yet.
func (b *Book) Connected() {
	b.mu.Lock()
	b.conn++
	for _, p := range b.pages {
		b.leaveLocked(p)
	}
	b.mu.Unlock()
}

// Begin notes that a replay begins, and returns what the program is told. in says whether the client is in the group.
func (b *Book) Begin(r *wire.Replay, in bool) Replay {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.pages[r.Group]
	first := r.Last - r.Count // the number before the first message
	told := Replay{Group: r.Group, Messages: int(min(r.Count, 1<<31-1))}
	switch {
	case p == nil:
		p = b.addLocked(r.Group)
		p.Number = first
	case p.Epoch != r.Epoch || p.Number > r.Last:
		p.Number, p.had = first, 0
		told.Lost = true
	case p.Number < first:
		told.Missed = first - p.Number
		p.Number, p.had = first, 0
	case r.Again:
		p.had = 0
	default:
		told.Messages -= int(min(p.Number-first, 1<<31-1))
		p.had = p.Number
	}
	p.Epoch, p.until, p.conn, p.replay = r.Epoch, r.Last, b.conn, told
	if in && p.next != nil {
		b.unlinkLocked(p)
	}
	b.trimLocked()
	return told
}

// End notes that the replay of a group ends. It reports false if there is none.
func (b *Book) End(group string) (told Replay, ok bool) {
	b.mu.Lock()
	if p := b.pages[group]; p != nil {
		told, p.replay, p.had = p.replay, Replay{}, 0
	}
	b.mu.Unlock()
	return told, told.Group != ""
}

// Got notes that the client is given the message with that number, or that the message was not meant for it. It reports
// whether the message is replayed, and whether the client has had it before. With look set the message has not had its
// turn yet, and the position stays.
func (b *Book) Got(group []byte, number uint64, look bool) (replayed, twice bool) {
	b.mu.Lock()
	p := b.pages[string(group)] // does not allocate
	if p != nil && p.conn == b.conn {
		if !look {
			p.Number = max(p.Number, number)
		}
		replayed, twice = p.replay.Group != "" && number <= p.until, number <= p.had
	}
	b.mu.Unlock()
	return replayed, twice
}

// Leave notes that the client is not in the group any more.
func (b *Book) Leave(group string) {
	b.mu.Lock()
	if p := b.pages[group]; p != nil {
		b.leaveLocked(p)
		b.trimLocked()
	}
	b.mu.Unlock()
}

// Position returns the client's position in a group, without an epoch if it has none.
func (b *Book) Position(group string) wire.Position {
	at := wire.Position{Group: group}
	b.mu.Lock()
	if p := b.pages[group]; p != nil {
		at = p.Position
	}
	b.mu.Unlock()
	return at
}

// Left returns the positions in groups that the client is not in, the group that it left last first.
func (b *Book) Left() (positions []wire.Position) {
	b.mu.Lock()
	for p := b.ring.prev; p != nil && p != &b.ring; p = p.prev {
		positions = append(positions, p.Position)
	}
	b.mu.Unlock()
	return positions
}

// addLocked adds the page of a group that the client is not in.
func (b *Book) addLocked(group string) *page {
	if b.pages == nil {
		b.pages = make(map[string]*page)
	}
	p := &page{Position: wire.Position{Group: group}}
	b.pages[group] = p
	b.leaveLocked(p)
	return p
}

// leaveLocked puts a page at the end of the ring, unless it is in the ring already.
//
//go:noinline
func (b *Book) leaveLocked(p *page) {
	if p.next != nil {
		return
	}
	if b.ring.next == nil {
		b.ring.next, b.ring.prev = &b.ring, &b.ring
	}
	p.prev, p.next = b.ring.prev, &b.ring
	p.prev.next, b.ring.prev = p, p
	b.left++
}

//go:noinline
func (b *Book) unlinkLocked(p *page) {
	p.prev.next, p.next.prev = p.next, p.prev
	p.next, p.prev = nil, nil
	b.left--
}

// trimLocked forgets the groups that were left longest ago.
//
//go:noinline
func (b *Book) trimLocked() {
	for b.left > MaxLeft {
		p := b.ring.next
		b.unlinkLocked(p)
		delete(b.pages, p.Group)
	}
}

// The form of a book as bytes: for each page the length of the group's name, the name, and pageNumbers numbers. All
// numbers have 8 bytes, little-endian.
const pageNumbers = 7

const (
	pageHolds = 1 << iota // the epoch holds on the connection
	pageLeft
	pageReplays
	pageLost
)

// Size returns how many bytes Append would append now.
func (b *Book) Size() (n int) {
	b.mu.Lock()
	for group := range b.pages {
		n += 8*(1+pageNumbers) + len(group)
	}
	b.mu.Unlock()
	return n
}

// Append appends the book as bytes.
func (b *Book) Append(dst []byte) []byte {
	b.mu.Lock()
	for _, p := range b.pages {
		if p.next == nil {
			dst = b.appendLocked(dst, p)
		}
	}
	for p := b.ring.next; p != nil && p != &b.ring; p = p.next {
		dst = b.appendLocked(dst, p)
	}
	b.mu.Unlock()
	return dst
}

func (b *Book) appendLocked(dst []byte, p *page) []byte {
	flags := uint64(0)
	for i, set := range [...]bool{p.conn == b.conn, p.next != nil, p.replay.Group != "", p.replay.Lost} {
		if set {
			flags |= 1 << i
		}
	}
	dst = append(appendNumber(dst, uint64(len(p.Group))), p.Group...)
	for _, v := range [pageNumbers]uint64{p.Epoch, p.Number, p.until, p.had, flags, uint64(p.replay.Messages), p.replay.Missed} {
		dst = appendNumber(dst, v)
	}
	return dst
}

// Restore fills an empty book from bytes that Append has made, as if the connection of that time went on. It reports
// false, and leaves the book empty, if the bytes are malformed.
func (b *Book) Restore(from []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	ok := true
	for ok && len(from) > 0 {
		ok = b.restoreLocked(&from)
	}
	if !ok {
		b.pages, b.ring, b.left = nil, page{}, 0
	}
	b.trimLocked()
	return ok
}

func (b *Book) restoreLocked(from *[]byte) bool {
	rest := *from
	if len(rest) < 8 || number(rest) > uint64(len(rest)-8) || len(rest)-8-int(number(rest)) < 8*pageNumbers {
		return false
	}
	n := int(number(rest))
	group := string(rest[8 : 8+n])
	rest = rest[8+n:]
	*from = rest[8*pageNumbers:]
	if group == "" || b.pages[group] != nil {
		return false
	}
	p := b.addLocked(group)
	p.Epoch, p.Number, p.until, p.had = number(rest), number(rest[8:]), number(rest[16:]), number(rest[24:])
	flags := number(rest[32:])
	if flags&pageHolds != 0 {
		p.conn = b.conn
	} else {
		p.conn = b.conn - 1
	}
	if flags&pageLeft == 0 {
		b.unlinkLocked(p)
	}
	if flags&pageReplays != 0 {
		p.replay = Replay{group, int(min(number(rest[40:]), 1<<31-1)), number(rest[48:]), flags&pageLost != 0}
	}
	return p.Epoch != 0
}

// appendNumber and number are not inlined, which would add 3 KB to a browser build.
//
//go:noinline
func appendNumber(dst []byte, v uint64) []byte {
	for range 8 {
		dst = append(dst, byte(v))
		v >>= 8
	}
	return dst
}

// number returns the number at the front of b.
//
//go:noinline
func number(b []byte) (v uint64) {
	for i := range 8 {
		v |= uint64(b[i]) << (8 * i)
	}
	return v
}
