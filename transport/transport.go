package transport

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrClosed is what a [Conn] or [Listener] of this module reports, perhaps
// wrapped, when it is used after its own Close.
var ErrClosed = errors.New("transport: closed")

// A Conn is an ordered, reliable byte stream between two peers.
//
// One goroutine may read while another writes: Read and ReadReady need no lock
// against Write, WriteBuffers and CloseWrite. Two readers, or two writers, at
// once are a mistake of the caller. Close, the deadlines and Info may be called
// at any time by anybody.
//
// Write and WriteBuffers return only when all is handed over or the write
// failed, and keep no reference to what they were given. Read returns [io.EOF]
// once the peer has ended its direction in order and all that came before was
// read; a stream that breaks off returns another error.
type Conn interface {
	io.ReadWriteCloser
	BuffersWriter
	Deadlines

	// CloseWrite ends this side's direction: the peer reads all that was
	// written before and then [io.EOF]. Whether data from the peer can still be
	// read afterwards depends on the medium; the end of its direction can.
	// It does not wait for the peer. Close must still be called.
	CloseWrite() error

	// Info describes the connection. It does not change, except as [SourceReader] says.
	Info() Info
}

// A BuffersWriter writes several buffers as one.
type BuffersWriter interface {
	// WriteBuffers writes all of bufs in order, at once where the medium can:
	// one system call over TCP, one message over WebSocket. It may change the
	// elements of bufs, never the bytes they refer to. It returns how many bytes
	// were written, all of them unless there is an error.
	WriteBuffers(bufs [][]byte) (int64, error)
}

// Deadlines bound reads and writes, those under way included. The zero time
// means no deadline. An operation past its deadline fails with an error whose
// Timeout method reports true. A deadline that has passed may end the whole
// stream: afterwards only Close is sure to work.
type Deadlines interface {
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// A ReadyReader is a [Conn] that can wait for input without holding a buffer,
// so that an idle connection costs none.
type ReadyReader interface {
	// ReadReady is Read into a buffer that it takes from pool once there is
	// something to read. It returns that buffer, whole, and how many bytes at its
	// start were filled, at least one. With an error it has put the buffer
	// back and returns nil. It counts as a read.
	ReadReady(pool BufferPool) (buf []byte, n int, err error)
}

// A BufferPool lends buffers of one size, not empty. It is safe for concurrent use.
type BufferPool interface {
	Get() []byte
	Put(buf []byte)
}

// A Resetter is a [Conn] that can end with a reset, which a peer sees as an error and not
// as the end of the stream.
type Resetter interface {
	// Reset waits a moment for what was written to reach the peer and closes the
	// connection with a reset.
	Reset() error
}

// A SourceReader is a [Conn] that may come through a proxy which says at its beginning for whom
// it speaks.
type SourceReader interface {
	// ReadSource reads what the proxy says, if there is a proxy and it has not been read. It
	// counts as a read, and the read deadline bounds it. [Conn.Info] has the peer's addresses
	// afterwards. Without it the first read or write does the same.
	ReadSource() error
}

// Info says what is known of a connection.
type Info struct {
	// Transport names the medium: "tcp", "tls", "unix", "ws", "wss" or "pipe".
	Transport string

	// Local and Remote are the addresses of the two ends as text, "host:port"
	// where the medium has such, and only the host where a proxy tells no port. They may be
	// empty. Behind a proxy that is trusted, Remote is the client's address, and not the proxy's.
	Local, Remote string

	// Proxy is the address of the trusted proxy through which the peer has come, empty if there
	// is none. If it is the same as Remote, the peer's own address is not known, or not yet, and
	// many peers may have this one.
	Proxy string

	// HandshakeFunc is for [Info.Handshake], which is safe to call without it.
	HandshakeFunc func() any
}

// Handshake returns what the medium learnt when the connection was made, as it is at the
// time of the call: a [*crypto/tls.ConnectionState] over TLS, a *ws.Handshake for a WebSocket that
// a server accepted. It is nil where there is nothing to tell, and its result is not to be changed.
// Info.TLS (outside of browsers) and ws.Request give typed answers.
func (i Info) Handshake() any {
	if i.HandshakeFunc == nil {
		return nil
	}
	return i.HandshakeFunc()
}

// A Listener accepts connections.
type Listener interface {
	// Accept waits for the next connection. It does not wait for a peer to
	// speak: a handshake that needs the peer happens in the first read or write.
	// After Close it fails with an error that is [ErrClosed]. An error whose
	// Temporary method reports true leaves the listener working.
	Accept() (Conn, error)

	// Close stops listening. Connections that were accepted go on. It is
	// idempotent and makes a waiting Accept return.
	Close() error

	// Addr is the address listened on, with the real port, as text.
	Addr() string
}

// A Dialer makes connections to one peer. It is safe for concurrent use.
type Dialer interface {
	// Dial connects. The context bounds the attempt and not the connection.
	Dial(ctx context.Context) (Conn, error)
}

// A Rejecter is a [Listener] that turns some away before they become a [Conn], as one for
// WebSockets does.
type Rejecter interface {
	// TellRejected has f told of everybody who is turned away from now on, in place of what
	// was told before; nil tells nobody. remote is an address. The text of err is short and has
	// nothing that may be secret: no URL, and of a header at most an origin or a host. f may be
	// called by several goroutines at once.
	TellRejected(f func(remote string, err error))
}

// A Refuser is a [Listener] that can tell some of those whom it turns away why, in words that a
// client of what it carries understands: a page, for one, which is not told the status of an
// HTTP answer.
type Refuser interface {
	// RefuseWith has them sent what say returns from now on, and nothing of them is read by
	// anybody; nil sends nothing. reason is as short and harmless as the text of
	// [Rejecter.TellRejected]. say may be called by several goroutines at once.
	RefuseWith(say func(reason string) []byte)
}
