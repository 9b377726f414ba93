package classic

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/hisock/hisock/core/wire"
)

// A Form is the kind of value that a payload is, since a body of 3.0a says which kind it carries.
type Form uint8

const (
	FormBytes Form = iota // bytes as they are; no content at all if they are nil
	FormText              // text, which must be UTF-8
	FormFloat             // a float in decimals, single precision on the wire
	FormJSON              // JSON: a list, a map, an integer, a float or a text
)

// maxDigits is the largest number of digits of an integer that Python reads. A longer integer ends the peer's loop.
const maxDigits = 4300

// AppendBody appends the body of a command of 3.0a with a payload of form as. A list of JSON is written as a list, an
// object as a map with texts as keys, an integer with all its digits, and any other number as a float, rounded to
// single precision. JSON that is only null has no content.
//
// Every error is a *[wire.Error]. It is [wire.CodeUnsupported] for a value that a body cannot express: a bool, null or
// a container without any data within another container, a float that is too large, and an integer of more than 4300
// digits. It is [wire.CodeBadPayload] for a payload that is not of its form. Then dst is returned unchanged.
func AppendBody(dst []byte, as Form, payload []byte) ([]byte, error) {
	var w bodyWriter
	switch {
	case as == FormBytes && payload == nil:
	case as == FormBytes:
		return appendLeaf(dst, 'b', payload), nil
	case as == FormText && utf8.Valid(payload):
		return appendLeaf(dst, 's', payload), nil
	case as == FormText:
		w.fail(wire.CodeBadPayload, "not UTF-8")
	case as == FormFloat:
		w.float(string(payload))
	default:
		w.json(payload)
	}
	if w.why != "" {
		return dst, fault(w.code, "value "+quote(payload), w.why)
	}
	return w.appendTo(dst), nil
}

// appendLeaf appends the body of bytes or a text.
func appendLeaf(dst []byte, kind byte, data []byte) []byte {
	var room [20]byte
	format := append(strconv.AppendInt(room[:0], int64(len(data)), 10), kind)
	dst = append(appendHeader(dst, formatLen, len(format)), format...)
	return append(dst, data...)
}

// A bodyWriter is a sink that writes a body. After its first fault no method has an effect.
type bodyWriter struct {
	format, data []byte

	open  [maxDepth]opened
	depth int

	why  string // the text of the first fault
	code wire.Code
}

// An opened is a container that has not ended yet.
type opened struct {
	at   int // index of its bracket in the format
	from int // index of its first byte in the data
}

func (w *bodyWriter) appendTo(dst []byte) []byte {
	dst = appendHeader(dst, formatLen, len(w.format))
	dst = append(dst, w.format...)
	return append(dst, w.data...)
}

func (w *bodyWriter) fail(code wire.Code, why string) string {
	if w.why == "" {
		w.why, w.code = why, code
	}
	return w.why
}

func (w *bodyWriter) leaf(kind byte, data []byte) string {
	w.format = append(strconv.AppendInt(w.format, int64(len(data)), 10), kind)
	w.data = append(w.data, data...)
	return w.why
}

// begin opens a container. The number of bytes in it is inserted before its bracket when it ends.
func (w *bodyWriter) begin(kind byte) string {
	if w.depth == maxDepth {
		return w.fail(wire.CodeUnsupported, "containers over "+itoa(maxDepth)+" deep")
	}
	w.open[w.depth] = opened{at: len(w.format), from: len(w.data)}
	if w.depth > 0 {
		kind = brackets(kind)[0]
	}
	w.depth++
	w.format = append(w.format, kind)
	return w.why
}

func (w *bodyWriter) end(kind byte) string {
	if w.depth--; w.depth == 0 {
		return w.why
	}
	o := w.open[w.depth]
	n := len(w.data) - o.from
	if n == 0 {
		return w.fail(wire.CodeUnsupported, "a container without data within another cannot be said in 3.0a")
	}
	var room [20]byte
	count := strconv.AppendInt(room[:0], int64(n), 10)
	w.format = append(w.format, count...) // for its length
	copy(w.format[o.at+len(count):], w.format[o.at:])
	copy(w.format[o.at:], count)
	w.format = append(w.format, brackets(kind)[1])
	return w.why
}

