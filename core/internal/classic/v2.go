package classic

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/hisock/hisock/core/wire"
)

// KindLoose is a payload of 2.x without a marker. It does not belong to a command.
const KindLoose = KindRecord + 1

// PlainKind returns the kind of a payload of 2.x, and the bytes after its marker. A payload without a marker, or with a
// marker that only the other end sends, is [KindLoose].
func PlainKind(payload []byte, fromClient bool) (k Kind, rest []byte) {
	if fromClient && hasPrefix(payload, leaving) {
		return KindLeaving, nil
	}
	k, rest = KindOf(payload, fromClient)
	if k == KindCommand && !hasPrefix(payload, markCommand) {
		return KindLoose, payload
	}
	return k, rest
}

// SplitPlain splits a payload for which [PlainKind] has returned [KindCommand] into the command's name and content.
// Both alias the payload. The content is nil if there is none.
func SplitPlain(payload []byte) (name, content []byte) {
	rest := payload[len(markCommand):]
	i := bytes.Index(rest, []byte(markBody))
	if i < 0 {
		return rest, nil
	}
	if name, content = rest[:i:i], rest[i+len(markBody):]; len(content) == 0 {
		content = nil
	}
	return name, content
}

// IsPlain tells from the payload of a client's first command whether the client is of 2.x or of 3.0a. A client of 3.0a
// always writes a body after the name. So plain is true if no body follows. If the payload is not a command with both
// markers, which shows nothing, sure is false.
func IsPlain(payload []byte) (plain, sure bool) {
	if !hasPrefix(payload, markCommand) {
		return false, false
	}
	name, body := SplitTyped(payload)
	if body == nil || len(name) == len(payload) {
		return false, false
	}
	format, data, why := splitBody(body)
	return why != "" || walkBody(format, data, nowhere{}) != "", true
}

// nowhere is a sink for a check of a body. It keeps nothing.
type nowhere struct{}

func (nowhere) leaf(byte, []byte) string { return "" }
func (nowhere) begin(byte) string        { return "" }
func (nowhere) end(byte) string          { return "" }

// AppendPlain appends the frame of a command of 2.x with a payload of form as; see [AppendContent]. The caller has
// checked the name with [CheckTyped]. Every error is a *[wire.Error]: an error of [AppendContent], or [wire.CodeTooBig]
// if the command does not fit the header. Then dst is returned unchanged.
func AppendPlain(dst []byte, headerLen int, name string, as Form, payload []byte) ([]byte, error) {
	return appendMarked(dst, headerLen, name, func(b []byte) ([]byte, error) { return AppendContent(b, as, payload) })
}

// appendMarked appends the frame of a command with both markers. add appends the bytes after the second marker.
func appendMarked(dst []byte, headerLen int, name string, add func(b []byte) ([]byte, error)) ([]byte, error) {
	start := len(dst)
	b := appendHeader(dst, headerLen, 0) // the length is filled in below
	from := len(b)
	b = append(b, markCommand...)
	b = append(b, name...)
	b = append(b, markBody...)
	b, err := add(b)
	if err != nil {
		return dst, err
	}
	length := len(b) - from
	if most := MaxPayload(headerLen); length > most {
		return dst, fault(wire.CodeTooBig, "command "+quote(name), itoa(length)+" B do not fit the header")
	}
	strconv.AppendInt(b[start:start], int64(length), 10) // in place: there is room for it
	return b, nil
}

// AppendContent appends the content of a command of 2.x with a payload of form as. A program in Python writes the same
// value in the same way: bytes and text as they are, an integer in decimals, a float in the shortest decimals, lists
// and maps as JSON in ASCII. Zero, false, null and every empty value have no content, and true is one byte 00.
//
// Every error is a *[wire.Error]: [wire.CodeUnsupported] for an integer of more than 4300 digits, and
// [wire.CodeBadPayload] for a payload that is not of its form. Then dst is returned unchanged.
func AppendContent(dst []byte, as Form, payload []byte) ([]byte, error) {
	switch {
	case as == FormBytes, as == FormText && utf8.Valid(payload):
		return append(dst, payload...), nil
	case as == FormText:
		return dst, plainFault(wire.CodeBadPayload, payload, "not UTF-8")
	case as == FormFloat:
		f, err := strconv.ParseFloat(string(payload), 64)
		if err != nil && !math.IsInf(f, 0) {
			return dst, plainFault(wire.CodeBadPayload, payload, "no number")
		}
		return appendPythonFloat(dst, f), nil
	}
	if !utf8.Valid(payload) {
		return dst, plainFault(wire.CodeBadPayload, payload, "not UTF-8")
	}
	p := parser{b: payload}
	p.space()
	start := p.at
	p.value(maxPlainDepth)
	text := payload[start:p.at]
	if p.space(); p.at < len(payload) {
		p.fail("nothing more")
	}
	if p.fault != "" {
		return dst, plainFault(wire.CodeBadPayload, payload, "not JSON at byte "+itoa(p.at)+": "+p.fault+" expected")
	}
	return appendPythonValue(dst, text)
}

// maxPlainDepth is the largest number of nested lists and maps. Python does not read 1000.
const maxPlainDepth = 512

func plainFault(code wire.Code, payload []byte, why string) *wire.Error {
	return fault(code, "value "+quote(payload), why)
}

// appendPythonValue appends a value that is valid JSON.
func appendPythonValue(dst, text []byte) ([]byte, error) {
	switch c := text[0]; c {
	case '"':
		return append(dst, unquote(text)...), nil
	case 't':
		return append(dst, 0), nil
	case 'f', 'n':
		return dst, nil
	case '[', '{':
		start := len(dst)
		if dst = appendPythonJSON(dst, text); len(dst) == start+2 {
			return dst[:start], nil
		}
		return dst, nil
	}
	if isInteger(text) {
		if len(text) > maxDigits {
			return dst, plainFault(wire.CodeUnsupported, text, "an integer of more than "+itoa(maxDigits)+" digits, which Python does not read")
		}
		if string(text) == "0" || string(text) == "-0" {
			return dst, nil
		}
		return append(dst, text...), nil
	}
	f, _ := strconv.ParseFloat(string(text), 64) // infinite if the number is too large, as in Python
	return appendPythonFloat(dst, f), nil
}

// appendPythonFloat appends a float as Python prints it.
func appendPythonFloat(dst []byte, f float64) []byte {
	switch {
	case f == 0:
		return dst
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	}
	if size := math.Abs(f); size < 1e-4 || size >= 1e16 {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendPythonJSON appends valid JSON with the spaces and escapes that Python writes.
func appendPythonJSON(dst, text []byte) []byte {
	p := parser{b: text}
	for p.at < len(text) {
		switch c := text[p.at]; c {
		case '"':
			dst = appendQuoted(dst, unquote(p.text()))
			continue
		case ',', ':':
			dst = append(dst, c, ' ')
		case ' ', '\t', '\r', '\n':
		default:
			dst = append(dst, c)
		}
		p.at++
	}
	return dst
}
