package web

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
)

// maxGap is how many zeros between two segments are written into a merged segment at most, in bytes. Larger gaps stay
// gaps, because memory is zero at the start.
const maxGap = 256

// Sections of a WebAssembly module.
const (
	sectionMemory    = 5
	sectionData      = 11
	sectionDataCount = 12
)

// moduleHead is the length of the head of a module: "\0asm" and the version.
const moduleHead = 8

// mergeSegments returns the module wasm with its data in few segments. The content of memory at the start stays the
// same, except the bytes that [dropLines] clears. Go's linker makes a segment of every run of bytes between zeros,
// 55,000 for hisock.wasm. The headers of segments have increasing addresses and hardly compress, but zeros compress
// well. So a page loads 11 % less and starts 0.5 ms earlier. The file itself is 16 % larger.
//
// A module that does not have the form of Go's linker is returned unchanged.
func mergeSegments(wasm []byte) []byte {
	if len(wasm) < moduleHead {
		return wasm
	}
	out, rest := wasm[:moduleHead:moduleHead], wasm[moduleHead:]
	ownMemory := false
	for len(rest) > 0 {
		id := rest[0]
		body, after, ok := cutSized(rest[1:])
		if !ok || id == sectionDataCount {
			return wasm
		}
		switch id {
		case sectionMemory: // an imported memory would not have to be zero
			ownMemory = true
		case sectionData:
			segments, ok := parseSegments(body)
			if !ok || !ownMemory {
				return wasm
			}
			merged, ok := mergeClose(segments)
			if !ok {
				return wasm
			}
			for _, s := range merged {
				dropLines(s.data)
			}
			body = appendSegments(nil, merged)
		}
		out = append(out, id)
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
		rest = after
	}
	return out
}

// A segment is the content of memory from the address at on when the module starts.
type segment struct {
	at   uint64
	data []byte
}

// A segment in a data section begins with its kind, "active in memory 0", and the instructions that give its address.
const (
	segmentActive = 0
	opConst       = 0x41 // i32.const
	opEnd         = 0x0b
)

// parseSegments reads a data section.
func parseSegments(body []byte) (segments []segment, ok bool) {
	count, n := binary.Uvarint(body)
	if n <= 0 {
		return nil, false
	}
	body = body[n:]
	for ; count > 0; count-- {
		if len(body) < 2 || body[0] != segmentActive || body[1] != opConst {
			return nil, false
		}
		// The address is a signed number. If it is not negative, it has the same bytes as an unsigned number.
		at, n := binary.Uvarint(body[2:])
		if n <= 0 || body[1+n]&0x40 != 0 || at > math.MaxInt32 {
			return nil, false
		}
		if body = body[2+n:]; len(body) == 0 || body[0] != opEnd {
			return nil, false
		}
		var data []byte
		if data, body, ok = cutSized(body[1:]); !ok {
			return nil, false
		}
		segments = append(segments, segment{at, data})
	}
	return segments, len(body) == 0
}

// mergeClose merges segments that are at most maxGap apart. ok is false if two segments overlap.
func mergeClose(segments []segment) (merged []segment, ok bool) {
	slices.SortStableFunc(segments, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	for _, s := range segments {
		if len(merged) > 0 {
			last := &merged[len(merged)-1]
			end := last.at + uint64(len(last.data))
			if s.at < end {
				return nil, false
			}
			if gap := s.at - end; gap <= maxGap {
				last.data = append(last.data, make([]byte, gap)...)
				last.data = append(last.data, s.data...)
				continue
			}
		}
		merged = append(merged, segment{s.at, slices.Clone(s.data)})
	}
	return merged, true
}

// appendSegments appends a data section to b.
func appendSegments(b []byte, segments []segment) []byte {
	b = binary.AppendUvarint(b, uint64(len(segments)))
	for _, s := range segments {
		b = append(b, segmentActive, opConst)
		b = binary.AppendUvarint(b, s.at)
		if b[len(b)-1]&0x40 != 0 { // this bit of the last byte would be the sign
			b[len(b)-1] |= 0x80
			b = append(b, 0)
		}
		b = append(b, opEnd)
		b = binary.AppendUvarint(b, uint64(len(s.data)))
		b = append(b, s.data...)
	}
	return b
}

// cutSized splits b, which begins with a length, into as many bytes as that length says and the bytes after them.
func cutSized(b []byte) (sized, after []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	b = b[n:]
	return b[:size], b[size:], true
}
