package load

import (
	"fmt"
	"net"
)

// A wsCodec speaks WebSocket with one binary message for each message. The path says the role, and
// the server sends "ready" first.
type wsCodec struct {
	frames wsFrames
}

func (c *wsCodec) open(nc net.Conn, r role) error {
	o, err := upgrade(nc, "/"+r.name())
	if err != nil {
		return err
	}
	p, err := o.next()
	if err != nil {
		return err
	}
	if string(p) != ready {
		return fmt.Errorf("server sent %q", p)
	}
	return o.done()
}

func (c *wsCodec) begin(dst []byte) []byte { return dst }

func (c *wsCodec) append(dst []byte, m message) []byte {
	dst = appendFrameHeader(dst, opBinary, m.size)
	start := len(dst)
	dst = m.append(dst)
	mask(dst[start:])
	return dst
}

func (c *wsCodec) seal(dst []byte, _ int) []byte { return dst }

func (c *wsCodec) feed(b []byte, got func([]byte) error) (int, error) { return c.frames.feed(b, got) }

func (c *wsCodec) control(bool) []byte { return c.frames.control() }

// A wsFrames joins the frames from a server to messages, and answers pings.
type wsFrames struct {
	partial []byte // start of a message in several frames
	open    bool   // a message in several frames has begun
	pongs   []byte // pongs that must be written
	out     []byte
}

func (f *wsFrames) feed(b []byte, got func([]byte) error) (n int, err error) {
	for n < len(b) {
		h, err := parseHeader(b[n:])
		if err != nil {
			return n, err
		}
		end := n + h.size + h.length
		if h.size == 0 || end > len(b) {
			break
		}
		if err := f.frame(h, b[n+h.size:end], got); err != nil {
			return n, err
		}
		n = end
	}
	return n, nil
}

func (f *wsFrames) frame(h wsHeader, payload []byte, got func([]byte) error) error {
	switch h.op {
	case opPing:
		f.pongs = appendFrame(f.pongs, opPong, payload...)
		return nil
	case opPong:
		return nil
	case opClose:
		return closed(payload)
	case opContinue, opText, opBinary:
	default:
		return fmt.Errorf("frame with opcode %x", h.op)
	}
	if f.open != (h.op == opContinue) {
		return fmt.Errorf("frame with opcode %x in the wrong place", h.op)
	}
	if h.fin && !f.open {
		return got(payload)
	}
	f.partial, f.open = append(f.partial, payload...), !h.fin
	if !h.fin {
		return nil
	}
	err := got(f.partial)
	f.partial = f.partial[:0]
	return err
}

func (f *wsFrames) control() []byte {
	if len(f.pongs) == 0 {
		return nil
	}
	f.out = append(f.out[:0], f.pongs...)
	f.pongs = f.pongs[:0]
	return f.out
}
