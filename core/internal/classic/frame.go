package classic

import (
	"strconv"

	"github.com/hisock/hisock/core/wire"
)

// DefaultHeaderLen is the length of a header in bytes, unless both ends are set to another length. The length is never
// negotiated.
const DefaultHeaderLen = 16

// payloadCeiling is the size in bytes of the longest payload under any limit, so that sizes fit into an int of 32 bits.
const payloadCeiling = 1 << 30

// Next splits the first frame off b without copying it. It may be called by
// several goroutines at once.
//
// If b begins with a whole frame, ok is true and b[size:] are the bytes after the frame. The payload aliases b, and its
// capacity ends with the frame. If b has only part of a frame, ok is false and err is nil. Then size is the size of the
// whole frame, or 0 if the header is not complete.
//
// headerLen is the header's length in bytes; zero or less means [DefaultHeaderLen]. max bounds the payload in bytes;
// zero or less means [wire.DefaultMaxFrame], and no payload over 1 GiB is accepted. Every error is a *[wire.Error], and
// ends the connection, since the beginning of the next frame is not known. It is [wire.CodeProtocol] for a header that
// is not a number, and [wire.CodeTooBig] for a length over max. Both are found as soon as the header is complete.
func Next(b []byte, headerLen, max int) (payload []byte, size int, ok bool, err error) {
	headerLen = headerSize(headerLen)
	if len(b) < headerLen {
		return nil, 0, false, nil
	}
	length, isNumber := parseHeader(b[:headerLen])
	if !isNumber {
		return nil, 0, false, fault(wire.CodeProtocol, "header "+quote(b[:headerLen]), "not a number of bytes")
	}
	if max <= 0 {
		max = wire.DefaultMaxFrame
	}
	max = min(max, payloadCeiling)
	if length > max {
		return nil, 0, false, fault(wire.CodeTooBig, "header "+quote(b[:headerLen]), "exceeds limit "+itoa(max)+" B")
	}
	size = headerLen + length
	if len(b) < size {
		return nil, size, false, nil
	}
	return b[headerLen:size:size], size, true, nil
}

// parseHeader parses a number with optional spaces on either side and an optional plus sign, as the original's integer
// parser does. For a number over payloadCeiling it returns some number over payloadCeiling.
func parseHeader(h []byte) (length int, ok bool) {
	i := skipSpace(h, 0)
	if i < len(h) && h[i] == '+' {
		i++
	}
	first := i
	for ; i < len(h) && '0' <= h[i] && h[i] <= '9'; i++ {
		if length <= payloadCeiling {
			length = min(length, payloadCeiling/10+1)*10 + int(h[i]-'0')
		}
	}
	return length, i > first && skipSpace(h, i) == len(h)
}

func skipSpace(h []byte, i int) int {
	for i < len(h) && (h[i] == ' ' || '\t' <= h[i] && h[i] <= '\r') {
		i++
	}
	return i
}

func headerSize(headerLen int) int {
	if headerLen <= 0 {
		return DefaultHeaderLen
	}
	return headerLen
}

// Size returns the size in bytes of a frame with a payload of payload bytes.
func Size(headerLen, payload int) int { return headerSize(headerLen) + payload }

// MaxPayload returns the size in bytes of the longest payload whose length fits into a header of headerLen bytes. It is
// at most 1 GiB, since [Next] accepts no more.
func MaxPayload(headerLen int) int {
	longest := 0
	for range headerSize(headerLen) {
		longest = longest*10 + 9
		if longest >= payloadCeiling {
			return payloadCeiling
		}
	}
	return longest
}

// AppendFrame appends a frame with the payload. The caller must have compared the payload's length with [MaxPayload]. A
// length with too many digits is written in full, as the original does, and the receiver cannot find the next frame.
func AppendFrame(dst []byte, headerLen int, payload []byte) []byte {
	return append(appendHeader(dst, headerLen, len(payload)), payload...)
}

// appendHeader appends the length, left-aligned and padded with spaces.
func appendHeader(dst []byte, headerLen, length int) []byte {
	end := len(dst) + headerSize(headerLen)
	dst = strconv.AppendUint(dst, uint64(length), 10)
	for len(dst) < end {
		dst = append(dst, ' ')
	}
	return dst
}
