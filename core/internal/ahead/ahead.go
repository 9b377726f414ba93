// Package ahead reads a stream ahead while nobody takes the bytes that come, so that the end of the stream is noticed.
//
// On some streams a read that has begun cannot be interrupted without ending the stream. So [Reader.Stop] makes a
// [Reader] begin no other read, and the next reader of the stream first takes the bytes that the Reader has read,
// the outcome of the read under way included ([Reader.Take]).
package ahead

import (
	"io"
	"sync"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/transport"
)

// A Reader reads one stream ahead. Make one with [New], and let one goroutine [Reader.Run] it.
type Reader struct {
	stream transport.Conn
	ready  transport.ReadyReader // stream, if it can wait without a buffer
	pool   transport.BufferPool

	mu   lock.Mutex[lock.Ahead] // guards the fields below, not the bytes of buf
	news sync.Cond
	stop bool
	over bool   // Run reads no more
	buf  []byte // Run writes only after the first n bytes
	n    int    // bytes that were read
	off  int    // bytes that were taken; off ≤ n
	err  error  // of the stream; nil while it has not ended
}

// New returns a reader of stream that holds at most one buffer of pool.
func New(stream transport.Conn, pool transport.BufferPool) *Reader {
	r := &Reader{stream: stream, pool: pool}
	r.ready, _ = stream.(transport.ReadyReader)
	r.news.L = &r.mu
	return r
}

// Run reads until the stream ends or fails, Stop is called, or the buffer is full. It returns the
// error of the stream, or nil.
func (r *Reader) Run() error {
	for {
		r.mu.Lock()
		if r.err != nil || r.stop || r.buf != nil && r.n == len(r.buf) {
			r.over = true
			r.news.Broadcast()
			r.mu.Unlock()
			return r.err
		}
		buf, n := r.buf, r.n
		r.mu.Unlock()
		buf, got, err := r.read(buf, n)
		r.mu.Lock()
		r.buf, r.n, r.err = buf, n+got, err
		r.news.Broadcast()
		r.mu.Unlock()
	}
}

// read reads once into buf, after its first n bytes. It borrows a buffer if buf is nil.
func (r *Reader) read(buf []byte, n int) ([]byte, int, error) {
	if buf == nil && r.ready != nil {
		return r.ready.ReadReady(r.pool)
	}
	if buf == nil {
		buf = r.pool.Get()
	}
	got, err := r.stream.Read(buf[n:])
	switch {
	case got > 0:
		return buf, got, nil // the next read fails again
	case err == nil:
		err = io.ErrNoProgress
	}
	return buf, 0, err
}

// Stop makes Run begin no other read. It does not wait for the read under way.
func (r *Reader) Stop() {
	r.mu.Lock()
	r.stop = true
	r.mu.Unlock()
}

// Ended returns the error with which the stream has ended, as far as Run has found out, or nil.
func (r *Reader) Ended() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// Take returns the bytes that have been read and were not taken before, valid until Take is called again. If
// there are none it waits. Once Run reads no more and all bytes were taken, it returns none, and the
// error of the stream if it has ended; then it has given the buffer back, and must
// not be called again.
func (r *Reader) Take() ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.off == r.n && !r.over {
		r.news.Wait()
	}
	if r.off < r.n {
		b := r.buf[r.off:r.n]
		r.off = r.n
		return b, nil
	}
	if r.buf != nil {
		r.pool.Put(r.buf)
		r.buf = nil
	}
	return nil, r.err
}
