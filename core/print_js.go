package core

// isPrint reports whether r shows in a log as what it is. A page does without the tables for
// Unicode, so that this knows only what could fool a reader: controls, line ends,
// and what changes the direction of text or does not show.
func isPrint(r rune) bool {
	switch {
	case r < 0x20, r >= 0x7f && r <= 0xa0, r == 0xad, r == 0xfeff:
		return false
	case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x206f:
		return false
	}
	return r < 0xe000 || r > 0xf8ff
}
