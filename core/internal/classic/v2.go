package classic

import (
	"bytes"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/hisock/hisock/core/wire"
)

// KindLoose is a payload of 2.x without the marker of a command: data that belongs to none.
const KindLoose = KindRecord + 1

// PlainKind says what a payload of 2.x is, and what stands behind its marker if it has one. What
// only the other end sends is [KindLoose], as everything is that has no marker.
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

// SplitPlain splits a command of 2.x, which [PlainKind] has found to be one, into its name and its
// content. Both alias the payload. The content is nil if there is none.
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

// IsPlain tells a client of 2.x from one of 3.0a by the payload of its first command. It reports
// whether the command is one of 2.x: what follows the name is no body, which is what 3.0a always
// writes there. sure is false if the payload is no command with both markers, which tells nothing.
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

// nowhere is a sink that only looks whether a body is one.
type nowhere struct{}

func (nowhere) leaf(byte, []byte) string { return "" }
func (nowhere) begin(byte) string        { return "" }
func (nowhere) end(byte) string          { return "" }

// AppendPlain appends the frame of a command of 2.x with a payload of that form, see [AppendContent].
// The caller has checked the name with [CheckTyped]. Every error is a *[wire.Error], those of
// [AppendContent] and [wire.CodeTooBig] for what does not fit the header; dst is then returned as it was.
func AppendPlain(dst []byte, headerLen int, name string, as Form, payload []byte) ([]byte, error) {
	return appendMarked(dst, headerLen, name, func(b []byte) ([]byte, error) { return AppendContent(b, as, payload) })
}

// appendMarked appends the frame of a command with both markers, whose rest is what add appends.
func appendMarked(dst []byte, headerLen int, name string, add func(b []byte) ([]byte, error)) ([]byte, error) {
	start := len(dst)
	b := appendHeader(dst, headerLen, 0) // its length is known at the end
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

// AppendContent appends the content of a command of 2.x with a payload of that form, as a program in
// Python writes the same value: bytes and text as they are, an integer in decimals, a float as short as
// it can be told, lists and maps as JSON in ASCII. Zero, false, null and whatever is empty is nothing
// at all, and true is one byte 00.
//
// Every error is a *[wire.Error]: [wire.CodeUnsupported] for integers of more than 4300 digits;
// [wire.CodeBadPayload] for a payload that is not of its form. dst is then returned as it was.
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

// maxPlainDepth is how many lists and maps may lie within each other: Python does not read 1000.
const maxPlainDepth = 512

func plainFault(code wire.Code, payload []byte, why string) *wire.Error {
	return fault(code, "value "+quote(payload), why)
}

// appendPythonValue appends a value that is known to be JSON.
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
	f, _ := strconv.ParseFloat(string(text), 64) // infinite if it is too large for one, as in Python
	return appendPythonFloat(dst, f), nil
}

// appendPythonFloat appends a float as Python shows it.
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

// appendPythonJSON appends JSON, which is known to be right, with the spaces and escapes with which Python
// writes it.
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
