package safe

import "github.com/hisock/hisock/core/wire"

// isPrint reports whether r is printable. Here only characters that could fool a reader are not: controls, line ends,
// characters that change the direction of text, invisible characters and private characters.
func isPrint(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0xa0, r == 0xad, r == 0xfeff:
		return false
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return false
	}
	return r < 0xe000 || r > 0xf8ff
}

// Clip returns a text that is printable, and cut to about most bytes.
func Clip(s string, most int) string { return Text(wire.Cut(s, most)) }

// A handler in a page is JavaScript. Its console shows the stack.

func Stack() string      { return "" }
func Type(any) string    { return "" }
func Types(error) string { return "" }

// Same is not used: a browser build has no server.
func Same(_, _ []byte) bool { return false }
