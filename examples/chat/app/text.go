package app

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The greatest lengths of a name and of a message, in characters. The page has the same numbers.
const (
	maxName = 32
	maxText = 2000
)

// checkName returns why a client may not have that name, or nil.
//
// Terminals print "name: text" and "* name joined". A name must not look like a part of such a line, so it
// has no colon, no asterisk at its beginning, and no invisible characters.
func checkName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("a name is needed to join")
	case !utf8.ValidString(name):
		return fmt.Errorf("the name %q is not UTF-8", clip(name))
	case utf8.RuneCountInString(name) > maxName:
		return fmt.Errorf("the name %q is too long: it may have %d characters", clip(name), maxName)
	case strings.TrimSpace(name) != name:
		return fmt.Errorf("the name %q begins or ends with a space", name)
	case strings.HasPrefix(name, "*") || strings.Contains(name, ":"):
		return fmt.Errorf("the name %q begins with an asterisk or holds a colon", name)
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return fmt.Errorf("the name %q holds the character %U, which cannot be seen", name, r)
		}
	}
	return nil
}

// checkText returns why a message is refused, or nil.
func checkText(text string) error {
	switch n := utf8.RuneCountInString(text); {
	case !utf8.ValidString(text):
		return fmt.Errorf("the message is not UTF-8")
	case strings.TrimSpace(text) == "":
		return fmt.Errorf("the message is empty")
	case n > maxText:
		return fmt.Errorf("the message has %d characters, %d more than it may have", n, n-maxText)
	}
	for _, r := range text {
		if unicode.IsControl(r) && r != '\t' || r == '\u2028' || r == '\u2029' {
			return fmt.Errorf("the message holds the control character %U", r)
		}
	}
	return nil
}

// clip shortens a name for an error.
func clip(s string) string {
	if runes := []rune(s); len(runes) > maxName {
		return string(runes[:maxName]) + "…"
	}
	return s
}

// printable makes text from others safe to print on a terminal. It replaces characters that could move the
// cursor, hide text or turn the direction of text by U+FFFD.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\t', '\u200c', '\u200d', '\u200e', '\u200f': // joiners and marks that some scripts need
			return r
		}
		if !unicode.IsGraphic(r) || unicode.In(r, unicode.Zl, unicode.Zp) {
			return utf8.RuneError
		}
		return r
	}, s)
}
