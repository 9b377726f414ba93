//go:build !js

package ws

import "encoding/binary"

const (
	opcodeMask  = 0x0f
	opcodeClose = 0x08
	finBit      = 0x80
	maskBit     = 0x80
)

// A frameTracker follows the frames in a stream of outgoing bytes, in pieces of any
// size, in order to find the end of a close frame. Headers are as in RFC 6455,
// section 5.2:
//
//	byte 0    fin, 3 reserved bits, opcode (4 bits)
//	byte 1    mask bit, length (7 bits; 126: 2 more bytes, 127: 8 more bytes)
//	          4 bytes of masking key if the mask bit is set
type frameTracker struct {
	header [14]byte
	have   int    // bytes of the header so far
	rest   uint64 // bytes of the payload to come
}

// next returns how many bytes at the start of p belong to frames up to and including a
// close frame, and whether that close frame is complete.
func (f *frameTracker) next(p []byte) (n int, closed bool) {
	for n < len(p) {
		if f.rest > 0 {
			k := int(min(f.rest, uint64(len(p)-n)))
			n += k
			f.rest -= uint64(k)
		} else {
			f.header[f.have] = p[n]
			f.have++
			n++
			if f.have < 2 || f.have < f.headerLen() {
				continue
			}
			f.rest = f.payloadLen()
			f.have = 0
		}
		if f.rest == 0 && f.header[0]&opcodeMask == opcodeClose {
			return n, true
		}
	}
	return n, false
}

func (f *frameTracker) headerLen() int {
	n := 2
	switch f.header[1] &^ maskBit {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if f.header[1]&maskBit != 0 {
		n += 4
	}
	return n
}

func (f *frameTracker) payloadLen() uint64 {
	switch n := f.header[1] &^ maskBit; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(f.header[2:]))
	case 127:
		return binary.BigEndian.Uint64(f.header[2:])
	default:
		return uint64(n)
	}
}

// appendClose appends a close frame with a reason of at most 123 bytes. A client
// gives a masking key.
func appendClose(dst []byte, code int, reason string, mask *[4]byte) []byte {
	size := byte(2 + len(reason))
	dst = append(dst, finBit|opcodeClose, size)
	if mask != nil {
		dst[len(dst)-1] |= maskBit
		dst = append(dst, mask[:]...)
	}
	start := len(dst)
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	dst = append(dst, reason...)
	if mask != nil {
		for i := range dst[start:] {
			dst[start+i] ^= mask[i%4]
		}
	}
	return dst
}
