package session

import (
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/latch"
	"github.com/hisock/hisock/transport"
)

// A LinkState says what a link can still carry.
//
//	from          to     by                 when
//	Sound         Mute   Session.Mute       a write has failed
//	Sound, Mute   Lost   Session.Suspend    the stream has broken off
type LinkState uint32

const (
	// Sound: the link carries both directions, as far as anybody knows.
	Sound LinkState = iota

	// Mute: the link is only read, since a write has failed. The peer may have closed it while frames that
	// the peer sent before are still on their way here.
	Mute

	// Lost: the link has broken off, and the session has been suspended. The peer sends frames again that have been read
	// and not counted.
	Lost
)

const (
	// MuteTime is how long the reader of a mute link waits for its peer, in all. The time in which
	// handlers keep the reader from reading does not count.
	MuteTime = time.Second

	// MaxMute bounds the bytes that are read from a mute link: more than systems keep for a socket.
	MaxMute = 8 << 20
)

// A Link is one stream of a session. Its users leave it in this order: the reader, the writer, the goroutine that tells
// the program.
type Link struct {
	Stream transport.Conn
	Ready  transport.ReadyReader // Stream, if that can wait without a buffer, or nil
	Born   time.Time

	state    atomic.Uint32 // a LinkState; written with the session's lock held
	failed   error         // why a write has failed; set before the state becomes Mute
	died     time.Time     // when the link was lost; set before the state becomes Lost
	lost     latch.Latch   // the link is lost
	unread   latch.Latch   // nobody reads the link any more
	released latch.Latch   // nobody uses the link any more, and the program is about to be told
	replaced latch.Latch   // the session goes on over another link

	// Owned by the reader. Others may read them once unread has happened.
	closed  bool          // the peer has closed its side
	goodbye bool          // the peer has said goodbye after this side has
	past    int           // bytes that were read since the link became mute
	waited  time.Duration // the time that the reader has waited for them
}

// NewLink returns a link that nobody uses yet.
func NewLink(stream transport.Conn) *Link {
	l := &Link{Stream: stream, Born: time.Now()}
	l.Ready, _ = stream.(transport.ReadyReader)
	return l
}

// State returns what the link can still carry, with one atomic load.
func (l *Link) State() LinkState { return LinkState(l.state.Load()) }

func (l *Link) lose() {
	l.died = time.Now()
	l.state.Store(uint32(Lost))
	l.lost.Happen()
}

// WhenLost returns a channel that is closed once the link is lost.
func (l *Link) WhenLost() <-chan struct{} { return l.lost.Wait() }

// Died returns when a lost link was lost.
func (l *Link) Died() time.Time { return l.died }

// WriteError returns why a write to a mute link has failed.
func (l *Link) WriteError() error { return l.failed }

// SawGoodbye notes that the peer has said goodbye after this side has. It is the reader's.
func (l *Link) SawGoodbye() { l.goodbye = true }

// EndReading notes that nobody reads the link any more, and whether the peer has closed its side. It
// is the reader's, which leaves the link.
func (l *Link) EndReading(closed bool) {
	l.closed = closed
	l.unread.Happen()
}

// WhenUnread returns a channel that is closed once nobody reads the link any more.
func (l *Link) WhenUnread() <-chan struct{} { return l.unread.Wait() }

// Parting returns whether the peer has said goodbye after this side has, and whether it has closed its
// side. Nobody may read the link any more.
func (l *Link) Parting() (goodbye, closed bool) { return l.goodbye, l.closed }

// Release notes that nobody uses a lost link any more. It is called once.
func (l *Link) Release() { l.released.Happen() }

// WhenReleased returns a channel that is closed by Release.
func (l *Link) WhenReleased() <-chan struct{} { return l.released.Wait() }

// WhenReplaced returns a channel that is closed once the session goes on over another link.
func (l *Link) WhenReplaced() <-chan struct{} { return l.replaced.Wait() }

// BeginWait sets the read deadline of a mute link to the time that is left of MuteTime, and returns the time for Waited.
// It is the reader's.
func (l *Link) BeginWait() time.Time {
	now := time.Now()
	l.Stream.SetReadDeadline(now.Add(MuteTime - l.waited)) //nolint:errcheck // the read will fail
	return now
}

// Waited counts n bytes for which the reader of a mute link has waited since the time since, and reports whether MuteTime
// or MaxMute is used up. It is the reader's.
func (l *Link) Waited(n int, since time.Time) bool {
	l.past += n
	l.waited += time.Since(since)
	return l.past > MaxMute || l.waited >= MuteTime
}
