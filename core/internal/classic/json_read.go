package classic

import "unicode/utf8"

// maxDepth is the largest number of arrays and objects that are nested, with the outermost one.
const maxDepth = 32

// A field is a key that an object must have. Its value is valid JSON of any type.
type field struct {
	key   string
	value []byte
}

// parseObject checks that b is one JSON object, and finds the fields in it. It returns a text that says what is wrong, or
// an empty text. It allocates only if something is wrong.
//
// It is as strict as the original's parser. Like that parser it accepts the numbers NaN, Infinity and -Infinity.
func parseObject(b []byte, fields []field) string {
	if !utf8.Valid(b) {
		return "not UTF-8"
	}
	p := parser{b: b}
	p.space()
	if p.peek() != '{' {
		return "not a JSON object"
	}
	p.object(maxDepth, fields)
	p.space()
	if p.fault == "" && p.at < len(p.b) {
		p.fail("nothing more")
	}
	if p.fault != "" {
		return "not JSON at byte " + itoa(p.at) + ": " + p.fault + " expected"
	}
	for i := range fields {
		if fields[i].value == nil {
			return "no key " + quote(fields[i].key)
		}
	}
	return ""
}

// A parser reads JSON. After its first fault no method has an effect.
type parser struct {
	b     []byte
	at    int
	fault string // the text that was expected at b[at:]
}

func (p *parser) fail(expected string) {
	if p.fault == "" {
		p.fault = expected
	}
}

// peek returns the next byte, or 0 at the end. JSON has no byte 0.
func (p *parser) peek() byte {
	if p.at < len(p.b) && p.fault == "" {
		return p.b[p.at]
	}
	return 0
}

func (p *parser) take(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

func (p *parser) space() {
	for p.take(' ') || p.take('\n') || p.take('\r') || p.take('\t') {
	}
}

// value reads a value with up to depth nested arrays and objects.
func (p *parser) value(depth int) {
	switch c := p.peek(); {
	case c == '"':
		p.text()
	case c == '{':
		p.object(depth, nil)
	case c == '[':
		p.array(depth)
	case c == '-' || '0' <= c && c <= '9':
		p.number()
	case c == 't':
		p.word("true")
	case c == 'f':
		p.word("false")
	case c == 'n':
		p.word("null")
	case c == 'N':
		p.word("NaN")
	case c == 'I':
		p.word("Infinity")
	default:
		p.fail("value")
	}
}

// object reads an object and keeps the values of the fields.
func (p *parser) object(depth int, fields []field) {
	if p.take('{'); depth == 0 {
		p.fail("less depth")
	}
	if p.space(); p.take('}') {
		return
	}
	for p.fault == "" {
		key := p.text()
		if p.space(); !p.take(':') {
			p.fail("colon")
		}
		p.space()
		start := p.at
		p.value(depth - 1)
		for i := range fields {
			if p.fault == "" && isKey(key, fields[i].key) {
				fields[i].value = p.b[start:p.at]
			}
		}
		if p.space(); p.take('}') {
			return
		}
		if !p.take(',') {
			p.fail("comma or brace")
		}
		p.space()
	}
}

func (p *parser) array(depth int) {
	if p.take('['); depth == 0 {
		p.fail("less depth")
	}
	if p.space(); p.take(']') {
		return
	}
	for p.fault == "" {
		p.value(depth - 1)
		if p.space(); p.take(']') {
			return
		}
		if !p.take(',') {
			p.fail("comma or bracket")
		}
		p.space()
	}
}

// text reads a string and returns it with its quotes.
func (p *parser) text() []byte {
	start := p.at
	if !p.take('"') {
		p.fail("string")
	}
	for p.fault == "" {
		switch c := p.peek(); {
		case c == '"':
			p.at++
			return p.b[start:p.at]
		case c == '\\':
			p.at++
			p.escape()
		case c < 0x20:
			p.fail("end of string")
		default:
			p.at++
		}
	}
	return nil
}

func (p *parser) escape() {
	c := p.peek()
	if c == 'u' {
		p.at++
		for range 4 {
			if _, ok := hexDigit(p.peek()); !ok {
				p.fail("hexadecimal digit")
				return
			}
			p.at++
		}
		return
	}
	if _, ok := unescape(c); !ok {
		p.fail("escape")
		return
	}
	p.at++
}

func (p *parser) word(w string) {
	if !hasPrefix(p.b[p.at:], w) {
		p.fail("value")
		return
	}
	p.at += len(w)
}

func (p *parser) number() {
	p.take('-')
	if p.peek() == 'I' {
		p.word("Infinity")
		return
	}
	if !p.take('0') {
		p.digits()
	}
	if p.take('.') {
		p.digits()
	}
	if p.take('e') || p.take('E') {
		if !p.take('+') {
			p.take('-')
		}
		p.digits()
	}
}

func (p *parser) digits() {
	start := p.at
	for c := p.peek(); '0' <= c && c <= '9'; c = p.peek() {
		p.at++
	}
	if p.at == start {
		p.fail("digit")
	}
}
