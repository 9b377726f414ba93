package core

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync/atomic"

	"github.com/hisock/hisock/core/wire"
)

// A ByteStream carries bytes both ways, as a TCP connection does: an [io.Reader], [io.Writer], [io.Closer], [io.WriterTo]
// and [io.ReaderFrom]. One goroutine may read while another one writes.
//
// Read returns [io.EOF] when the other end has written all, and the handler of a stream has returned nil if it is there.
// Errors are a [StreamError]. A stream that nobody refers to any more is ended as by a Close.
type ByteStream struct {
	end    *streamEnd
	left   []byte // of the last item; owned by who reads
	closed *atomic.Bool
}

var (
	_ io.ReadWriteCloser = (*ByteStream)(nil)
	_ io.WriterTo        = (*ByteStream)(nil)
	_ io.ReaderFrom      = (*ByteStream)(nil)
)

// OpenByteStream opens a stream of bytes to the handler of that name. in is converted as [On] says. The end of ctx ends
// the stream at both ends, at any time. The caller closes the stream.
func OpenByteStream(ctx context.Context, to Streamer, name string, in any) (*ByteStream, error) {
	e, err := openFor(ctx, to, name, in, streamKind{bytes: true})
	if err != nil {
		return nil, err
	}
	b := newByteStream(e)
	runtime.AddCleanup(b, func(e *streamEnd) { e.abandon() }, e)
	return b, nil
}

func newByteStream(e *streamEnd) *ByteStream { return &ByteStream{end: e, closed: new(atomic.Bool)} }

// HandleByteStream registers f as the handler of a stream of bytes. When f returns the stream is closed, with its error
// if there is one. What [HandleStream] says holds here.
func HandleByteStream[In any](r Registrar, name string, f func(ctx context.Context, c *Conn, in In, s *ByteStream) error, opts ...HandlerOption) {
	needFunc("HandleByteStream "+name, f == nil)
	handleStream(r.registrar(), name, streamKind{bytes: true}, func(ctx context.Context, c *Conn, e *streamEnd, in In) error {
		return f(ctx, c, in, newByteStream(e))
	}, opts)
}

// Read reads what has come, and waits if nothing has.
func (b *ByteStream) Read(p []byte) (int, error) {
	defer runtime.KeepAlive(b)
	if len(p) == 0 {
		return 0, nil
	}
	if len(b.left) == 0 {
		if err := b.more(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

// more waits for more bytes.
func (b *ByteStream) more() (err error) {
	for len(b.left) == 0 && err == nil {
		b.left, err = b.end.next()
	}
	return err
}

// WriteTo writes all that comes to w. It returns nil at the end of it.
func (b *ByteStream) WriteTo(w io.Writer) (n int64, err error) {
	defer runtime.KeepAlive(b)
	for {
		if err := b.more(); err != nil {
			if isEOF(err) {
				err = nil
			}
			return n, err
		}
		k, err := w.Write(b.left)
		n += int64(k)
		if err == nil && k < len(b.left) {
			err = io.ErrShortWrite
		}
		b.left = b.left[min(k, len(b.left)):]
		if err != nil {
			return n, err
		}
	}
}

// Write sends p, and waits while the other end's program does not read. It returns when p is on its way, or waits for it
// within a bound. It does not keep p.
func (b *ByteStream) Write(p []byte) (int, error) {
	defer runtime.KeepAlive(b)
	if len(p) == 0 {
		return 0, nil
	}
	return b.end.send(p)
}

// readAtOnce is how many bytes ReadFrom reads at a time.
const readAtOnce = 32 << 10

// ReadFrom sends all that r has. It does not end the stream: CloseWrite does.
func (b *ByteStream) ReadFrom(r io.Reader) (n int64, err error) {
	defer runtime.KeepAlive(b)
	buf := make([]byte, readAtOnce)
	for {
		k, err := r.Read(buf)
		if k > 0 {
			sent, err := b.end.send(buf[:k])
			n += int64(sent)
			if err != nil {
				return n, err
			}
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// CloseWrite says that all is written: the other end reads [io.EOF] behind it, and may write on. It waits until all is on
// its way. It may be called more than once.
func (b *ByteStream) CloseWrite() error {
	defer runtime.KeepAlive(b)
	b.end.finish()
	if err := b.end.s.SendError(); err != nil {
		return b.end.fault(err)
	}
	return nil
}

// Close ends the stream in order: it is CloseWrite, and says that nothing more is read here. The other end reads to the
// end of what was written, and its further writes fail with [CodeClosed]. Close may be called more than once and while
// Read and Write wait. To end a stream at once, without what waits to be written, end the context with which it was opened,
// or let the handler return an error.
func (b *ByteStream) Close() error {
	defer runtime.KeepAlive(b)
	if b.closed.Swap(true) {
		return nil
	}
	err := b.CloseWrite()
	if b.end.stop != nil {
		b.end.stop()
	}
	b.end.s.Stop(wire.Goodbye{Code: CodeClosed, Reason: errNotTaken.Message}, errStreamClosed)
	return err
}
