//go:build !js

package ready

import "net"

// Linux splits a write to the loopback device into segments of nearly 64 KiB. A write that is slightly
// longer than a segment costs one more small segment with a wake-up of its own. So a large buffer is
// written in pieces. Of 16, 32, 48 and 60 KiB, pieces of 48 KiB were the fastest: half as fast again
// as one write, for frames of 64 KiB. Several buffers that are not large cost less
// in one write, whatever their total size.
const (
	largeBuffer = 64 << 10 // bytes from which on a buffer is written in pieces
	piece       = 48 << 10 // bytes
)

// A Writer writes to sockets in the way that costs the system least. Only one goroutine may use it at a
// time. It allocates nothing.
type Writer struct{ part net.Buffers }

// Write writes p, in several writes if it is large.
func (*Writer) Write(to net.Conn, p []byte) (n int, err error) {
	for len(p) >= largeBuffer && err == nil {
		var done int
		done, err = to.Write(p[:piece])
		n, p = n+done, p[done:]
	}
	if err == nil {
		var done int
		done, err = to.Write(p)
		n += done
	}
	return n, err
}

// WriteBuffers writes bufs in order. It changes the elements of bufs.
func (w *Writer) WriteBuffers(to net.Conn, bufs [][]byte) (n int64, err error) {
	for len(bufs) > 0 && err == nil {
		k := 0
		for k < len(bufs) && len(bufs[k]) < largeBuffer {
			k++
		}
		if k == len(bufs) {
			done, err := w.write(to, bufs)
			return n + done, err
		}
		p := bufs[k]
		bufs[k] = p[:piece]
		var done int64
		if done, err = w.write(to, bufs[:k+1]); err == nil {
			var more int
			more, err = w.Write(to, p[piece:])
			done += int64(more)
		}
		n, bufs = n+done, bufs[k+1:]
	}
	return n, err
}

func (w *Writer) write(to net.Conn, part [][]byte) (int64, error) {
	if len(part) == 1 {
		n, err := to.Write(part[0])
		return int64(n), err
	}
	w.part = part
	n, err := w.part.WriteTo(to)
	w.part = nil
	return n, err
}
