package transporttest

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// An op is an operation on a separate goroutine.
type op struct {
	id   string
	done chan error
}

// start runs f on a new goroutine. The operation ends by itself, or because the connection is closed when
// the test is over.
func start(f func() error) *op {
	ids := make(chan string)
	o := &op{done: make(chan error, 1)}
	go func() {
		ids <- currentGoroutine()
		o.done <- f()
	}()
	o.id = <-ids
	return o
}

// wait waits for the operation and returns its error.
func (o *op) wait(t *testing.T) error {
	t.Helper()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	select {
	case err := <-o.done:
		return err
	case <-timer.C:
		require.FailNow(t, "operation hangs", "%s", allStacks())
		return nil
	}
}

// waitBlocked returns once the operation waits for something, or has ended.
func (o *op) waitBlocked(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, g := range goroutines() {
			if g.id == o.id {
				return g.blocked()
			}
		}
		return true
	}, Patience, time.Millisecond, "operation neither waits nor ends")
}

// startRead reads n bytes.
func startRead(c transport.Conn, buf []byte) *op {
	return start(func() error {
		_, err := io.ReadFull(c, buf)
		return err
	})
}

// startReadAll reads up to the end of the peer's direction.
func startReadAll(c transport.Conn, got *[]byte) *op {
	return start(func() (err error) {
		*got, err = io.ReadAll(c)
		return err
	})
}

// startWrite writes p.
func startWrite(c transport.Conn, p []byte) *op {
	return start(func() error { return writeAll(c, p) })
}

// startFlood writes until a write fails, and returns the error of the write.
func startFlood(c transport.Conn) *op {
	chunk := make([]byte, 32<<10)
	return start(func() error {
		for {
			if err := writeAll(c, chunk); err != nil {
				return err
			}
		}
	})
}

// writeAll writes p, and fails if Write returns neither len(p) nor an error.
func writeAll(c transport.Conn, p []byte) error {
	n, err := c.Write(p)
	if err == nil && n != len(p) {
		return io.ErrShortWrite
	}
	return err
}

// readN reads n bytes on a separate goroutine and returns them.
func readN(t *testing.T, c transport.Conn, n int) []byte {
	t.Helper()
	buf := make([]byte, n)
	require.NoError(t, startRead(c, buf).wait(t))
	return buf
}

// carry writes p at a and expects it at b. It works without a buffer between
// the two.
func carry(t *testing.T, a, b transport.Conn, p []byte) {
	t.Helper()
	writing := startWrite(a, p)
	require.Equal(t, p, readN(t, b, len(p)))
	require.NoError(t, writing.wait(t))
}

// greet carries one byte each way, so that both ends have read the bytes that a medium itself sends after
// connecting.
func greet(t *testing.T, a, b transport.Conn) {
	t.Helper()
	carry(t, a, b, []byte{1})
	carry(t, b, a, []byte{2})
}

// pattern returns n bytes in a repeating pattern whose period divides no buffer
// size.
func pattern(n int, seed byte) []byte {
	const period = 251 * 127
	p := make([]byte, n)
	for i := range min(n, period) {
		p[i] = byte(i%251) ^ byte(i/251) ^ seed
	}
	for filled := period; filled < n; filled *= 2 {
		copy(p[filled:], p[:filled])
	}
	return p
}

func isTimeout(err error) bool {
	timeout, ok := err.(interface{ Timeout() bool })
	return ok && timeout.Timeout()
}

// errCount is the error of an operation of the suite if the transport returns a wrong
// number of bytes.
var errCount = errors.New("transporttest: wrong number of bytes reported")
