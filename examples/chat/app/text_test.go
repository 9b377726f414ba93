package app

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNames(t *testing.T) {
	for _, good := range []string{"a", "ada", "Ada Lovelace", "эда", "愛", "o'neill", "<b>", "🙂", strings.Repeat("é", maxName)} {
		require.NoError(t, checkName(good), "%q", good)
	}
	bad := map[string]string{
		"":                               "is needed",
		" ada":                           "space",
		"ada\u00a0":                      "space",
		"ada: hi":                        "colon",
		"* ada":                          "asterisk",
		"a\x00b":                         "U+0000",
		"a\tb":                           "U+0009",
		"ad\u200ba":                      "U+200B",
		"\u202eada":                      "U+202E",
		"a\xffb":                         "UTF-8",
		strings.Repeat("é", maxName+1):   "too long",
		strings.Repeat("x", 1<<20) + "y": "too long",
	}
	for name, why := range bad {
		err := checkName(name)
		require.ErrorContains(t, err, why)
		require.Less(t, len(err.Error()), 300)
		require.Equal(t, printable(err.Error()), err.Error())
	}
}

func TestPrintable(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"plain":           {"ada: hello, world", "ada: hello, world"},
		"other scripts":   {"שלום \u200f можно 愛 👩\u200d💻", "שלום \u200f можно 愛 👩\u200d💻"},
		"tab":             {"a\tb", "a\tb"},
		"escape sequence": {"\x1b[31mred\x1b[0m", "\ufffd[31mred\ufffd[0m"},
		"one-byte CSI":    {"\u009b2J", "\ufffd2J"},
		"title":           {"\x1b]0;me\a", "\ufffd]0;me\ufffd"},
		"lines":           {"a\r\nb\u2028c", "a\ufffd\ufffdb\ufffdc"},
		"direction":       {"a\u202eb\u2066c", "a\ufffdb\ufffdc"},
		"hidden":          {"a\u200bb\U000e0041", "a\ufffdb\ufffd"},
		"not UTF-8":       {"a\xff\xc3b", "a\ufffd\ufffdb"},
		"nul and delete":  {"\x00\x7f", "\ufffd\ufffd"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, printable(tc.in)) })
	}
}

func TestLines(t *testing.T) {
	long := strings.Repeat("x", maxLine+10)
	tests := map[string]struct {
		in   string
		want []typed
	}{
		"nothing":            {"", nil},
		"no end":             {"a", []typed{{text: "a"}}},
		"both ends":          {"a\nb\r\n", []typed{{text: "a"}, {text: "b"}}},
		"empty ones":         {"\n\na\n", []typed{{}, {}, {text: "a"}}},
		"too long":           {"a\n" + long + "\nb\n", []typed{{text: "a"}, {err: errLineTooLong}, {text: "b"}}},
		"too long, no end":   {long, []typed{{err: errLineTooLong}}},
		"much too long":      {strings.Repeat(long, 10) + "\nb", []typed{{err: errLineTooLong}, {text: "b"}}},
		"just short enough":  {long[:maxLine-1] + "\nb", []typed{{text: long[:maxLine-1]}, {text: "b"}}},
		"reading that fails": {"a\n\x00", []typed{{text: "a"}, {err: io.ErrClosedPipe}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			lines := make(chan typed, len(tc.want)+1)
			readLines(t.Context(), &failing{strings.NewReader(tc.in)}, lines)
			var got []typed
			for l := range lines {
				got = append(got, l)
			}
			require.Equal(t, tc.want, got)
		})
	}
}

// A failing is a reader that fails at a zero byte in its text.
type failing struct{ *strings.Reader }

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if i := strings.IndexByte(string(p[:n]), 0); i >= 0 {
		return i, io.ErrClosedPipe
	}
	return n, err
}
