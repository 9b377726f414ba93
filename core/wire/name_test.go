package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestValidName(t *testing.T) {
	valid := map[string]string{
		"one letter":       "a",
		"spaces":           "a b  c",
		"accents":          "Zoë",
		"beyond the BMP":   "🚀",
		"right to left":    "שלום",
		"last before DEL":  "~",
		"first after C1":   "\u00a1",
		"replacement sign": "\ufffd",
		"at the limit":     strings.Repeat("n", 128),
	}
	for name, s := range valid {
		t.Run(name, func(t *testing.T) { require.NoError(t, ValidName(s, 0)) })
	}
	invalid := map[string]struct{ in, why string }{
		"empty":                  {"", "name is empty"},
		"NUL":                    {"a\x00", `name "a\x00": control character "\x00" at byte 1`},
		"newline":                {"\n", `name "\n": control character "\n" at byte 0`},
		"last of C0":             {"ab\x1f", `name "ab\x1f": control character "\x1f" at byte 2`},
		"DEL":                    {"\x7f", `name "\x7f": control character "\x7f" at byte 0`},
		"first of C1":            {"é\u0080", `name "\u00e9\u0080": control character "\u0080" at byte 2`},
		"last of C1":             {"\u009f", `name "\u009f": control character "\u009f" at byte 0`},
		"line separator":         {"\u2028", `name "\u2028": control character "\u2028" at byte 0`},
		"paragraph separator":    {"\u2029", `name "\u2029": control character "\u2029" at byte 0`},
		"not UTF-8":              {"a\xff", `name "a\xff": not UTF-8 at byte 1`},
		"surrogate":              {"\xed\xa0\x80", `name "\xed\xa0\x80": not UTF-8 at byte 0`},
		"overlong":               {"\xc0\x80", `name "\xc0\x80": not UTF-8 at byte 0`},
		"space before":           {" a", `name " a": a space at its beginning or end`},
		"space behind":           {"a ", `name "a ": a space at its beginning or end`},
		"zero-width space":       {"a\u200b", `name "a\u200b": invisible, blank or unassigned character "\u200b" at byte 1`},
		"over the limit":         {strings.Repeat("n", 129), `name "` + strings.Repeat("n", 48) + `"...: 129 B exceeds limit 128 B`},
		"a long one with an ESC": {strings.Repeat("n", 100) + "\x1b", `name "` + strings.Repeat("n", 48) + `"...: control character "\x1b" at byte 100`},
	}
	for name, tc := range invalid {
		t.Run(name, func(t *testing.T) {
			var e *Error
			require.ErrorAs(t, ValidName(tc.in, 0), &e)
			require.Equal(t, CodeBadName, e.Code)
			require.Equal(t, tc.why, e.Text)
			requireLoggable(t, e.Error())
		})
	}
}

func TestValidNameLimit(t *testing.T) {
	require.NoError(t, ValidName("éa", 3))
	require.Error(t, ValidName("éa", 2), "bytes count, not characters")
	require.NoError(t, ValidName(strings.Repeat("n", DefaultMaxName), 0))
	require.Error(t, ValidName(strings.Repeat("n", DefaultMaxName+1), 0))
	require.NoError(t, ValidName(strings.Repeat("n", 1<<20), -1))
	require.Error(t, ValidName("", -1))
}

func TestCut(t *testing.T) {
	tests := map[string]struct {
		in   string
		max  int
		want string
	}{
		"shorter":                   {"ab", 3, "ab"},
		"as long":                   {"abc", 3, "abc"},
		"between characters":        {"abcd", 3, "abc"},
		"before two bytes":          {"abé", 3, "ab"},
		"before three bytes":        {"a€", 3, "a"},
		"before four bytes":         {"🚀", 3, ""},
		"continuation bytes only":   {"\x80\x80\x80\x80\x80\x80", 5, "\x80\x80\x80\x80\x80"},
		"nothing fits":              {"é", 1, ""},
		"nothing is wanted":         {"a", 0, ""},
		"after an exact four bytes": {"🚀🚀", 4, "🚀"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := Cut(tc.in, tc.max)
			require.Equal(t, tc.want, got)
			require.LessOrEqual(t, len(got), tc.max)
		})
	}
}
