package classic

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// appendLabel appends a label as JSON.
func appendLabel(dst []byte, l Label) []byte {
	if !l.Set {
		return append(dst, "null"...)
	}
	return appendQuoted(dst, l.Text)
}

// appendQuoted appends a text as the original writes it. Each character that is not printable ASCII is escaped, and
// characters above U+FFFF as surrogate pairs.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for _, r := range s {
		switch c := escapeOf(r); {
		case c != 0:
			dst = append(dst, '\\', c)
		case 0x20 <= r && r <= '~':
			dst = append(dst, byte(r))
		case r <= 0xffff:
			dst = appendEscaped(dst, r)
		default:
			high, low := utf16.EncodeRune(r)
			dst = appendEscaped(appendEscaped(dst, high), low)
		}
	}
	return append(dst, '"')
}

// escapeOf returns the letter after the backslash in the short escape of a character, or 0 if there is no short escape.
func escapeOf(r rune) byte {
	switch r {
	case '"', '\\':
		return byte(r)
	case '\b':
		return 'b'
	case '\f':
		return 'f'
	case '\n':
		return 'n'
	case '\r':
		return 'r'
	case '\t':
		return 't'
	}
	return 0
}

func appendEscaped(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// unquote returns the text of a valid JSON string. Half a surrogate pair becomes U+FFFD.
func unquote(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	return string(appendUnquoted(make([]byte, 0, len(quoted)), quoted))
}

// isKey reports whether a valid JSON string is the key.
func isKey(quoted []byte, key string) bool {
	if len(quoted) < len(key)+2 || len(quoted) > len(`\u0000`)*len(key)+2 {
		return false
	}
	var room [64]byte // enough for each key of this package with every letter escaped
	return string(appendUnquoted(room[:0], quoted)) == key
}

func appendUnquoted(dst, quoted []byte) []byte {
	s := quoted[1 : len(quoted)-1]
	for len(s) > 0 {
		switch {
		case s[0] != '\\':
			dst = append(dst, s[0])
			s = s[1:]
		case s[1] != 'u':
			c, _ := unescape(s[1])
			dst = append(dst, c)
			s = s[2:]
		default:
			r := unit(s)
			s = s[6:]
			if utf16.IsSurrogate(r) {
				if r = utf16.DecodeRune(r, unit(s)); r != utf8.RuneError {
					s = s[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}

// unescape returns the character for a backslash and c.
func unescape(c byte) (byte, bool) {
	switch c {
	case '"', '\\', '/':
		return c, true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	}
	return 0, false
}

// unit returns the UTF-16 unit of the escape \uXXXX with which s begins, or 0 if s does not begin with such an escape.
func unit(s []byte) (r rune) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0
	}
	for _, c := range s[2:6] {
		d, _ := hexDigit(c)
		r = r<<4 | rune(d)
	}
	return r
}

func hexDigit(c byte) (d byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
