package classic

import (
	"unicode/utf8"

	"github.com/hisock/hisock/core/wire"
)

// formatLen is the number of bytes with which a body begins that say the length of its format.
const formatLen = 8

// A sink gets the parts of a body in order. The kind of a leaf is b, s, i or f, and the kind of a container l, t or d.
// The items of a map are key, value, key, value. Each method returns a text that says why it cannot go on, or an empty
// text.
type sink interface {
	leaf(kind byte, data []byte) string
	begin(kind byte) string
	end(kind byte) string
}

// splitBody splits a body into its format and the data of its leaves.
func splitBody(body []byte) (format, data []byte, why string) {
	if len(body) < formatLen {
		return nil, nil, "shorter than the length of its format"
	}
	n, ok := parseHeader(body[:formatLen])
	if !ok {
		return nil, nil, "begins with " + quote(body[:formatLen]) + ", no length of a format"
	}
	body = body[formatLen:]
	if n > len(body) {
		return nil, nil, "format longer than the body"
	}
	return body[:n:n], body[n:], ""
}

// A bodyReader reads a format and gives the data of its leaves to a sink. It allocates nothing.
type bodyReader struct {
	format []byte
	at     int // index in format
	data   []byte
	out    sink
}

// walkBody gives a whole body to the sink. It returns a text that says what is wrong, or an empty text. The format must
// account for each byte of the data.
func walkBody(format, data []byte, out sink) string {
	r := bodyReader{format: format, data: data, out: out}
	var why string
	switch kind := r.peek(); kind {
	case 0:
	case 'l', 't', 'd':
		r.at++
		why = r.items(kind, 0, maxDepth-1)
	default:
		why = r.alone()
	}
	switch {
	case why != "":
		return why
	case r.at < len(format):
		return "format goes on behind the value"
	case len(r.data) > 0:
		return "more data than its format says"
	}
	return ""
}

// peek returns the next byte of the format, or 0 at its end. A valid format has no byte 0.
func (r *bodyReader) peek() byte {
	if r.at < len(r.format) {
		return r.format[r.at]
	}
	return 0
}

// number reads the number of bytes of an item, which has at least one digit. It returns -1 for more bytes than there are.
func (r *bodyReader) number() (n int, ok bool) {
	start := r.at
	for c := r.peek(); '0' <= c && c <= '9'; c = r.peek() {
		if r.at++; n >= 0 {
			n = n*10 + int(c-'0')
		}
		if n > len(r.data) {
			n = -1
		}
	}
	return n, r.at > start
}

// items reads the items of a container of that kind up to its closing bracket. If closing is 0, it reads up to the end
// of the format.
func (r *bodyReader) items(kind, closing byte, depth int) string {
	if why := r.out.begin(kind); why != "" {
		return why
	}
	count := 0
	for r.peek() != closing {
		if why := r.item(depth); why != "" {
			return why
		}
		count++
	}
	if closing != 0 {
		r.at++
	}
	if kind == 'd' && count%2 != 0 {
		return "a key without a value"
	}
	return r.out.end(kind)
}

// alone reads a leaf that is the whole value.
func (r *bodyReader) alone() string {
	n, ok := r.number()
	if !ok {
		return r.noNumber()
	}
	return r.leaf(n)
}

func (r *bodyReader) noNumber() string { return "no number in the format at byte " + itoa(r.at) }

// item reads a leaf, or a container with up to depth nested containers.
func (r *bodyReader) item(depth int) string {
	n, ok := r.number()
	if !ok {
		return r.noNumber()
	}
	var kind, closing byte
	switch r.peek() {
	case '[':
		kind, closing = 'l', ']'
	case '(':
		kind, closing = 't', ')'
	case '{':
		kind, closing = 'd', '}'
	default:
		return r.leaf(n)
	}
	if depth == 0 {
		return "containers over " + itoa(maxDepth) + " deep"
	}
	r.at++
	before := len(r.data)
	if why := r.items(kind, closing, depth-1); why != "" {
		return why
	}
	if before-len(r.data) != n {
		return "a container with other data than its format says"
	}
	return ""
}

// leaf reads a leaf of n bytes. The next byte of the format is its letter.
func (r *bodyReader) leaf(n int) string {
	kind := r.peek()
	if n < 0 {
		return "less data than its format says"
	}
	data := r.data[:n:n]
	switch {
	case kind == 'b':
	case kind == 's' && !utf8.Valid(data):
		return "text that is not UTF-8"
	case kind == 'i' && !isInteger(data):
		return "integer " + quote(data)
	case kind == 'f' && n != 4:
		return "float of " + itoa(n) + " bytes"
	case kind != 's' && kind != 'i' && kind != 'f':
		return "format that says nothing at byte " + itoa(r.at)
	}
	r.at++
	r.data = r.data[n:]
	return r.out.leaf(kind, data)
}

// isInteger reports whether b is an optional minus sign and decimal digits.
func isInteger(b []byte) bool {
	if len(b) > 0 && b[0] == '-' {
		b = b[1:]
	}
	for _, c := range b {
		if c < '0' || '9' < c {
			return false
		}
	}
	return len(b) > 0
}

// BodyKind returns the letter for the kind of a body's whole value: b, s, i, f, l, t or d. It returns 0 if there is no
// content or body is not a body.
func BodyKind(body []byte) byte {
	format, _, why := splitBody(body)
	switch {
	case why != "" || len(format) == 0:
		return 0
	case format[0] == 'l', format[0] == 't', format[0] == 'd':
		return format[0]
	}
	return format[len(format)-1]
}

// ParseBody parses the body of a command of 3.0a. as is the form of the payload: bytes or text as they are, the digits
// of an integer, the decimals of a float, or the JSON of a list, tuple or map. An integer and a finite float are valid
// JSON too. The payload is nil if there is no content. It aliases body unless it is a float or JSON.
//
// In JSON, a tuple is an array, bytes are a text in base64, as package json expects for a []byte, and a key that is a
// number is a text with its digits.
//
// max bounds the JSON in bytes; zero or less means [wire.DefaultMaxFrame]. Every error is a *[wire.Error], and does not
// end the connection. It is [wire.CodeTooBig] for JSON over max, and [wire.CodeBadPayload] for bytes that are not a
// body, or for a value that JSON cannot express: a key that is a list, or a float in a container that is not a number.
func ParseBody(body []byte, max int) (payload []byte, as Form, err error) {
	format, data, why := splitBody(body)
	if why != "" {
		return nil, 0, fault(wire.CodeBadPayload, "body", why)
	}
	if max <= 0 {
		max = wire.DefaultMaxFrame
	}
	s := jsonSink{max: max}
	if why := walkBody(format, data, &s); why != "" {
		code := wire.CodeBadPayload
		if s.full {
			code = wire.CodeTooBig
		}
		return nil, 0, fault(code, "body", why)
	}
	return s.b, s.as, nil
}
