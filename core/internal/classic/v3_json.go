package classic

import (
	"encoding/base64"
	"math"
	"strconv"
	"unicode/utf8"
)

// A jsonSink turns the parts of a body into a payload: a leaf that is the whole value as it is, and a container as JSON.
type jsonSink struct {
	b    []byte
	as   Form
	max  int
	full bool // the JSON would be longer than max

	open  [maxDepth]level
	depth int
}

// A level is a container that has not ended yet.
type level struct {
	kind  byte
	items int
}

func (s *jsonSink) leaf(kind byte, data []byte) string {
	if s.depth == 0 {
		return s.alone(kind, data)
	}
	key := s.next()
	switch {
	case kind == 'b' && key && !utf8.Valid(data):
		return "a key of bytes that are not UTF-8"
	case kind == 'b' && !key:
		s.b = append(s.b, '"')
		if s.room(base64.StdEncoding.EncodedLen(len(data))) {
			s.b = append(base64.StdEncoding.AppendEncode(s.b, data), '"')
		}
	case kind == 'b', kind == 's':
		s.text(data)
	case key:
		s.b = append(s.b, '"')
		s.number(kind, data)
		s.b = append(s.b, '"')
	default:
		if f := single(data); kind == 'f' && (math.IsInf(f, 0) || math.IsNaN(f)) {
			return "a float in a container that is no number"
		}
		s.number(kind, data)
	}
	return s.check()
}

// alone keeps a leaf that is the whole value.
func (s *jsonSink) alone(kind byte, data []byte) string {
	switch kind {
	case 'b':
		s.b, s.as = data, FormBytes
	case 's':
		s.b, s.as = data, FormText
	case 'i':
		s.b, s.as = digits(data), FormJSON
	case 'f':
		s.as = FormFloat
		s.number(kind, data)
	}
	return ""
}

func (s *jsonSink) begin(kind byte) string {
	if s.depth > 0 && s.next() {
		return "a key that is a container"
	}
	s.as = FormJSON
	s.open[s.depth] = level{kind: kind}
	s.depth++
	s.b = append(s.b, bracket(kind, '[', '{'))
	return s.check()
}

func (s *jsonSink) end(kind byte) string {
	s.depth--
	s.b = append(s.b, bracket(kind, ']', '}'))
	return s.check()
}

func bracket(kind, array, object byte) byte {
	if kind == 'd' {
		return object
	}
	return array
}

// next writes the separator before the next item, and reports whether the item is a key.
func (s *jsonSink) next() (key bool) {
	l := &s.open[s.depth-1]
	key = l.kind == 'd' && l.items%2 == 0
	switch {
	case l.kind == 'd' && !key:
		s.b = append(s.b, ':')
	case l.items > 0:
		s.b = append(s.b, ',')
	}
	l.items++
	return key
}

// room reports whether n more bytes may be written.
func (s *jsonSink) room(n int) bool {
	s.full = s.full || n > s.max-len(s.b)
	return !s.full
}

func (s *jsonSink) check() string {
	if s.room(0) {
		return ""
	}
	return "its JSON exceeds limit " + itoa(s.max) + " B"
}

// text writes a text in UTF-8 with only the escapes that JSON requires.
func (s *jsonSink) text(text []byte) {
	s.b = append(s.b, '"')
	for len(text) > 0 && s.room(0) {
		n := 0
		for n < len(text) && text[n] >= 0x20 && text[n] != '"' && text[n] != '\\' {
			n++
		}
		if !s.room(n) {
			return
		}
		s.b = append(s.b, text[:n]...)
		if text = text[n:]; len(text) == 0 {
			break
		}
		if c := escapeOf(rune(text[0])); c != 0 {
			s.b = append(s.b, '\\', c)
		} else {
			s.b = appendEscaped(s.b, rune(text[0]))
		}
		text = text[1:]
	}
	s.b = append(s.b, '"')
}

// number writes an integer or a float.
func (s *jsonSink) number(kind byte, data []byte) {
	if kind == 'i' {
		if s.room(len(data)) {
			s.b = append(s.b, digits(data)...)
		}
		return
	}
	s.b = strconv.AppendFloat(s.b, single(data), 'g', -1, 32)
}

// digits returns an integer without leading zeros, which JSON does not allow. The result aliases data unless zeros
// follow a minus sign.
func digits(data []byte) []byte {
	first := 0
	if data[0] == '-' {
		first = 1
	}
	zeros := first
	for zeros < len(data)-1 && data[zeros] == '0' {
		zeros++
	}
	if zeros == first {
		return data
	}
	if first == 0 {
		return data[zeros:]
	}
	return append([]byte{'-'}, data[zeros:]...)
}

// single returns the float in data, which must have four bytes, or 0.
func single(data []byte) float64 {
	if len(data) != 4 {
		return 0
	}
	bits := uint32(data[0])<<24 | uint32(data[1])<<16 | uint32(data[2])<<8 | uint32(data[3])
	return float64(math.Float32frombits(bits))
}
