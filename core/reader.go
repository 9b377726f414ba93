package core

import (
	"io"

	"github.com/hisock/hisock/core/internal/ahead"
	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/pool"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/transport"
)

// A reader holds bytes that have been read and not parsed. It borrows a buffer only while it holds bytes, so that an idle
// connection has none. The goroutine that reads owns it.
type reader struct {
	link  *session.Link
	ahead *ahead.Reader // holds bytes that were read before reading began; nil if there are none
	buf   []byte
	r, w  int  // buf[r:w] is unparsed
	need  int  // size in bytes of the frame that begins at r, if known and not complete; 0 otherwise
	woken bool // a receiver of a stream has been woken since the last read
	big   bool // more bytes than a small buffer holds have come at once lately

	budget *budget.Budget
	mem    budget.Meter // counts buf while the rest of a frame is awaited

	last     *handler // the handler of the command before; see commands
	lastCall *handler // the handler of the call before; see requests
	contexts contexts // contexts for calls; see newCallContext
}

// pool returns the pool of the next buffer.
func (rd *reader) pool() transport.BufferPool {
	if rd.big {
		return &bigReadBuffers
	}
	return &readBuffers
}

// directGrow bounds, in bytes, the buffer that is made at once for a frame of which only the size has come. Beyond it a
// buffer doubles as the bytes arrive, so that a peer that announces much and sends little costs little.
const directGrow = bigReadBufferSize

// fork returns a reader with a copy of the unparsed bytes.
func (rd *reader) fork() *reader {
	n := &reader{link: rd.link, ahead: rd.ahead, need: rd.need, big: rd.big}
	if rest := rd.buf[rd.r:rd.w]; len(rest) > 0 {
		n.buf = getRead(len(rest))
		n.w = copy(n.buf, rest)
	}
	return n
}

// release gives the buffer back.
func (rd *reader) release() {
	if rd.buf != nil {
		putRead(rd.buf)
		if rd.mem.Held() > 0 {
			rd.mem.Set(rd.budget, 0)
		}
	}
	*rd = reader{link: rd.link, big: rd.big, last: rd.last, lastCall: rd.lastCall, contexts: rd.contexts, budget: rd.budget}
}

// makeRoom makes sure that there is space after the unparsed bytes.
func (rd *reader) makeRoom() {
	if rd.buf == nil {
		rd.buf, rd.r, rd.w = rd.pool().Get(), 0, 0
		return
	}
	have := rd.w - rd.r
	size := len(rd.buf)
	if !browser && rd.big {
		size = max(size, bigReadBufferSize)
	}
	if rd.need > size && (size < directGrow || have == size) {
		size = min(rd.need, max(directGrow, 2*have))
	}
	switch {
	case size > len(rd.buf):
		rd.big = true
		buf := getRead(size)
		copy(buf, rd.buf[rd.r:rd.w])
		putRead(rd.buf)
		rd.buf = buf
	case rd.w < len(rd.buf) && rd.r+rd.need <= len(rd.buf) && rd.need > 0:
		return // the rest of the frame fits where it is
	case rd.r > 0:
		copy(rd.buf, rd.buf[rd.r:rd.w])
	}
	rd.r, rd.w = 0, have
}

// filled notes if a read has filled a small buffer: then the next buffer is a big one.
func (rd *reader) filled() {
	if !browser && rd.w == readBufferSize && len(rd.buf) == readBufferSize {
		rd.big = true
	}
}

// takeAhead is fill with bytes that were read ahead. It reports false when all of them have been taken: then the stream
// must be read.
func (rd *reader) takeAhead() (ok bool, err error) {
	b, err := rd.ahead.Take()
	if len(b) == 0 {
		rd.ahead = nil
		return err != nil, err
	}
	have := rd.w - rd.r
	if rd.buf == nil || len(rd.buf)-rd.w < len(b) {
		all := getRead(have + len(b))
		copy(all, rd.buf[rd.r:rd.w])
		if rd.buf != nil {
			putRead(rd.buf)
		}
		rd.buf, rd.r, rd.w = all, 0, have
		rd.big = rd.big || len(all) > readBufferSize
	}
	rd.w += copy(rd.buf[rd.w:], b)
	return true, nil
}

// fill reads at least one byte. If nothing is unparsed it waits without a buffer, if the stream can.
func (c *Conn) fill(rd *reader) error {
	if hasAhead && rd.ahead != nil {
		if ok, err := rd.takeAhead(); ok {
			return err
		}
	}
	if rd.r == rd.w {
		if rd.w < readBufferSize {
			rd.big = false
		}
		if ready := rd.link.Ready; ready != nil {
			rd.release()
			if hasBudget && c.progress.partial.Load() != 0 {
				c.progress.partial.Store(0)
			}
			buf, n, err := ready.ReadReady(rd.pool())
			rd.buf, rd.w = buf, n
			rd.filled()
			return err
		}
		if len(rd.buf) != readBufferSize {
			rd.release()
		}
		rd.r, rd.w, rd.need = 0, 0, 0
	}
	rd.makeRoom()
	if size := len(rd.buf); hasBudget && size != rd.mem.Held() {
		rd.mem.Set(rd.budget, size)
		c.progress.partial.Store(int64(size))
	}
	n, err := rd.link.Stream.Read(rd.buf[rd.w:])
	rd.w += n
	if n > 0 {
		rd.filled()
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// Sizes of the buffers that a reader borrows, in bytes: the small one, and the big one when more than a small one holds
// has come at once.
const (
	readBufferSize    = 16 << 10
	bigReadBufferSize = 136 << 10
)

// The pools of read buffers keep pointers to arrays, so that borrowing a buffer and giving it back allocate
// nothing. A buffer of another size is left to the garbage collector.
type (
	smallPool struct{ free pool.Pool } // *[readBufferSize]byte
	bigPool   struct{ free pool.Pool } // *[bigReadBufferSize]byte
)

var (
	readBuffers    smallPool
	bigReadBuffers bigPool
)

func (p *smallPool) Get() []byte {
	if b, ok := p.free.Get().(*[readBufferSize]byte); ok {
		return b[:]
	}
	return make([]byte, readBufferSize)
}

func (p *smallPool) Put(b []byte) {
	if cap(b) == readBufferSize {
		p.free.Put((*[readBufferSize]byte)(b[:readBufferSize]))
	}
}

func (p *bigPool) Get() []byte {
	if b, ok := p.free.Get().(*[bigReadBufferSize]byte); ok {
		return b[:]
	}
	return make([]byte, bigReadBufferSize)
}

func (p *bigPool) Put(b []byte) {
	if cap(b) == bigReadBufferSize {
		p.free.Put((*[bigReadBufferSize]byte)(b[:bigReadBufferSize]))
	}
}

// getRead borrows a buffer for n bytes of input, or makes one if n is above bigReadBufferSize.
func getRead(n int) []byte {
	switch {
	case n <= readBufferSize:
		return readBuffers.Get()
	case n <= bigReadBufferSize:
		return bigReadBuffers.Get()
	}
	return make([]byte, n)
}

// putRead gives back a buffer that getRead has returned.
func putRead(b []byte) {
	if cap(b) == readBufferSize {
		readBuffers.Put(b)
		return
	}
	bigReadBuffers.Put(b)
}
