package load

import (
	"fmt"
	"net"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// A conn is one connection to a server. It has the bytes that have come and are not parsed, and counts the received
// messages.
type conn struct {
	nc    net.Conn
	codec codec
	in    []byte
	have  int // bytes in in

	// The meter reads the counter. The padding puts the counters of two connections into different cache lines.
	_     [64]byte
	count atomic.Uint64
	_     [64]byte
}

// A Target is a server: its address and its protocol.
type Target struct {
	Addr     string
	Protocol string
}

// dial connects to a server. On Linux it uses several local addresses, so that there are enough ports.
func (t Target) dial(i int, r role, buffer int) (*conn, error) {
	codec, err := newCodec(t.Protocol)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{
		Timeout: openTimeout,
	}
	if runtime.GOOS == "linux" { // all addresses in 127.0.0.0/8 belong to this machine
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+i%8))}
	}
	nc, err := d.Dial("tcp", t.Addr)
	if err != nil {
		return nil, fmt.Errorf("connection %d: %w", i, err)
	}
	// So the many connections of a run leave no TIME_WAIT behind.
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

// dialAll opens n connections. Connection i has the role roleOf(i).
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

// read reads once, and calls got with each message that has come.
func (c *conn) read(got func(payload []byte) error) error {
	if c.have == len(c.in) { // the message is larger than the buffer
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

// RaiseFileLimit raises the limit of open files of this process and its child processes as far as it may.
func RaiseFileLimit() error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	l.Cur = l.Max
	return syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
}