// brackets returns the brackets of a container within another container.
func brackets(kind byte) string {
	switch kind {
	case 't':
		return "()"
	case 'd':
		return "{}"
	}
	return "[]"
}

// float writes a number in decimals as a float, rounded to single precision.
func (w *bodyWriter) float(text string) {
	f, err := strconv.ParseFloat(text, 32)
	switch {
	case err != nil && math.IsInf(f, 0):
		w.fail(wire.CodeUnsupported, "too large for a float, which is of single precision in 3.0a")
	case err != nil:
		w.fail(wire.CodeBadPayload, "no number")
	default:
		bits := math.Float32bits(float32(f))
		w.leaf('f', []byte{byte(bits >> 24), byte(bits >> 16), byte(bits >> 8), byte(bits)})
	}
}

// integer writes an integer of JSON.
func (w *bodyWriter) integer(text []byte) {
	if len(text) > maxDigits {
		w.fail(wire.CodeUnsupported, "an integer of more than "+itoa(maxDigits)+" digits, which Python does not read")
		return
	}
	w.leaf('i', text)
}

// json writes the value of a JSON text.
func (w *bodyWriter) json(text []byte) {
	if !utf8.Valid(text) {
		w.fail(wire.CodeBadPayload, "not UTF-8")
		return
	}
	p := parser{b: text}
	p.space()
	if hasPrefix(text[p.at:], "null") {
		p.word("null")
	} else {
		w.value(&p)
	}
	if p.space(); p.at < len(text) && w.why == "" {
		p.fail("nothing more")
	}
	if p.fault != "" {
		w.fail(wire.CodeBadPayload, "not JSON at byte "+itoa(p.at)+": "+p.fault+" expected")
	}
}

func (w *bodyWriter) value(p *parser) {
	switch c := p.peek(); {
	case c == '"':
		w.text(p)
	case c == '[':
		w.array(p)
	case c == '{':
		w.object(p)
	case c == '-' || '0' <= c && c <= '9':
		start := p.at
		if p.number(); p.fault != "" {
			return
		}
		switch text := p.b[start:p.at]; {
		case isInteger(text):
			w.integer(text)
		case text[len(text)-1] == 'y': // -Infinity, which the parser accepts
			p.fail("digit")
		default:
			w.float(string(text))
		}
	case c == 't' || c == 'f':
		w.fail(wire.CodeUnsupported, "a bool cannot be said in 3.0a")
	case c == 'n':
		w.fail(wire.CodeUnsupported, "null within a container cannot be said in 3.0a")
	default:
		p.fail("value")
	}
}

func (w *bodyWriter) text(p *parser) {
	quoted := p.text()
	switch {
	case p.fault != "":
	case bytes.IndexByte(quoted, '\\') < 0:
		w.leaf('s', quoted[1:len(quoted)-1])
	default:
		w.leaf('s', []byte(unquote(quoted)))
	}
}

func (w *bodyWriter) array(p *parser) {
	if w.begin('l') != "" {
		return
	}
	p.take('[')
	if p.space(); !p.take(']') {
		for more := true; more && w.why == "" && p.fault == ""; p.space() {
			w.value(p)
			p.space()
			more = p.more(']')
		}
	}
	w.end('l')
}

func (w *bodyWriter) object(p *parser) {
	if w.begin('d') != "" {
		return
	}
	p.take('{')
	if p.space(); !p.take('}') {
		for more := true; more && w.why == "" && p.fault == ""; p.space() {
			w.text(p)
			if p.space(); !p.take(':') {
				p.fail("colon")
			}
			p.space()
			w.value(p)
			p.space()
			more = p.more('}')
		}
	}
	w.end('d')
}

// more reads the comma or the closing bracket after an item, and reports whether another item follows.
func (p *parser) more(closing byte) bool {
	if p.take(closing) {
		return false
	}
	if !p.take(',') {
		p.fail("comma or end")
	}
	return true
}
