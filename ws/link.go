//go:build !js

package ws

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// gatherSize is how many bytes of one message, and joinSize how many of one frame, are
// put together before they are written.
const (
	gatherSize = 16 << 10
	joinSize   = 16 << 10
)

type gatherBuffer [gatherSize]byte

var gatherPool = sync.Pool{New: func() any { return new(gatherBuffer) }}

// errCloseSent is what writing gives once a close frame has gone out.
var errCloseSent = errors.New("a close frame has been sent")

// A link is the connection below a socket. The socket has it in place of the
// net.Conn, which has two uses: all deadlines are set here, none by a
// context, and all bytes that go out pass by here, those that the socket sends from
// its reader included (it answers pings and close frames). So a link can see to it
// that nothing follows a close frame, whoever sent that.
type link struct {
	net.Conn

	unread []byte // what was read before the link was made; owned by the reader

	closeOnce sync.Once
	closeErr  error

	framed atomic.Bool // frames come and go: before, it is the handshake

	mu        sync.Mutex // held while writing to Conn, for that is what it serializes
	frames    frameTracker
	gathering bool
	gathered  *gatherBuffer // borrowed when needed, while gathering
	pending   int           // bytes in gathered
	parts     [2][]byte     // scratch of send
	buffers   net.Buffers   // of parts
	closeSent bool
	err       error // what ended writing

	deadlineMu sync.Mutex // guards the fields below
	deadline   time.Time  // of the caller's writes
	lifted     bool       // it has passed, and is not set on Conn
}

// Read is the socket's. The end of the connection is never [io.EOF] to it: a WebSocket ends
// with a close frame, and between the frames of a message the socket would take that for
// the end of the message.
func (l *link) Read(p []byte) (int, error) {
	if len(l.unread) > 0 {
		n := copy(p, l.unread)
		if l.unread = l.unread[n:]; len(l.unread) == 0 {
			l.unread = nil
		}
		return n, nil
	}
	n, err := l.Conn.Read(p)
	if err == io.EOF && l.framed.Load() {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Write is the socket's. What follows a close frame does not go out.
func (l *link) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.framed.Load() {
		return l.Conn.Write(p)
	}
	if l.err != nil {
		return 0, l.err
	}
	if l.closeSent {
		return 0, errCloseSent
	}
	n, closed := l.frames.next(p)
	if !l.gathering {
		l.liftPassedDeadline()
	}
	var err error
	switch {
	case closed || !l.gathering:
		err = l.send(p[:n])
	case l.pending+n <= gatherSize:
		l.gather(p[:n])
	default:
		err = l.send(p[:n])
	}
	l.closeSent = closed
	if err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, errCloseSent
	}
	return n, nil
}

func (l *link) gather(p []byte) {
	if l.gathered == nil {
		l.gathered = gatherPool.Get().(*gatherBuffer)
	}
	l.pending += copy(l.gathered[l.pending:], p)
}

// send writes what was gathered and p, in one system call where the connection can.
func (l *link) send(p []byte) error {
	if l.pending == 0 {
		if len(p) > 0 {
			_, l.err = l.Conn.Write(p)
		}
		return l.err
	}
	l.parts = [2][]byte{l.gathered[:l.pending], p}
	l.pending = 0
	if len(p) == 0 {
		_, l.err = l.Conn.Write(l.parts[0])
	} else {
		l.buffers = l.parts[:]
		_, l.err = l.buffers.WriteTo(l.Conn)
	}
	l.parts = [2][]byte{}
	return l.err
}

// startFrames ends the handshake.
func (l *link) startFrames() { l.framed.Store(true) }

// startGathering begins a message of the caller: what the socket writes up to
// endGathering goes out together as far as it fits.
func (l *link) startGathering() {
	l.mu.Lock()
	l.restoreDeadline()
	l.gathering = true
	l.mu.Unlock()
}

// endGathering writes the rest. It returns what ended writing, if anything did.
func (l *link) endGathering() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gathering = false
	if l.err == nil && l.pending > 0 {
		l.send(nil)
	}
	l.pending = 0
	if l.gathered != nil {
		gatherPool.Put(l.gathered)
		l.gathered = nil
	}
	if l.err == nil && l.closeSent {
		return errCloseSent
	}
	return l.err
}

// writeClose sends a close frame between two messages, unless one has been sent.
func (l *link) writeClose(frame []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil || l.closeSent {
		return l.err
	}
	l.restoreDeadline()
	l.closeSent = true
	return l.send(frame)
}

// hasClosed tells whether a close frame has been sent.
func (l *link) hasClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closeSent
}

// SetWriteDeadline is for the writes of the caller.
func (l *link) SetWriteDeadline(t time.Time) error {
	l.deadlineMu.Lock()
	defer l.deadlineMu.Unlock()
	l.deadline, l.lifted = t, false
	return l.Conn.SetWriteDeadline(t)
}

// liftPassedDeadline keeps a deadline that was meant for an earlier write from
// failing the answer to a ping, and with it the connection.
func (l *link) liftPassedDeadline() {
	l.deadlineMu.Lock()
	defer l.deadlineMu.Unlock()
	if l.lifted || l.deadline.IsZero() || time.Now().Before(l.deadline) {
		return
	}
	l.lifted = true
	l.Conn.SetWriteDeadline(time.Time{})
}

func (l *link) restoreDeadline() {
	l.deadlineMu.Lock()
	defer l.deadlineMu.Unlock()
	if l.lifted {
		l.lifted = false
		l.Conn.SetWriteDeadline(l.deadline)
	}
}

// Close cuts the connection: closing a TLS connection in order would wait up to 5 s
// for a peer that does not read. A WebSocket is ended in order by its close frame.
func (l *link) Close() error {
	l.closeOnce.Do(func() {
		raw := l.Conn
		for {
			upper, ok := raw.(interface{ NetConn() net.Conn })
			if !ok {
				break
			}
			raw = upper.NetConn()
		}
		l.closeErr = raw.Close()
	})
	return l.closeErr
}

// serverLink makes a link of a connection that has been taken over from a server,
// with the bytes that the client has already sent after its request.
func serverLink(conn net.Conn, unread []byte) *link {
	l := &link{Conn: conn, unread: bytes.Clone(unread)}
	l.startFrames()
	return l
}

// clientLink makes a link that is ready for the handshake.
func clientLink(conn net.Conn) *link { return &link{Conn: conn} }
