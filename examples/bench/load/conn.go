package load

import (
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// A conn is one connection to a server: what has come and is not parsed, and how much was
// received.
type conn struct {
	nc    net.Conn
	codec codec
	in    []byte
	have  int // bytes in in

	// The counter is read by whoever measures; the padding keeps those of two connections apart.
	_     [64]byte
	count atomic.Uint64
	_     [64]byte
}

// A Target is a server: where it listens and what it speaks.
type Target struct {
	Addr     string
	Protocol string
}

// dial connects from one of several addresses where a machine has them, so that there are ports enough.
func (t Target) dial(i int, r role, buffer int) (*conn, error) {
	codec, err := newCodec(t.Protocol)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{
		Timeout: openTimeout,
	}
	if runtime.GOOS == "linux" { // all of 127.0.0.0/8 is this machine's
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i%8))}
	}
	nc, err := d.Dial("tcp", t.Addr)
	if err != nil {
		return nil, fmt.Errorf("connection %d: %w", i, err)
	}
	// No TIME_WAIT is left behind by the many connections of a run.
	nc.(*net.TCPConn).SetLinger(0)
	nc.SetDeadline(time.Now().Add(openTimeout))
	if err := codec.open(nc, r); err != nil {
		nc.Close()
		return nil, fmt.Errorf("connection %d: %w", i, err)
	}
	nc.SetDeadline(time.Time{})
	return &conn{nc: nc, codec: codec, in: make([]byte, buffer)}, nil
}

const (
	openTimeout = 20 * time.Second
	// dialers is how many connections are opened at once.
	dialers = 32
)

// dialAll opens n connections, the i-th in the role that roleOf says.
func (t Target) dialAll(n, buffer int, roleOf func(i int) role) ([]*conn, error) {
	conns := make([]*conn, n)
	var next atomic.Int64
	errs := make(chan error, dialers)
	for range dialers {
		go func() {
			for {
				i := int(next.Add(1) - 1)
				if i >= n {
					errs <- nil
					return
				}
				c, err := t.dial(i, roleOf(i), buffer)
				if err != nil {
					next.Store(int64(n))
					errs <- err
					return
				}
				conns[i] = c
			}
		}()
	}
	var first error
	for range dialers {
		if err := <-errs; err != nil && first == nil {
			first = err
		}
	}
	if first != nil {
		closeAll(conns)
		return nil, first
	}
	return conns, nil
}

func closeAll(conns []*conn) {
	for _, c := range conns {
		if c != nil {
			c.nc.Close()
		}
	}
}

// read reads once and hands what has come to got.
func (c *conn) read(got func(payload []byte) error) error {
	if c.have == len(c.in) { // a message larger than the buffer
		c.in = append(c.in, make([]byte, len(c.in))...)
	}
	n, err := c.nc.Read(c.in[c.have:])
	if n == 0 && err != nil {
		return fmt.Errorf("after %d messages: %w", c.count.Load(), err)
	}
	c.have += n
	done, err := c.codec.feed(c.in[:c.have], got)
	if err != nil {
		return fmt.Errorf("after %d messages: %w", c.count.Load(), err)
	}
	c.have = copy(c.in, c.in[done:c.have])
	return nil
}

// write sends b, if there is any.
func (c *conn) write(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if _, err := c.nc.Write(b); err != nil {
		return fmt.Errorf("after %d messages: %w", c.count.Load(), err)
	}
	return nil
}

// appendBatch appends n messages of one size from or for id, beginning with number seq.
func (c *conn) appendBatch(dst []byte, id uint16, seq uint32, n, size int) []byte {
	if n == 0 {
		return dst
	}
	start := len(dst)
	dst = c.codec.begin(dst)
	for i := range n {
		dst = c.codec.append(dst, message{id, seq + uint32(i), size})
	}
	return c.codec.seal(dst, start)
}

// RaiseFileLimit lets this process, and those it starts, open as many files as it may.
func RaiseFileLimit() error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	l.Cur = l.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
}
