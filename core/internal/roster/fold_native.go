//go:build !js

package roster

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold returns what all names have in common that are the same to a reader who does not look at
// upper and lower case, and to a list that draws several spaces as one: Unicode's simple
// case folding of each character, as in [strings.EqualFold], and one space for each run of them.
//
// It does not normalize: é as one character and as an e with an accent are two names, and so are
// letters of two scripts with one shape. SECURITY.md says what that leaves.
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

// isFolded reports whether the byte at i is of ASCII and stays as it is.
func isFolded(name string, i int) bool {
	c := name[i]
	return c < utf8.RuneSelf && (c < 'A' || c > 'Z') && (c != ' ' || i == 0 || name[i-1] != ' ')
}

// foldRune returns the one that stands for all characters which differ from r in case only: the
// least of them, in lower case if it is of ASCII.
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
