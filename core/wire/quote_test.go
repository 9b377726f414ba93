package wire

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzQuote(f *testing.F) {
	for _, s := range []string{"", "plain", "\x00\x1b\x7f\a\b\t\n\v\f\r\"\\", "é \u2028 🦊 \U0010ffff", "\xff\xc3", "\ufffd", "\u0085"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		require.Equal(t, strconv.QuoteToASCII(s), Quote(s))
	})
}
