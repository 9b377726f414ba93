//go:build !js

package ws

import (
	"compress/flate"
	"errors"
	"runtime"
	"sync"
)

const (
	// pieceSize is the greatest length, in bytes, of what is compressed at once. A larger write is sent in several messages.
	pieceSize = largeOut - maxHeader

	// flushTail is the length, in bytes, of what a compressor ends a message with and the wire leaves out (RFC 7692,
	// section 7.2.1).
	flushTail = 4

	// maxMisses bounds how long no message is tried after messages that did not become smaller: for 1<<maxMisses - 1
	// messages.
	maxMisses = 5
)

// A deflater is a compressor, borrowed while one message is compressed. Resetting one of the fastest level costs little,
// and resetting one of another level clears 640 KiB.
type deflater struct {
	writer *flate.Writer
	out    []byte // what was written, within its capacity
}

var (
	deflaters = sync.Pool{New: func() any {
		d := &deflater{}
		d.writer, _ = flate.NewWriter(d, flate.BestSpeed) // the level is valid
		return d
	}}

	// compressing has an element for each deflater that is borrowed.
	compressing = make(chan struct{}, runtime.GOMAXPROCS(0))
)

var errNoRoom = errors.New("what is compressed is too large")

// Write takes what the compressor writes, as long as there is room for it.
func (d *deflater) Write(p []byte) (int, error) {
	if len(p) > cap(d.out)-len(d.out) {
		return 0, errNoRoom
	}
	d.out = append(d.out, p...)
	return len(p), nil
}

// compress compresses bufs, of size bytes in all, to dst. It returns nil unless the result is shorter, and fits in dst.
func (s *sharedCompression) compress(dst []byte, bufs [][]byte, size int) []byte {
	if packed := s.recent.find(dst, bufs, size); packed != nil {
		return packed
	}
	packed := compress(dst, bufs, size)
	if packed != nil {
		s.recent.keep(bufs, size, packed)
	}
	return packed
}

func compress(dst []byte, bufs [][]byte, size int) []byte {
	compressing <- struct{}{}
	d := deflaters.Get().(*deflater)
	room := min(size-1+flushTail, len(dst))
	d.out = dst[:0:room]
	d.writer.Reset(d)
	var err error
	for i := 0; i < len(bufs) && err == nil; i++ {
		_, err = d.writer.Write(bufs[i])
	}
	if err == nil {
		err = d.writer.Flush()
	}
	packed := d.out
	d.out = nil
	deflaters.Put(d)
	<-compressing
	if err != nil {
		return nil
	}
	return packed[:len(packed)-flushTail]
}

// tries reports whether a write of size bytes is to be compressed. It is called once for each write, with writeMu held.
func (d *deflate) tries(size int64) bool {
	switch {
	case size < d.threshold:
		return false
	case d.skip > 0:
		d.skip--
		return false
	}
	return true
}

// tried notes whether a message has become smaller. It is called with writeMu held.
func (d *deflate) tried(smaller bool) {
	if smaller {
		d.misses = 0
		return
	}
	d.misses = min(d.misses+1, maxMisses)
	d.skip = 1<<d.misses - 1
}

// sendCompressed sends bufs, of size bytes in all, in compressed messages of at most pieceSize bytes each. From the first
// piece on that does not become smaller or is below the threshold, the rest is sent as it is.
func (c *conn) sendCompressed(bufs [][]byte, size int64) error {
	out := largeOuts.Get().(*outBuffer)
	defer out.giveBack()
	for size >= c.deflate.threshold {
		n, end := 0, 0 // the piece has n bytes, which are in bufs[:end]
		for end < len(bufs) && n+len(bufs[end]) <= pieceSize {
			n += len(bufs[end])
			end++
		}
		var cut []byte // the buffer of which only a part fits in the piece
		if end < len(bufs) {
			cut = bufs[end]
			bufs[end] = cut[:pieceSize-n]
			n = pieceSize
			end++
		}
		packed := c.deflate.compress(out.bytes[maxHeader:], bufs[:end], n)
		c.deflate.tried(packed != nil)
		if packed == nil {
			if cut != nil {
				bufs[end-1] = cut
			}
			break
		}
		if err := c.sendPacked(out, packed); err != nil {
			return err
		}
		if cut != nil {
			end--
			bufs[end] = cut[len(bufs[end]):]
		}
		bufs, size = bufs[end:], size-int64(n)
	}
	if size == 0 {
		return nil
	}
	return c.sendAsIs(bufs, size)
}

// sendPacked sends a compressed message, which begins after maxHeader bytes of out.
func (c *conn) sendPacked(out *outBuffer, packed []byte) error {
	h := c.masking()
	h.opcode, h.fin, h.compressed, h.length = opBinary, true, true, int64(len(packed))
	if h.masked {
		mask(packed, packed, h.key)
	}
	var head [maxHeader]byte
	start := maxHeader - len(appendHeader(head[:0], h))
	copy(out.bytes[start:maxHeader], head[:])
	_, err := c.stream.Write(out.bytes[start : maxHeader+len(packed)])
	return err
}
