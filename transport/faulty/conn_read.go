package faulty

import (
	"math"

	"github.com/hisock/hisock/transport"
)

// holdSize is the most bytes that are read ahead.
const holdSize = 4 << 10

func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 || c.readsAsIs() {
		n, err := c.stream.Read(p)
		return n, c.cause(err)
	}
	n, err := c.await(func() ([]byte, error) {
		buf := make([]byte, holdSize)
		n, err := c.stream.Read(buf)
		return buf[:n], err
	})
	if err != nil {
		return 0, err
	}
	return c.take(p, n), nil
}

// readsAsIs reports whether reading has no more faults and no held bytes.
func (c *conn) readsAsIs() bool {
	return c.in.over() && len(c.held) == 0
}

// await waits until the script lets bytes pass, and returns how many bytes of held may pass. fill reads the next
// bytes to hold.
func (c *conn) await(fill func() ([]byte, error)) (int, error) {
	n, err := c.allow(&c.in, math.MaxInt)
	if err != nil {
		return 0, err
	}
	for len(c.held) == 0 {
		var err error
		// An error that comes with bytes can wait: the stream returns it again.
		if c.held, err = fill(); len(c.held) == 0 && err != nil {
			return 0, c.cause(err)
		}
	}
	if err := c.late(&c.in); err != nil {
		return 0, err
	}
	return min(n, len(c.held)), nil
}

// take moves n bytes of held to p, or as many as fit.
func (c *conn) take(p []byte, n int) int {
	n = copy(p, c.held[:n])
	c.in.pass(p[:n])
	if c.held = c.held[n:]; len(c.held) == 0 {
		c.held = nil
	}
	return n
}

// A readyConn has the method that a conn has only if its stream is a [transport.ReadyReader].
type readyConn struct {
	of    *conn
	ready transport.ReadyReader
}

// ReadReady implements [transport.ReadyReader].
func (r readyConn) ReadReady(pool transport.BufferPool) ([]byte, int, error) {
	c := r.of
	if c.readsAsIs() {
		buf, n, err := r.ready.ReadReady(pool)
		return buf, n, c.cause(err)
	}
	n, err := c.await(func() ([]byte, error) {
		buf, n, err := r.ready.ReadReady(lender{})
		return buf[:n], err
	})
	if err != nil {
		return nil, 0, err
	}
	buf := pool.Get()
	return buf, c.take(buf, n), nil
}

// A lender is a [transport.BufferPool] for bytes that are read ahead. It makes a new buffer each time.
type lender struct{}

func (lender) Get() []byte { return make([]byte, holdSize) }
func (lender) Put([]byte)  {}
