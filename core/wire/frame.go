package wire

import "strconv"

// Preface is the first four bytes of every native connection. The client sends it before its first
// frame. The last byte is the version of the framing.
const Preface = "\x00HS\x01"

// Version is the version of the format, as told in hello and welcome.
const Version = 1

// DefaultMaxFrame is the limit for the length of a frame, which counts kind and body, in
// bytes, unless another limit is set.
const DefaultMaxFrame = 1 << 20

// DefaultMaxHello is a limit for the first frame of a connection, in bytes,
// with room for a hello that has each of the default [Limits] used up.
const DefaultMaxHello = 32 << 10

// frameCeiling bounds the length of a frame whatever the limit, in bytes, so that sizes fit an
// int of 32 bits.
const frameCeiling = 1 << 30

// A Frame is one frame off the wire. Body aliases the bytes that it was parsed from.
// Its capacity ends with the frame, so that appending to it copies.
type Frame struct {
	Kind Kind
	Body []byte
}

// Next splits the first frame off b without copying it.
//
// If b starts with a whole frame, ok is true and b[size:] holds the bytes after it.
// If b holds only part of a frame, ok is false and err nil; size is then the size of
// the whole frame in bytes, or 0 if its length has not come yet.
//
// max bounds the frame's length in bytes, which counts kind and body. Zero or less means
// [DefaultMaxFrame]; a frame over 1 GiB is never accepted. Every error is a
// *[Error] and ends the connection: a length of 0, over max ([CodeTooBig]),
// longer than needed or over 64 bits, found as soon as the length has come, and
// an unknown kind below 0x80, found as soon as the kind has come. A frame of an unknown kind from
// 0x80 on is returned like any other; the caller skips it.
func Next(b []byte, max int) (f Frame, size int, ok bool, err error) {
	if len(b) == 0 {
		return Frame{}, 0, false, nil
	}
	length, n := uint64(b[0]), 1
	if length >= 0x80 {
		length, n = uvarint(b)
		if n == uvarintShort {
			return Frame{}, 0, false, nil
		}
		if n < 0 {
			return Frame{}, 0, false, &Error{CodeProtocol, "frame length: " + uvarintFault(n)}
		}
	}
	if max <= 0 || max > frameCeiling {
		max = clampMax(max)
	}
	if length-1 >= uint64(max) { // 0 wraps around
		return Frame{}, 0, false, lengthFault(length, max)
	}
	size = n + int(length)
	if n == len(b) {
		return Frame{}, size, false, nil
	}
	k := Kind(b[n])
	if k < firstSkippable && !k.Known() {
		return Frame{}, 0, false, &Error{CodeProtocol, "unknown frame " + k.String()}
	}
	if len(b) < size {
		return Frame{}, size, false, nil
	}
	return Frame{k, b[n+1 : size : size]}, size, true, nil
}

func clampMax(max int) int {
	if max <= 0 {
		return DefaultMaxFrame
	}
	return min(max, frameCeiling)
}

func lengthFault(length uint64, max int) error {
	if length == 0 {
		return &Error{CodeProtocol, "frame length 0: no kind"}
	}
	return &Error{CodeTooBig, "frame length " + byteCount(length) + " exceeds limit " + byteCount(max)}
}

// Size returns the size in bytes of a frame whose kind and body together have
// length bytes. It grows with length: a frame of s bytes in all, as [CommandSize]
// returns them, keeps the limit max if s <= Size(max).
func Size(length int) int { return stringSize(length) }

// AppendFrame appends a frame whose body is the parts one after another. It
// does not check the body. Use the functions for each kind where there are some.
func AppendFrame(dst []byte, k Kind, body ...[]byte) []byte {
	length := 1
	for _, part := range body {
		length += len(part)
	}
	dst = appendHeader(dst, k, length)
	for _, part := range body {
		dst = append(dst, part...)
	}
	return dst
}

// appendHeader appends the length, which counts kind and body, and the kind.
func appendHeader(dst []byte, k Kind, length int) []byte {
	return append(appendUvarint(dst, uint64(length)), byte(k))
}

// appendNumbers appends a frame whose body is one or two numbers, so that its
// length fits one byte.
func appendNumbers(dst []byte, k Kind, numbers ...uint64) []byte {
	start := len(dst)
	dst = append(dst, 0, byte(k))
	for _, v := range numbers {
		dst = appendUvarint(dst, v)
	}
	dst[start] = byte(len(dst) - start - 1)
	return dst
}

// itoa keeps the error texts short to write.
func itoa[N int | uint64](n N) string { return strconv.FormatUint(uint64(n), 10) }
