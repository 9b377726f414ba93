package safe

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Text that could fool a reader is quoted, in both builds.
func TestText(t *testing.T) {
	tests := map[string]struct{ in, want string }{
		"plain":                {"ada, é and 🚀", "ada, é and 🚀"},
		"line end":             {"a\nb", `"a\nb"`},
		"escape":               {"\x1b[2J", `"\x1b[2J"`},
		"direction":            {"a\u202eb", `"a\u202eb"`},
		"does not show":        {"a\u200bb", `"a\u200bb"`},
		"line separator":       {"a\u2028b", `"a\u2028b"`},
		"byte order mark":      {"\ufeffa", `"\ufeffa"`},
		"no UTF-8":             {"a\xff", `"a\xff"`},
		"replacement":          {"a\ufffd", `"a\ufffd"`},
		"private":              {"\ue000", `"\ue000"`},
		"nothing":              {"", ""},
		"quotes and backslash": {`"a\`, `"a\`},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, Text(tc.in))
			require.Equal(t, tc.want, Clip(tc.in, MaxName))
		})
	}
}
