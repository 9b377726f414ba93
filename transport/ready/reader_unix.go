//go:build unix

package ready

import (
	"io"
	"net"
	"os"
	"syscall"

	"github.com/hisock/hisock/transport"
)

// Supported reports whether a [Reader] works on this system.
const Supported = true

// A Conn is a socket for which a [Reader] can wait, such as [*net.TCPConn]. A type that wraps a socket
// and changes its bytes must not be used as a Conn.
type Conn interface {
	net.Conn
	syscall.Conn
}

// A Reader reads from one socket. Only one goroutine may read at a time. The arguments and results of the
// function that the poller calls are fields of the Reader, so a
// read allocates nothing. The zero Reader needs Init.
type Reader struct {
	conn Conn
	raw  syscall.RawConn
	try  func(fd uintptr) bool // tryRead, bound once

	// Set only during a call of Read.
	pool transport.BufferPool
	buf  []byte
	n    int
	err  error

	sleeper sleeper
}

// Init makes r read from c. The Reader must not be copied afterwards.
func (r *Reader) Init(c Conn) (err error) {
	r.conn = c
	r.raw, err = c.SyscallConn()
	r.try = r.tryRead
	return err
}

// tryRead reads into a borrowed buffer. If there is nothing to read, it gives the
// buffer back and returns false, and the poller calls it again when there is something.
func (r *Reader) tryRead(fd uintptr) bool {
	r.buf = r.pool.Get()
	for {
		r.n, r.err = syscall.Read(int(fd), r.buf)
		switch r.err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			r.pool.Put(r.buf)
			r.buf, r.err = nil, nil
			return false
		}
		return true
	}
}

// Read does what [transport.ReadyReader] says for ReadReady. It returns the errors of the socket.
func (r *Reader) Read(pool transport.BufferPool) ([]byte, int, error) {
	r.pool = pool
	err := r.raw.Read(r.try)
	buf, n, readErr := r.buf, r.n, r.err
	r.pool, r.buf, r.n, r.err = nil, nil, 0, nil

	switch {
	case err != nil: // closed, or past the deadline; the poller calls no more
		return nil, 0, err
	case readErr != nil:
		local := r.conn.LocalAddr()
		err = &net.OpError{
			Op: "read", Net: local.Network(), Source: local, Addr: r.conn.RemoteAddr(),
			Err: os.NewSyscallError("read", readErr),
		}
	case n == 0 && len(buf) > 0:
		err = io.EOF
	case n == 0:
		err = io.ErrShortBuffer // the pool gave an empty buffer; this is not the stream's end
	default:
		return buf, n, nil
	}
	pool.Put(buf)
	return nil, 0, err
}
