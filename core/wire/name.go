package wire

import "unicode/utf8"

// ValidName checks the name of a client, group or command. A valid name can be shown in a log line or a
// list, and nobody mistakes it for another. It is not empty, has at most max bytes of UTF-8,
// neither begins nor ends with a space, and each of its characters passes [NameRune]. A max of 0
// means [DefaultMaxName], a negative one no limit. The error is nil or a *[Error] with
// [CodeBadName], whose text has the name quoted in ASCII and cut short.
//
// It allocates nothing for a valid name.
func ValidName(s string, max int) error {
	if max == 0 {
		max = DefaultMaxName
	}
	if why := nameFault(s, len(s), max); why != "" {
		return &Error{CodeBadName, why}
	}
	return nil
}

// nameFault returns in words what is wrong with a name of n bytes, or "". s is the name, or at least its start
// if n exceeds max.
func nameFault(s string, n, max int) string {
	if n == 0 {
		return "name is empty"
	}
	if max >= 0 && n > max {
		return "name " + quote(s) + ": " + byteCount(n) + " exceeds limit " + byteCount(max)
	}
	for i := 0; i < len(s); {
		r, w := rune(s[i]), 1
		if r >= utf8.RuneSelf {
			r, w = utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && w == 1 {
				return "name " + quote(s) + ": not UTF-8 at byte " + itoa(i)
			}
		}
		if !NameRune(r) {
			what := ": invisible, blank or unassigned character "
			if r <= 0x9f || r == '\u2028' || r == '\u2029' {
				what = ": control character "
			}
			return "name " + quote(s) + what + quote(s[i:i+w]) + " at byte " + itoa(i)
		}
		i += w
	}
	if s[0] == ' ' || s[n-1] == ' ' {
		return "name " + quote(s) + ": a space at its beginning or end"
	}
	return ""
}

// Cut returns the start of s, at most max bytes, without splitting a character.
func Cut(s string, max int) string {
	if len(s) <= max {
		return s
	}
	for i := max; i >= 0 && i > max-utf8.UTFMax; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:max]
}

// clampLen returns how many bytes of a name of n bytes nameFault needs: all of them, or, if n exceeds max, as many as
// an error text repeats.
func clampLen(n, max int) int {
	if max >= 0 && n > max {
		return min(n, maxQuoted+utf8.UTFMax)
	}
	return n
}
