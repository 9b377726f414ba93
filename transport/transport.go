package transport

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrClosed is the error of a [Conn] or [Listener] of this module that is used after its own
// Close. It may be wrapped.
var ErrClosed = errors.New("transport: closed")

// A Conn is an ordered, reliable byte stream between two peers.
//
// One goroutine may read while another writes: Read and ReadReady need no lock
// against Write, WriteBuffers and CloseWrite. Two goroutines must not read at once, and two must
// not write at once. Any goroutine may call Close, Info and the methods for deadlines at any time.
//
// Write and WriteBuffers return only when all bytes are handed to the medium or the write has
// failed, and keep no reference to their arguments. Read returns [io.EOF]
// once the peer has ended its direction in order and everything before that was
// read. If the stream breaks off, Read returns another error.
type Conn interface {
	io.ReadWriteCloser
	BuffersWriter
	Deadlines

	// CloseWrite ends this side's direction: the peer reads everything that was
	// written before and then [io.EOF]. It depends on the medium whether data from the peer can
	// still be read afterwards; the end of the peer's direction can always be read.
	// CloseWrite does not wait for the peer. Close must still be called.
	CloseWrite() error

	// Info describes the connection. Its result does not change, except as [SourceReader] says.
	Info() Info
}

// A BuffersWriter writes several buffers as one.
type BuffersWriter interface {
	// WriteBuffers writes all of bufs in order, and at once if the medium can:
	// in one system call over TCP, in one message over WebSocket. It may change the
	// elements of bufs, never the bytes to which they refer. It returns how many bytes
	// were written: all of them unless it fails.
	WriteBuffers(bufs [][]byte) (int64, error)
}

// Deadlines bound reads and writes, including reads and writes that are under way. The zero time
// means no deadline. An operation past its deadline fails with an error whose
// Timeout method reports true. A deadline that has passed may end the whole
// stream: afterwards only Close is sure to work. Any goroutine may set a deadline at any time.
type Deadlines interface {
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// A ReadyReader is a [Conn] that can wait for input without holding a buffer:
// an idle connection costs no buffer.
type ReadyReader interface {
	// ReadReady waits until there is something to read, takes a buffer from pool, and reads into
	// it. It returns the whole buffer and how many bytes at its
	// start were filled, at least one. If it fails, it has put the buffer
	// back and returns nil. It counts as a read of the Conn.
	ReadReady(pool BufferPool) (buf []byte, n int, err error)
}

// A Sleeper is a [ReadyReader] that can wait for input without a goroutine: all that sleep share one.
type Sleeper interface {
	// Sleep counts as a read that has begun. It ends when woken is called, on another goroutine and perhaps before
	// Sleep returns: there is something to read, the peer has ended, the connection is being closed, or somebody
	// sets a read deadline. Then a read tells which. woken must not wait for anything. Sleep reports false if the
	// connection cannot sleep now, since it has a read deadline or has read ahead, for example: then woken is not called.
	Sleep(woken func()) bool
}

// A BufferPool lends buffers, all of one length, which is not zero. It is safe for concurrent use.
type BufferPool interface {
	Get() []byte
	Put(buf []byte)
}

// A Resetter is a [Conn] that can end with a reset: the peer sees an error instead of
// the end of the stream.
type Resetter interface {
	// Reset waits up to about a second for the written bytes to reach the peer, and closes the
	// connection with a reset. Any goroutine may call it.
	Reset() error
}

// A SourceReader is a [Conn] that may come through a proxy. The stream of such a Conn begins with a
// header in which the proxy says who its client is.
type SourceReader interface {
	// ReadSource reads the proxy's header, if there is a proxy and the header has not been read. It
	// counts as a read, and the read deadline bounds it. Afterwards [Conn.Info] has the client's
	// addresses. If ReadSource is not called, the first read does the same.
	ReadSource() error
}

// An Info describes a connection.
type Info struct {
	// Transport names the medium: "tcp", "tls", "unix", "ws", "wss" or "pipe".
	Transport string

	// Local and Remote are the addresses of the two ends as text: "host:port" if the medium has
	// hosts and ports, and only the host if a proxy tells no port. They may be
	// empty. Behind a trusted proxy, Remote is the address of the proxy's client.
	Local, Remote string

	// Proxy is the address of the trusted proxy through which the peer has come. It is empty if there
	// is no such proxy. If Proxy equals Remote, the peer's own address is not known, or not known yet,
	// and many peers may have this address.
	Proxy string

	// HandshakeFunc returns the result of [Info.Handshake]. It may be nil. It must be safe for
	// concurrent use.
	HandshakeFunc func() any
}

// Handshake returns what the medium knows at the time of the call about how the connection was
// made: a [*crypto/tls.ConnectionState] over TLS, a *ws.Handshake for a WebSocket that
// a server accepted, and nil if the medium knows nothing. The result must not be changed.
// Info.TLS (outside of browsers) and ws.Request return typed results.
func (i Info) Handshake() any {
	if i.HandshakeFunc == nil {
		return nil
	}
	return i.HandshakeFunc()
}

// A Listener accepts connections.
type Listener interface {
	// Accept waits for the next connection. It does not wait for bytes from the peer:
	// a handshake that needs the peer happens in the first read or write.
	// After Close it fails with an error for which errors.Is reports [ErrClosed]. After an error
	// whose Temporary method reports true, Accept may be called again.
	Accept() (Conn, error)

	// Close stops listening. Connections that were accepted go on. It is
	// idempotent and makes a waiting Accept return.
	Close() error

	// Addr returns the address of the listener as text, with the real port.
	Addr() string
}

// A Dialer makes connections to one peer. It is safe for concurrent use.
type Dialer interface {
	// Dial connects. The context bounds the attempt and not the connection.
	Dial(ctx context.Context) (Conn, error)
}

// A Rejecter is a [Listener] that refuses some peers before they become a [Conn], as a listener for
// WebSockets does.
type Rejecter interface {
	// TellRejected registers the function that is called for each peer that is refused from now on. It
	// replaces the function before; nil registers none. remote is the peer's address. The text of err
	// is short and has no secret: no URL, and of the headers at most an origin or a host. Several
	// goroutines may call f at once.
	TellRejected(f func(remote string, err error))
}

// A Refuser is a [Listener] that can send some of the peers that it refuses the reason, in the protocol
// that its connections carry. A page needs that: a browser does not show it the status of an
// HTTP answer.
type Refuser interface {
	// RefuseWith registers the function whose result such a peer is sent from now on. It
	// replaces the function before; nil sends nothing. Nothing that the peer sends is used.
	// reason is short and has no secret, like the text of [Rejecter.TellRejected]. Several
	// goroutines may call say at once.
	RefuseWith(say func(reason string) []byte)
}
