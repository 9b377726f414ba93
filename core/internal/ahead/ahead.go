// Package ahead reads a stream ahead while nobody takes what comes, so that its end is noticed.
//
// A read that has begun cannot be taken back without ending some streams. So a [Reader] is asked
// to begin no other one ([Reader.Stop]), and whoever reads the stream next takes what it has read
// first, the outcome of the read under way included ([Reader.Take]).
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
	buf  []byte // who reads writes behind the first n bytes only
	n    int    // bytes that were read
	off  int    // of these, that were taken
	err  error
}

// New returns a reader of stream that holds no more than one buffer of pool.
func New(stream transport.Conn, pool transport.BufferPool) *Reader {
	r := &Reader{stream: stream, pool: pool}
	r.ready, _ = stream.(transport.ReadyReader)
	r.news.L = &r.mu
	return r
}

// Run reads until the stream ends or fails, Stop was called, or the buffer is full. It returns the
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

// read reads once into buf, behind its first n bytes. It borrows a buffer if there is none.
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
		return buf, got, nil // an error will come again
	case err == nil:
		err = io.ErrNoProgress
	}
	return buf, 0, err
}

// Stop makes Run begin no other read. It does not wait for the one under way.
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

// Take returns what has been read and was not taken before, valid until Take is called again. If
// there is nothing it waits. It returns nothing when Run reads no more and all was taken, with the
// error of the stream if it has ended; then the buffer has been given back, and Take is
// not called again.
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
