//go:build !js

package ws

// A decoder decodes the frames of one direction, in pieces of any size. It stores only
// an incomplete header or control frame.
type decoder struct {
	masked bool // the peer is a client and must mask its frames; does not change

	opcode byte   // opcode of the current frame
	inside bool   // inside a message: its last frame has not begun
	size   uint8  // bytes in control
	key    uint32 // masking key, rotated for the next byte of the payload
	rest   int64  // bytes of the current payload that have not come

	head       [maxHeader]byte   // start of an incomplete header
	inflates   bool              // compression was agreed on; does not change
	compressed bool              // the last message that has begun is compressed
	have       int               // bytes in head
	control    *[maxControl]byte // nil before the first control frame
}

// next decodes p[from:] and moves the payload of data frames to p[to:]. It stops
// after a control frame: then it returns the opcode of the frame, whose payload is in d.control[:d.size]
// until the next call. Otherwise it decodes all of p and the opcode is 0. An error is a
// [*ProtocolError] or [ErrText]; after an error the decoder must not be used. If compression was agreed on, step
// takes the place of next.
func (d *decoder) next(p []byte, to, from int) (newTo, newFrom int, control byte, err error) {
	for from < len(p) {
		if d.rest > 0 {
			n := int(min(d.rest, int64(len(p)-from)))
			d.rest -= int64(n)
			if d.opcode&controlBit == 0 {
				d.move(p[to:], p[from:from+n])
				to += n
			} else {
				d.size += uint8(copy(d.control[d.size:], p[from:from+n]))
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

// move copies payload to the start of p and unmasks it. Both are in the same array.
func (d *decoder) move(p, payload []byte) {
	switch {
	case d.masked:
		d.key = mask(p, payload, d.key)
	case &p[0] != &payload[0]:
		copy(p, payload)
	}
}

// start reads the header of a frame, from the bytes in d.head and the start of p. n is how many bytes of p it
// has used. started is false if the header is incomplete.
func (d *decoder) start(p []byte) (n int, started bool, err error) {
	head := p
	if d.have > 0 {
		n = copy(d.head[d.have:], p)
		head = d.head[:d.have+n]
	}
	h, size, wrong := parseHeader(head, d.masked, d.inflates)
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

// order checks that a frame may follow the frames before it (RFC 6455, section 5.4): between the
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
	case h.opcode == opBinary:
		d.compressed = h.compressed
	}
	d.inside = !h.fin
	return nil
}

// step decodes the start of p, which is not empty: a header, or bytes of one payload. It returns how many bytes of p it
// has used. payload is those that belong to a data frame, unmasked in place. control is as in next, and so are errors.
func (d *decoder) step(p []byte) (payload []byte, used int, control byte, err error) {
	if d.rest == 0 {
		var started bool
		if used, started, err = d.start(p); !started {
			return nil, used, 0, err
		}
	} else {
		used = int(min(d.rest, int64(len(p))))
		d.rest -= int64(used)
		if d.opcode&controlBit == 0 {
			payload = p[:used]
			d.move(payload, payload)
			return payload, used, 0, nil
		}
		d.size += uint8(copy(d.control[d.size:], p[:used]))
	}
	if d.rest > 0 || d.opcode&controlBit == 0 {
		return nil, used, 0, nil
	}
	if d.masked {
		mask(d.control[:d.size], d.control[:d.size], d.key)
	}
	return nil, used, d.opcode, nil
}

// over reports whether the last message that has begun has come to its end. It is not asked between messages.
func (d *decoder) over() bool { return !d.inside && d.rest == 0 }

// holds reports whether n bytes of the stream have all of the payload that is missing of the current message, as
// far as the headers say that have come.
func (d *decoder) holds(n int) bool { return !d.inside && d.rest <= int64(n) }

// deflated reports whether the next byte of the stream is payload of a compressed message.
func (d *decoder) deflated() bool { return d.compressed && d.rest > 0 && d.opcode&controlBit == 0 }
