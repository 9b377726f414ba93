package load

import (
	"fmt"
	"net"
)

// A hisockWSCodec speaks hisock's native format in WebSocket messages. Each message that it sends carries a whole
// batch; the ends of messages mean nothing.
type hisockWSCodec struct {
	hisock hisockCodec

	rest  int    // bytes of the current WebSocket payload that have not come
	carry []byte // start of an incomplete hisock frame
	pongs []byte
	ctl   []byte
}

func (c *hisockWSCodec) open(nc net.Conn, r role) error {
	o, err := upgrade(nc, "/")
	if err != nil {
		return err
	}
	if err := o.write(opBinary, c.hisock.hello(r)); err != nil {
		return err
	}
	p, err := o.next()
	if err != nil {
		return err
	}
	if err := c.hisock.welcomed(p); err != nil {
		return err
	}
	n, err := c.feed(o.b, func([]byte) error { return errUnexpected }) // a ping of a server that is busy
	if err == nil && n < len(o.b) {
		err = o.done()
	}
	return err
}

func (c *hisockWSCodec) begin(dst []byte) []byte { return append(dst, masks[:batchHeader]...) }

func (c *hisockWSCodec) append(dst []byte, m message) []byte { return c.hisock.append(dst, m) }

func (c *hisockWSCodec) seal(dst []byte, start int) []byte { return sealBatch(dst, start) }

func (c *hisockWSCodec) feed(b []byte, got func([]byte) error) (n int, err error) {
	for n < len(b) {
		if c.rest == 0 {
			h, err := parseHeader(b[n:])
			if err != nil {
				return n, err
			}
			if h.size == 0 {
				break
			}
			if h.op >= opClose {
				end := n + h.size + h.length
				if end > len(b) {
					break
				}
				if err := c.controlFrame(h.op, b[n+h.size:end]); err != nil {
					return n, err
				}
				n = end
				continue
			}
			n += h.size
			c.rest = h.length
		}
		piece := b[n:min(n+c.rest, len(b))]
		if err := c.stream(piece, got); err != nil {
			return n, err
		}
		n += len(piece)
		c.rest -= len(piece)
	}
	return n, nil
}

func (c *hisockWSCodec) controlFrame(op byte, payload []byte) error {
	switch op {
	case opPing:
		c.pongs = appendFrame(c.pongs, opPong, payload...)
	case opPong:
	case opClose:
		return closed(payload)
	default:
		return fmt.Errorf("frame with opcode %x", op)
	}
	return nil
}

// stream handles a piece of the stream that the messages carry.
func (c *hisockWSCodec) stream(piece []byte, got func([]byte) error) error {
	if len(c.carry) == 0 {
		n, err := c.hisock.feed(piece, got)
		if err != nil {
			return err
		}
		c.carry = append(c.carry, piece[n:]...)
		return nil
	}
	c.carry = append(c.carry, piece...)
	n, err := c.hisock.feed(c.carry, got)
	if err != nil {
		return err
	}
	c.carry = c.carry[:copy(c.carry, c.carry[n:])]
	return nil
}

func (c *hisockWSCodec) control(more bool) []byte {
	frames := c.hisock.control(more)
	if frames == nil && len(c.pongs) == 0 {
		return nil
	}
	c.ctl = append(c.ctl[:0], c.pongs...)
	c.pongs = c.pongs[:0]
	if frames != nil {
		c.ctl = appendFrame(c.ctl, opBinary, frames...)
	}
	return c.ctl
}

func (c *hisockWSCodec) ack() []byte { return appendFrame(nil, opBinary, c.hisock.ack()...) }
