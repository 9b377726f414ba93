package wire

import "unicode/utf8"

// Quote returns s between quotation marks, as a Go string literal of printable ASCII that
// holds the same bytes. It is [strconv.QuoteToASCII] without the tables that would add to a
// browser build.
func Quote(s string) string {
	b := append(make([]byte, 0, len(s)+2), '"')
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			b = appendHex(append(b, `\x`...), uint32(s[0]), 2)
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= 0x20 && r < 0x7f:
			b = append(b, byte(r))
		case r >= '\a' && r <= '\r':
			b = append(b, '\\', "abtnvfr"[r-'\a'])
		case r < 0x80:
			b = appendHex(append(b, `\x`...), uint32(r), 2)
		case r < 0x10000:
			b = appendHex(append(b, `\u`...), uint32(r), 4)
		default:
			b = appendHex(append(b, `\U`...), uint32(r), 8)
		}
		s = s[n:]
	}
	return string(append(b, '"'))
}

func appendHex(b []byte, v uint32, digits int) []byte {
	for i := digits - 1; i >= 0; i-- {
		b = append(b, "0123456789abcdef"[v>>(4*i)&15])
	}
	return b
}
