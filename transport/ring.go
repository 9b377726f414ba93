package transport

// A ring is a queue of bytes that grows up to its limit. It has no buffer until the first write.
type ring struct {
	limit int // bytes

	buf  []byte
	head int // index of the oldest byte in buf
	size int // bytes that wait
}

// ringStart is the first size of a ring's buffer, in bytes.
const ringStart = 1 << 10

// write copies the start of p for which there is room, and returns its length.
func (r *ring) write(p []byte) int {
	p = p[:min(len(p), r.limit-r.size)]
	if len(p) == 0 {
		return 0
	}
	r.grow(r.size + len(p))
	tail := (r.head + r.size) % len(r.buf)
	n := copy(r.buf[tail:], p)
	copy(r.buf, p[n:])
	r.size += len(p)
	return len(p)
}

// read moves the oldest bytes to p and returns how many.
func (r *ring) read(p []byte) int {
	p = p[:min(len(p), r.size)]
	if len(p) == 0 {
		return 0
	}
	n := copy(p, r.buf[r.head:])
	copy(p[n:], r.buf)
	r.head = (r.head + len(p)) % len(r.buf)
	r.size -= len(p)
	if r.size == 0 {
		r.head = 0
	}
	return len(p)
}

// grow makes the buffer hold at least size bytes, which the limit allows.
func (r *ring) grow(size int) {
	if size <= len(r.buf) {
		return
	}
	grown := max(len(r.buf), ringStart)
	for grown < size {
		grown *= 2
	}
	buf := make([]byte, min(grown, r.limit))
	n := copy(buf, r.buf[r.head:min(r.head+r.size, len(r.buf))])
	copy(buf[n:], r.buf[:r.size-n])
	r.buf, r.head = buf, 0
}

// release drops the bytes that wait, and the buffer.
func (r *ring) release() {
	r.buf, r.head, r.size = nil, 0, 0
}
