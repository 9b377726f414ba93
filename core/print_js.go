package core

// isPrint reports whether r shows in a log as what it is. A page does without the tables for
// the rest of Unicode, and takes what is not ASCII for unprintable.
func isPrint(r rune) bool { return r >= 0x20 && r < 0x7f }
