package wire

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// blank are characters that unicode has no property for, although they are drawn as nothing, or
// change how another character is drawn and are nothing after a letter.
var blank = []rune{
	0x2800,  // BRAILLE PATTERN BLANK
	0x2d7f,  // TIFINAGH CONSONANT JOINER
	0xfffc,  // OBJECT REPLACEMENT CHARACTER
	0x1107f, // BRAHMI NUMBER JOINER
	0x13440, // EGYPTIAN HIEROGLYPH MIRROR HORIZONTALLY
	0x13441, // EGYPTIAN HIEROGLYPH FULL BLANK
	0x13442, // EGYPTIAN HIEROGLYPH HALF BLANK
	0x1bc9d, // DUPLOYAN THICK LETTER SELECTOR
	0x16fe4, // KHITAN SMALL SCRIPT FILLER
	0x1d159, // MUSICAL SYMBOL NULL NOTEHEAD
}

// unfitByUnicode is the opposite of NameRune, computed from Unicode's own tables.
// Default_Ignorable_Code_Point is derived from Other_Default_Ignorable_Code_Point, the format
// characters and the variation selectors, without white space, annotations, Egyptian format
// controls and prepended marks. Only the prepended marks have a shape.
func unfitByUnicode(r rune) bool {
	if r == ' ' {
		return false
	}
	for _, b := range blank {
		if r == b {
			return true
		}
	}
	if 0x13447 <= r && r <= 0x13455 || 0x1da9b <= r && r <= 0x1daaf { // modifiers of hieroglyphs and of SignWriting
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Zs, unicode.White_Space, unicode.Bidi_Control,
		unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector,
		unicode.Noncharacter_Code_Point, unicode.Co, unicode.Cs) ||
		unicode.Is(unicode.Cf, r) && !unicode.Is(unicode.Prepended_Concatenation_Mark, r) ||
		r >= 0x40000
}

func TestNameRuneIsWhatUnicodeSays(t *testing.T) {
	var wrong []rune
	for r := rune(-2); r <= unicode.MaxRune+2; r++ {
		want := r >= 0 && r <= unicode.MaxRune && !unfitByUnicode(r)
		if NameRune(r) != want {
			wrong = append(wrong, r)
		}
	}
	require.Empty(t, wrong, "characters from the first planes on that NameRune says otherwise of: %U", wrong)
	for r := rune(0x40000); r < 0xe0000; r++ { // no character with a meaning is refused there
		require.False(t, unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S), "%U", r)
	}
}

func TestBadRunesAreInOrder(t *testing.T) {
	last := rune(0x7e)
	for _, bad := range badRunes {
		require.Greater(t, bad.first, last, "%U", bad.first)
		require.GreaterOrEqual(t, bad.last, bad.first, "%U", bad.first)
		last = bad.last
	}
}

// A name with invisible characters around it or in it is refused: it would look like another name.
func TestNamesThatLookLikeAnother(t *testing.T) {
	alike := map[string]string{
		"variation selector":             "ada\ufe0f",
		"variation selector of plane 14": "ada\U000e0100",
		"zero-width space":               "ada\u200b",
		"zero-width joiner":              "a\u200dda",
		"Hangul filler":                  "ada\u3164",
		"halfwidth Hangul filler":        "ada\uffa0",
		"Braille blank":                  "ada\u2800",
		"soft hyphen":                    "a\u00adda",
		"combining grapheme joiner":      "ada\u034f",
		"right-to-left override":         "\u202eada",
		"isolate":                        "ada\u2069",
		"Arabic letter mark":             "ada\u061c",
		"byte order mark":                "\ufeffada",
		"word joiner":                    "ada\u2060",
		"tag":                            "ada\U000e0041",
		"invisible times":                "ada\u2062",
		"annotation anchor":              "ada\ufff9",
		"space before":                   " ada",
		"space behind":                   "ada ",
		"nothing but a space":            " ",
		"no-break space behind":          "ada\u00a0",
		"no-break space inside":          "ada\u00a0l",
		"ideographic space":              "\u3000ada",
		"thin space":                     "ada\u2009",
		"hieroglyphic blank":             "ada\U00013441",
		"modifier of a hieroglyph":       "ada\U00013447",
		"number joiner":                  "ada\U0001107f",
		"consonant joiner":               "ada\u2d7f",
		"letter selector":                "ada\U0001bc9d",
		"fill of a sign":                 "ada\U0001da9b",
		"private use":                    "ada\ue000",
		"noncharacter":                   "ada\uffff",
	}
	for what, name := range alike {
		t.Run(what, func(t *testing.T) {
			var e *Error
			require.ErrorAs(t, ValidName(name, 0), &e)
			require.Equal(t, CodeBadName, e.Code)
			requireLoggable(t, e.Error())
		})
	}
	for what, name := range map[string]string{
		"a space between words":  "ada lovelace",
		"accents":                "Ada Lovelace-Noël",
		"combining accent":       "e\u0301",
		"Chinese":                "愛達",
		"Hangul":                 "에이다",
		"Khitan beside filler":   "\U00016fe3\U00016ff0",
		"emoji of one character": "🚀",
		"emoji with a colour":    "👍🏽",
		"Arabic number sign":     "\u0600",
	} {
		t.Run(what, func(t *testing.T) { require.NoError(t, ValidName(name, 0)) })
	}
	require.NoError(t, ValidName(strings.Repeat("a b", 40), 0))
}

func TestValidNameDoesNotAllocate(t *testing.T) {
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = ValidName("Zoë 愛達 🚀", 0) }))
}
