package core

import (
	"context"
	"errors"
	"io"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/wire"
)

// A ByteStream carries bytes both ways, like a TCP connection: it is an [io.Reader], [io.Writer], [io.Closer],
// [io.WriterTo] and [io.ReaderFrom]. One goroutine may read while another writes. Any goroutine may close it and set
// deadlines.
//
// Read returns [io.EOF] when the other end has closed its direction in order: with CloseWrite or Close, or by a handler
// that has returned nil. Errors are a [StreamError]. A stream that becomes garbage before it is closed ends at
// both ends. In a bubble of testing/synctest a program closes each stream, since the collector runs outside of it.
//
// A program that must not wait for ever for a peer that sends or takes nothing sets a deadline, as for a [net.Conn]:
// after it Read, Write and the other methods that wait fail with [CodeDeadlineExceeded], which is also
// [os.ErrDeadlineExceeded]. The stream goes on: the methods may be called again once the deadline is set anew.
type ByteStream struct {
	end       *streamEnd
	left      []byte // rest of the last item; owned by the reader
	closed    *atomic.Bool
	collected runtime.Cleanup // ends the stream when nobody refers to it; zero for a handler's stream
}

var (
	_ io.ReadWriteCloser = (*ByteStream)(nil)
	_ io.WriterTo        = (*ByteStream)(nil)
	_ io.ReaderFrom      = (*ByteStream)(nil)
)

// OpenByteStream opens a stream of bytes to the handler with that name. in is converted as [On] says. The end of ctx
// ends the stream at both ends, at any time. The caller closes the stream.
func OpenByteStream(ctx context.Context, to Streamer, name string, in any) (*ByteStream, error) {
	e, err := openFor(ctx, to, name, in, streamKind{bytes: true})
	if err != nil {
		return nil, err
	}
	b := newByteStream(e)
	b.collected = runtime.AddCleanup(b, (*streamEnd).collected, e)
	return b, nil
}

func newByteStream(e *streamEnd) *ByteStream {
	e.closing = make(chan struct{}, 1)
	return &ByteStream{end: e, closed: new(atomic.Bool)}
}

// HandleByteStream registers f as the handler of a stream of bytes. The stream is closed when f returns, with its error
// if there is one. The rest is as in [HandleStream].
func HandleByteStream[In any](r Registrar, name string, f func(ctx context.Context, c *Conn, in In, s *ByteStream) error, opts ...HandlerOption) {
	needFunc("HandleByteStream "+name, f == nil)
	handleStream(r.registrar(), name, streamKind{bytes: true}, func(ctx context.Context, c *Conn, e *streamEnd, in In) error {
		return f(ctx, c, in, newByteStream(e))
	}, opts)
}

// Read reads bytes, and waits while there are none.
func (b *ByteStream) Read(p []byte) (int, error) {
	defer runtime.KeepAlive(b)
	if len(p) == 0 {
		return 0, nil
	}
	if err := b.more(); err != nil {
		return 0, err
	}
	n := copy(p, b.left)
	b.left = b.left[n:]
	return n, nil
}

// more waits for bytes if none are left.
func (b *ByteStream) more() (err error) {
	if b.end.in.passed() {
		return b.end.fault(errLate)
	}
	for len(b.left) == 0 && err == nil {
		b.left, err = b.end.next()
	}
	return err
}

// WriteTo writes all bytes that come to w. It returns nil at their end.
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

// Write sends p, and waits while the other end's program does not read. It returns when p is on its way, or waits for
// it within a bound. It does not keep p. If it fails, it returns the number of bytes that it has sent.
func (b *ByteStream) Write(p []byte) (int, error) {
	defer runtime.KeepAlive(b)
	if len(p) == 0 {
		return 0, nil
	}
	if b.end.out.passed() {
		return 0, b.end.fault(errLate)
	}
	return b.end.send(p)
}

// readAtOnce is the size of ReadFrom's reads, in bytes.
const readAtOnce = 32 << 10

// ReadFrom sends all bytes of r. It does not end the stream: CloseWrite does.
func (b *ByteStream) ReadFrom(r io.Reader) (n int64, err error) {
	defer runtime.KeepAlive(b)
	buf := make([]byte, readAtOnce)
	for {
		k, err := r.Read(buf)
		if k > 0 {
			sent, err := b.Write(buf[:k])
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

// CloseWrite ends this direction: the other end reads [io.EOF] after all bytes, and may go on writing. It waits until
// all bytes are on their way. It may be called more than once.
func (b *ByteStream) CloseWrite() error {
	defer runtime.KeepAlive(b)
	if err := b.end.finish(); err != nil {
		return b.end.fault(err)
	}
	return nil
}

// SetDeadline sets the deadlines of reading and writing, also for a Read and a Write that wait already. The zero time
// is no deadline. The error is always nil.
func (b *ByteStream) SetDeadline(t time.Time) error {
	b.SetReadDeadline(t) //nolint:errcheck // it is always nil
	return b.SetWriteDeadline(t)
}

// SetReadDeadline is SetDeadline for Read and WriteTo.
func (b *ByteStream) SetReadDeadline(t time.Time) error {
	b.end.in.set(t, b.end.s.WakeReader)
	return nil
}

// SetWriteDeadline is SetDeadline for Write, ReadFrom, CloseWrite and Close. A Write that fails may have sent a part.
func (b *ByteStream) SetWriteDeadline(t time.Time) error {
	e := b.end
	e.out.set(t, func() {
		e.s.WakeSender()
		e.wakeCloser()
	})
	return nil
}

// CloseWithError ends both directions at once, for the reason err. Read and Write fail with err at both ends, also if
// they wait, and so do later calls. The other end may first read the bytes that have come before. Bytes that wait to be
// written are dropped. If the other end is a handler, its context ends. The other end is told as much of err as the
// caller of a handler that returns err: code, message and details of an [Error], and of any other error only that there
// was one. CloseWithError(nil) is Close. The result is nil otherwise.
func (b *ByteStream) CloseWithError(err error) error {
	defer runtime.KeepAlive(b)
	if err == nil {
		return b.Close()
	}
	b.closed.Store(true)
	b.collected.Stop()
	b.end.release()
	b.end.fail(err)
	b.end.wakeCloser()
	return nil
}

// Close ends the stream in order: it ends this direction like CloseWrite, and reads no more. The other end reads all
// bytes that were written, and its further writes fail with [CodeClosed]. Close may be called more than once, and while
// Read and Write wait. The stream ends as by CloseWithError if the deadline of writing passes first, if its context has
// ended, or if its handler returns an error.
func (b *ByteStream) Close() error {
	defer runtime.KeepAlive(b)
	if b.closed.Swap(true) {
		return nil
	}
	err := b.end.finish()
	b.collected.Stop()
	b.end.release()
	if err == errLate {
		b.end.fail(err)
		b.end.wakeCloser() // a CloseWrite may have looked for the deadline after release
	} else {
		b.end.s.Stop(wire.Goodbye{Code: CodeClosed, Reason: errNotTaken.Message}, errStreamClosed)
	}
	if err != nil {
		err = b.end.fault(err)
	}
	return err
}

// release ends the watch on the stream's context, and stops the timers of its deadlines.
func (e *streamEnd) release() {
	if e.stop != nil {
		e.stop()
	}
	e.in.clear()
	e.out.clear()
}
