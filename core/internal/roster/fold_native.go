//go:build !js

package roster

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold returns a form that is the same for all names that differ only in upper and lower case, or in the number of
// spaces in a row. It applies Unicode's simple case folding to each character, as [strings.EqualFold] does, and
// replaces a run of spaces by one space.
//
// Fold does not normalize: é as one character differs from é as an e and an accent, and letters of different scripts
// with the same shape differ. SECURITY.md describes the consequences.
func Fold(name string) string {
	i := 0
	for i < len(name) && isFolded(name, i) {
		i++
	}
	if i == len(name) {
		return name
	}
	var b strings.Builder
	b.Grow(len(name))
	space := false
	for _, r := range name {
		if r != ' ' || !space {
			b.WriteRune(foldRune(r))
		}
		space = r == ' '
	}
	return b.String()
}

// isFolded reports whether the byte at i is ASCII and stays as it is.
func isFolded(name string, i int) bool {
	c := name[i]
	return c < utf8.RuneSelf && (c < 'A' || c > 'Z') && (c != ' ' || i == 0 || name[i-1] != ' ')
}

// foldRune returns the least of the characters that differ from r only in case, in lower case if it is ASCII.
func foldRune(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}
