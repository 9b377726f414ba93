package safe

import "github.com/hisock/hisock/core/wire"

// isPrint reports whether r shows as what it is. It knows only the characters that could fool a reader: controls, line
// ends, and characters that change the direction of text or do not show.
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

// A handler in a page is JavaScript, whose console has the stack.

func Stack() string      { return "" }
func Type(any) string    { return "" }
func Types(error) string { return "" }

// Same is for servers.
func Same(_, _ []byte) bool { return false }
