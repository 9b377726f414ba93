package classic

import (
	"strconv"

	"github.com/hisock/hisock/core/wire"
)

// DefaultHeaderLen is how many bytes a header takes unless both ends were set to
// another length. It is never negotiated.
const DefaultHeaderLen = 16

// payloadCeiling is the longest payload whatever the limit, so that sizes fit an
// int of 32 bits.
const payloadCeiling = 1 << 30

// Next splits the first frame off b without copying it. It may be called by
// several goroutines at once.
//
// When b starts with a whole frame, ok is true and b[size:] is what follows. The
// payload aliases b and its capacity ends with the frame. While b holds only part
// of a frame, ok is false and err nil; size is then what the whole frame will
// take, or 0 if not even the header is there.
//
// headerLen is the header's length in bytes, [DefaultHeaderLen] if it is zero or
// less. max bounds the payload in bytes: zero or less means
// [wire.DefaultMaxFrame], and nothing over 1 GiB is accepted. Every error is a
// *[wire.Error] and ends the connection, since nobody knows where the next frame
// begins: a header that is no number ([wire.CodeProtocol]) or a length over max
// ([wire.CodeTooBig]), both found as soon as the header is there.
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

// parseHeader reads a number with spaces on either side and a plus before it, as
// the original's integer parser does. A number over payloadCeiling comes back as
// some number over it.
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

// Size is how many bytes the frame of a payload of that many bytes takes.
func Size(headerLen, payload int) int { return headerSize(headerLen) + payload }

// MaxPayload is the longest payload, in bytes, whose length can be written in a
// header of headerLen bytes, and never more than the 1 GiB that [Next] accepts.
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

// AppendFrame appends a frame with the payload. The caller has held the payload's
// length against [MaxPayload]; one that has too many digits is written in full
// all the same, as the original does, and the receiver is out of step from there.
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
