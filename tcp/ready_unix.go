//go:build unix

package tcp

import (
	"io"
	"net"
	"os"
	"syscall"

	"github.com/hisock/hisock/transport"
)

var _ transport.ReadyReader = (*conn)(nil)

// readyState is what [conn.ReadReady] keeps from one call to the next, and hands to
// the function that the poller calls, so that a read allocates nothing.
type readyState struct {
	raw syscall.RawConn
	try func(fd uintptr) bool

	// Set only during a call.
	pool transport.BufferPool
	buf  []byte
	n    int
	err  error
}

func (s *readyState) init(c *net.TCPConn) (err error) {
	s.raw, err = c.SyscallConn()
	s.try = s.tryRead
	return err
}

// tryRead reads into a borrowed buffer. If there is nothing to read it gives the
// buffer back and returns false, and the poller calls it again when there is.
func (s *readyState) tryRead(fd uintptr) bool {
	s.buf = s.pool.Get()
	for {
		s.n, s.err = syscall.Read(int(fd), s.buf)
		switch s.err {
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			s.pool.Put(s.buf)
			s.buf, s.err = nil, nil
			return false
		}
		return true
	}
}

// ReadReady implements [transport.ReadyReader].
func (c *conn) ReadReady(pool transport.BufferPool) ([]byte, int, error) {
	s := &c.ready
	s.pool = pool
	err := s.raw.Read(s.try)
	buf, n, readErr := s.buf, s.n, s.err
	s.pool, s.buf, s.n, s.err = nil, nil, 0, nil

	switch {
	case err != nil: // closed, or past the deadline; the poller calls no more
		return nil, 0, c.ownClose(err)
	case readErr != nil:
		err = &net.OpError{
			Op: "read", Net: "tcp", Source: c.tcp.LocalAddr(), Addr: c.tcp.RemoteAddr(),
			Err: os.NewSyscallError("read", readErr),
		}
	case n == 0 && len(buf) > 0:
		err = io.EOF
	case n == 0:
		err = io.ErrShortBuffer // the pool is empty-handed, which is not the stream's end
	default:
		return buf, n, nil
	}
	pool.Put(buf)
	return nil, 0, c.ownClose(err)
}
