//go:build !js

package ws

import (
	"encoding/binary"
	"unicode/utf8"
)

// A frame is a header and a payload (RFC 6455, section 5.2):
//
//	byte 0    fin (1 bit), compressed (1 bit, zero unless compression was agreed on), reserved (2 bits, zero), opcode (4 bits)
//	byte 1    mask bit, length (7 bits)
//	          2 bytes of length if those 7 bits say 126, 8 bytes if they say 127, big endian
//	          4 bytes of masking key if the mask bit is set
//	          the payload; byte i of it is masked with byte i%4 of the key
const (
	finBit        = 0x80
	compressedBit = 0x40 // RFC 7692, section 6: in the first frame of a message only
	reservedBits  = 0x70 // the compressed bit is one of them
	opcodeBits    = 0x0f
	maskBit       = 0x80

	length16 = 126 // the length is in the next 2 bytes
	length64 = 127 // the length is in the next 8 bytes

	maxHeader  = 14
	maxControl = 125            // bytes of payload in a control frame (section 5.5)
	maxReason  = maxControl - 2 // bytes of the reason in a close frame, after the code
)

// Opcodes. The others are reserved.
const (
	opContinuation = 0x0
	opText         = 0x1
	opBinary       = 0x2
	opClose        = 0x8
	opPing         = 0x9
	opPong         = 0xa

	controlBit = 0x8 // set in the opcodes of control frames
)

// A header is the header of a frame.
type header struct {
	opcode     byte
	fin        bool
	masked     bool
	compressed bool   // the message that begins here is compressed
	key        uint32 // the masking key, its first byte the lowest
	length     int64
}

func (h header) control() bool { return h.opcode&controlBit != 0 }

// parseHeader reads the header at the start of b. size is its length in bytes, or 0 if b does not
// hold all of it. A header that can never be valid is refused as soon as its bytes show it; the order of
// frames is not checked. masked says whether the peer must mask, inflates whether compression was agreed on.
func parseHeader(b []byte, masked, inflates bool) (h header, size int, err *ProtocolError) {
	if len(b) < 2 {
		return h, 0, nil
	}
	h.fin = b[0]&finBit != 0
	h.opcode = b[0] & opcodeBits
	h.masked = b[1]&maskBit != 0
	n := b[1] &^ maskBit
	if b[0]&reservedBits != 0 {
		if err := checkReserved(b[0], inflates); err != nil {
			return h, 0, err
		}
		h.compressed = true
	}
	switch {
	case h.opcode > opPong || h.opcode > opBinary && h.opcode < opClose:
		return h, 0, errOpcode
	case h.masked != masked && masked:
		return h, 0, errUnmasked
	case h.masked != masked:
		return h, 0, errMasked
	case h.control() && !h.fin:
		return h, 0, errControlFragment
	case h.control() && n > maxControl:
		return h, 0, errControlLength
	}
	size = 2
	h.length = int64(n)
	switch n {
	case length16:
		if size += 2; len(b) < size {
			return h, 0, nil
		}
		if h.length = int64(binary.BigEndian.Uint16(b[2:])); h.length < length16 {
			return h, 0, errNotMinimal
		}
	case length64:
		if size += 8; len(b) < size {
			return h, 0, nil
		}
		switch h.length = int64(binary.BigEndian.Uint64(b[2:])); {
		case h.length < 0:
			return h, 0, errLength
		case h.length < 1<<16:
			return h, 0, errNotMinimal
		}
	}
	if h.masked {
		if size += 4; len(b) < size {
			return h, 0, nil
		}
		h.key = binary.LittleEndian.Uint32(b[size-4:])
	}
	return h, size, nil
}

// checkReserved checks the first byte of a header in which reserved bits are set: only the compressed bit may be, where it has
// a meaning.
func checkReserved(first byte, inflates bool) *ProtocolError {
	switch opcode := first & opcodeBits; {
	case !inflates || first&reservedBits != compressedBit:
		return errReserved
	case opcode == opContinuation || opcode&controlBit != 0 && opcode <= opPong:
		return errCompressedBit
	}
	return nil
}

// appendHeader appends h, with the length in its shortest form.
func appendHeader(dst []byte, h header) []byte {
	first, mask := h.opcode, byte(0)
	if h.fin {
		first |= finBit
	}
	if h.compressed {
		first |= compressedBit
	}
	if h.masked {
		mask = maskBit
	}
	switch {
	case h.length < length16:
		dst = append(dst, first, mask|byte(h.length))
	case h.length < 1<<16:
		dst = append(dst, first, mask|length16)
		dst = binary.BigEndian.AppendUint16(dst, uint16(h.length))
	default:
		dst = append(dst, first, mask|length64)
		dst = binary.BigEndian.AppendUint64(dst, uint64(h.length))
	}
	if h.masked {
		dst = binary.LittleEndian.AppendUint32(dst, h.key)
	}
	return dst
}

// appendControl appends a control frame. Only masked and key of h count.
func appendControl(dst []byte, h header, opcode byte, payload []byte) []byte {
	h.opcode, h.fin, h.length = opcode, true, int64(len(payload))
	dst = appendHeader(dst, h)
	start := len(dst)
	dst = append(dst, payload...)
	if h.masked {
		mask(dst[start:], dst[start:], h.key)
	}
	return dst
}

// appendClosePayload appends the payload of a close frame. The reason must have at
// most maxReason bytes.
func appendClosePayload(dst []byte, code int, reason string) []byte {
	if code == codeNone {
		return dst
	}
	return append(binary.BigEndian.AppendUint16(dst, uint16(code)), reason...)
}

// parseClosePayload reads the payload of a close frame (RFC 6455, sections 5.5.1 and 7.4).
func parseClosePayload(p []byte) (*CloseError, *ProtocolError) {
	switch {
	case len(p) == 0:
		return &CloseError{Code: codeNone}, nil
	case len(p) == 1:
		return nil, errCloseLength
	}
	code := int(binary.BigEndian.Uint16(p))
	switch {
	case !validCode(code):
		return nil, errCloseCode
	case !utf8.Valid(p[2:]):
		return nil, errCloseText
	}
	return &CloseError{Code: code, Reason: string(p[2:])}, nil
}

// validCode reports whether a close frame may carry the code: a code that the RFC or its registry
// defines for close frames, or a code of the ranges for frameworks and applications. 1004, 1005,
// 1006 and 1015 never travel.
func validCode(code int) bool {
	switch {
	case code == 1004, code == codeNone, code == codeAbnormal:
		return false
	case code >= codeNormal && code <= 1014:
		return true
	}
	return code >= 3000 && code <= 4999
}
