//go:build !js

package ws

// A decoder takes the frames of one direction apart, in pieces of any size. It keeps of a
// stream only a header or a control frame that has not come whole.
type decoder struct {
	masked bool // the peer has to mask: it is a client

	opcode byte   // of the current frame
	inside bool   // a message: its last frame has not begun
	key    uint32 // for the next byte of the payload
	rest   int64  // bytes of the current payload to come

	head    [maxHeader]byte   // the start of a header
	have    int               // bytes in head
	control *[maxControl]byte // nil before the first control frame
	size    int               // bytes in control
}

// next decodes p[from:] and moves the payload of data frames up behind p[:to]. It stops
// behind a control frame, whose opcode it returns and whose payload is in d.control[:d.size]
// until the next call; else it takes all of p and the opcode is 0. An error is a
// [*ProtocolError] or [ErrText]; then the decoder is of no more use.
func (d *decoder) next(p []byte, to, from int) (newTo, newFrom int, control byte, err error) {
	for from < len(p) {
		if d.rest > 0 {
			n := int(min(d.rest, int64(len(p)-from)))
			d.rest -= int64(n)
			if d.opcode&controlBit == 0 {
				d.move(p[to:], p[from:from+n])
				to += n
			} else {
				d.size += copy(d.control[d.size:], p[from:from+n])
			}
			from += n
		} else {
			n, started, err := d.start(p[from:])
			from += n
			if !started {
				return to, from, 0, err
			}
		}
		if d.rest == 0 && d.opcode&controlBit != 0 {
			if d.masked {
				mask(d.control[:d.size], d.control[:d.size], d.key)
			}
			return to, from, d.opcode, nil
		}
	}
	return to, from, 0, nil
}

// move unmasks payload to the start of p, in the same array.
func (d *decoder) move(p, payload []byte) {
	switch {
	case d.masked:
		d.key = mask(p, payload, d.key)
	case &p[0] != &payload[0]:
		copy(p, payload)
	}
}

// start reads a header at the start of p, with what has come of it before, and how many
// bytes of p that takes.
func (d *decoder) start(p []byte) (n int, started bool, err error) {
	head := p
	if d.have > 0 {
		n = copy(d.head[d.have:], p)
		head = d.head[:d.have+n]
	}
	h, size, wrong := parseHeader(head, d.masked)
	switch {
	case wrong != nil:
		return 0, false, wrong
	case size > 0:
		n, d.have = size-d.have, 0
	case d.have == 0:
		n = copy(d.head[:], p)
		fallthrough
	default:
		d.have += n
		return n, false, nil
	}
	if err := d.order(h); err != nil {
		return n, false, err
	}
	d.opcode, d.key, d.rest, d.size = h.opcode, h.key, h.length, 0
	if h.control() && d.control == nil {
		d.control = new([maxControl]byte)
	}
	return n, true, nil
}

// order checks a frame against those before it (RFC 6455, section 5.4): between the
// frames of a message there are only control frames.
func (d *decoder) order(h header) error {
	switch {
	case h.control():
		return nil
	case d.inside && h.opcode != opContinuation:
		return errInside
	case !d.inside && h.opcode == opContinuation:
		return errContinuation
	case h.opcode == opText:
		return ErrText
	}
	d.inside = !h.fin
	return nil
}
