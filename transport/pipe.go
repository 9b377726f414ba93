package transport

import (
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// pipeBuffer is how many bytes one direction of a pipe holds before a write waits.
const pipeBuffer = 64 << 10

// Pipe returns the two ends of a connection in memory.
//
// Each direction buffers up to 64 KiB. A write that does not fit waits for the
// reader. After Close the other end still reads everything that was written, and then
// [io.EOF]; its writes fail with [io.ErrClosedPipe]. A write after the end's own
// CloseWrite fails with that error too. If a deadline has passed, a later one lets the pipe go on. Both
// ends are also a [ReadyReader], and can read after their own CloseWrite.
//
// A pipe starts no goroutine and waits only for its own locks and timers, so it works in
// a bubble of [testing/synctest].
func Pipe() (a, b Conn) {
	return newPipe("pipe", "pipe")
}

// newPipe returns the two ends of a pipe, each with its own address.
func newPipe(addrA, addrB string) (a, b *pipeConn) {
	ab, ba := newPipeHalf(), newPipeHalf()
	a = &pipeConn{in: ba, out: ab, info: Info{Transport: "pipe", Local: addrA, Remote: addrB}}
	b = &pipeConn{in: ab, out: ba, info: Info{Transport: "pipe", Local: addrB, Remote: addrA}}
	return a, b
}

// A pipeConn is one end of a pipe: it reads from one half and writes to the other.
type pipeConn struct {
	in, out *pipeHalf
	info    Info
	closed  atomic.Bool
}

func (c *pipeConn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, c.ownClose(err)
}

func (c *pipeConn) ReadReady(pool BufferPool) ([]byte, int, error) {
	if err := c.in.waitReadable(); err != nil {
		return nil, 0, c.ownClose(err)
	}
	buf := pool.Get() // not under the lock: it is the caller's code
	n, err := c.in.read(buf)
	if err != nil {
		pool.Put(buf)
		return nil, 0, c.ownClose(err)
	}
	return buf, n, nil
}

func (c *pipeConn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, c.ownClose(err)
}

func (c *pipeConn) WriteBuffers(bufs [][]byte) (written int64, err error) {
	for _, p := range bufs {
		n, err := c.Write(p)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

func (c *pipeConn) CloseWrite() error {
	if c.closed.Load() {
		return ErrClosed
	}
	c.out.end()
	return nil
}

func (c *pipeConn) Close() error {
	c.closed.Store(true)
	c.in.abandon()
	c.out.end()
	return nil
}

func (c *pipeConn) SetReadDeadline(t time.Time) error {
	if c.closed.Load() {
		return ErrClosed
	}
	c.in.setReadDeadline(t)
	return nil
}

func (c *pipeConn) SetWriteDeadline(t time.Time) error {
	if c.closed.Load() {
		return ErrClosed
	}
	c.out.setWriteDeadline(t)
	return nil
}

func (c *pipeConn) Info() Info { return c.info }

// ownClose replaces err by ErrClosed if this end was closed.
func (c *pipeConn) ownClose(err error) error {
	if err != nil && c.closed.Load() {
		return ErrClosed
	}
	return err
}

// A pipeHalf is one direction of a pipe.
type pipeHalf struct {
	mu      sync.Mutex // guards the fields below
	changed sync.Cond  // signals each change for which the reader or the writer may wait

	ring       ring
	ended      bool // the writer is done; the bytes in the ring can still be read
	abandoned  bool // the reader is gone; the bytes in the ring are dropped
	readLimit  pipeDeadline
	writeLimit pipeDeadline
}

func newPipeHalf() *pipeHalf {
	h := &pipeHalf{ring: ring{limit: pipeBuffer}}
	h.changed.L = &h.mu
	return h
}

func (h *pipeHalf) read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(p) == 0 {
		return 0, nil
	}
	if err := h.waitReadableLocked(); err != nil {
		return 0, err
	}
	n := h.ring.read(p)
	h.changed.Broadcast()
	return n, nil
}

func (h *pipeHalf) waitReadable() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.waitReadableLocked()
}

// waitReadableLocked returns nil once there is something to read.
func (h *pipeHalf) waitReadableLocked() error {
	for {
		switch {
		case h.abandoned:
			return ErrClosed
		case h.readLimit.passed:
			return errDeadline
		case h.ring.size > 0:
			return nil
		case h.ended:
			return io.EOF
		}
		h.changed.Wait()
	}
}

func (h *pipeHalf) write(p []byte) (written int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case h.ended, h.abandoned:
			return written, io.ErrClosedPipe
		case h.writeLimit.passed:
			return written, errDeadline
		}
		if n := h.ring.write(p[written:]); n > 0 {
			written += n
			h.changed.Broadcast()
		}
		if written == len(p) {
			return written, nil
		}
		h.changed.Wait()
	}
}

// end notes that the writer is done.
func (h *pipeHalf) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	h.writeLimit.stop()
	h.changed.Broadcast()
}

// abandon notes that the reader is gone, and drops the bytes that wait.
func (h *pipeHalf) abandon() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.abandoned = true
	h.ring.release()
	h.readLimit.stop()
	h.changed.Broadcast()
}
