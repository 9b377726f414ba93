//go:build !js

package roster

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFold(t *testing.T) {
	same := map[string][2]string{
		"ASCII":             {"Ada", "aDA"},
		"as it is":          {"ada_l 0{~", "ada_l 0{~"},
		"accents":           {"ZOË", "zoë"},
		"sharp s":           {"STRAẞE", "straße"},
		"Greek sigmas":      {"ΣΊΣΥΦΟΣ", "σίσυφος"},
		"Kelvin sign":       {"\u212aelvin", "kelvin"},
		"long s":            {"\u017fam", "SAM"},
		"Cyrillic":          {"АНЯ", "аня"},
		"beyond the BMP":    {"\U00010400", "\U00010428"},
		"one space or more": {"ada  lovelace", "Ada Lovelace"},
	}
	for what, names := range same {
		t.Run(what, func(t *testing.T) {
			require.Equal(t, Fold(names[0]), Fold(names[1]))
			require.Equal(t, Fold(names[0]), Fold(Fold(names[0])), "folding twice is folding once")
		})
	}
	other := map[string][2]string{ // SECURITY.md says so
		"another letter":    {"ada", "adb"},
		"no space":          {"adalovelace", "ada lovelace"},
		"Cyrillic a":        {"аda", "ada"},
		"decomposed":        {"e\u0301", "é"},
		"full width":        {"ａda", "ada"},
		"dotless i":         {"ı", "i"},
		"sharp s and two s": {"straße", "strasse"},
	}
	for what, names := range other {
		t.Run(what, func(t *testing.T) { require.NotEqual(t, Fold(names[0]), Fold(names[1])) })
	}
}

func TestFoldAgreesWithEqualFold(t *testing.T) {
	letters := []rune("aAzZkK\u212asSſßẞéÉσςΣіІяЯ\U00010400\U00010428ıiİI@[`{")
	for _, a := range letters {
		for _, b := range letters {
			require.Equal(t, strings.EqualFold(string(a), string(b)), Fold(string(a)) == Fold(string(b)), "%q %q", a, b)
		}
	}
}
