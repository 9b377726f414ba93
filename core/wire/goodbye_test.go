package wire

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestGoodbyeAndRefuseHaveOneBody(t *testing.T) {
	g := Goodbye{CodeShutdown, "back soon", 1500 * time.Millisecond, []byte(`{"until":"noon"}`)}
	bye, no := oneFrame(t, AppendGoodbye(nil, g)), oneFrame(t, AppendRefuse(nil, g))
	require.Equal(t, KindGoodbye, bye.Kind)
	require.Equal(t, KindRefuse, no.Kind)
	require.Equal(t, bye.Body, no.Body)
	got, err := ParseRefuse(bye.Body)
	require.NoError(t, err)
	require.Equal(t, g, got)
	require.Same(t, &bye.Body[len(bye.Body)-1], &got.Details[len(got.Details)-1], "details alias the body")
}

// The bytes after the id of a failure or a stream's end are the body of a goodbye.
func TestFailuresEndAsGoodbyes(t *testing.T) {
	g := Goodbye{CodeRateLimit, "later", 5 * time.Second, []byte{0xff}}
	body := oneFrame(t, AppendGoodbye(nil, g)).Body
	require.Equal(t, body, oneFrame(t, AppendFailure(nil, 7, g)).Body[1:])
	require.Equal(t, body, oneFrame(t, AppendStreamEnd(nil, 7, g)).Body[1:])
}

// A text of any kind can be sent, and is accepted. A text that was cut says so.
func TestReason(t *testing.T) {
	const limit = MaxReason
	long := strings.Repeat("m", limit)
	replaced := strings.Repeat("\ufffd", limit/3-1) + "…"
	tests := map[string]struct{ in, want string }{
		"empty":                            {"", ""},
		"as it is":                         {"käse\n", "käse\n"},
		"at the limit":                     {long, long},
		"over the limit":                   {long + "x", long[3:] + "…"},
		"two bytes across the limit":       {long[1:] + "é", long[3:] + "…"},
		"two bytes across the mark":        {long[4:] + "éxxx", long[4:] + "…"},
		"four bytes up to the limit":       {long[4:] + "🚀", long[4:] + "🚀"},
		"four bytes across the mark":       {long[6:] + "🚀xxx", long[6:] + "…"},
		"a byte that is not UTF-8":         {"a\xffb", "a\ufffdb"},
		"half a character":                 {"a\xc3", "a\ufffd"},
		"replaced text grows to the limit": {strings.Repeat("\xff", limit), replaced},
		"continuation bytes only":          {strings.Repeat("\x80", 2*limit), replaced},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.True(t, utf8.ValidString(tc.want))
			g := Goodbye{Code: CodeInternal, Reason: tc.in}

			_, why, err := ParseFailure(oneFrame(t, AppendFailure(nil, 1, g)).Body)
			require.NoError(t, err)
			require.Equal(t, tc.want, why.Reason)

			_, why, err = ParseStreamEnd(oneFrame(t, AppendStreamEnd(nil, 1, g)).Body)
			require.NoError(t, err)
			require.Equal(t, tc.want, why.Reason)

			why, err = ParseGoodbye(oneFrame(t, AppendGoodbye(nil, g)).Body)
			require.NoError(t, err)
			require.Equal(t, tc.want, why.Reason)
		})
	}
}

// A goodbye fits the peer's limit, with as much of its text as there is room for.
func TestWithin(t *testing.T) {
	for _, limit := range []int{math.MinInt, 0, 63, 64, 65, 512, 1100, 1 << 20} {
		for _, text := range []int{0, 1, 40, 41, 42, 488, 489, 490, MaxReason, MaxReason + 1, 1 << 20} {
			for _, details := range []int{0, 1, 40, 41, 42, 488, 489, 490, 1<<20 - 23, 1<<20 - 22, 1 << 21} {
				in := Goodbye{math.MaxUint32, strings.Repeat("t", text), math.MaxInt64, make([]byte, details)}
				got, whole := in.Within(limit)
				room := max(limit, 64) - 23
				for _, b := range [][]byte{AppendFailure(nil, math.MaxUint64, got), AppendGoodbye(nil, got)} {
					require.LessOrEqual(t, len(b), Size(max(limit, 64)), "%d B of text, %d B of details", text, details)
				}
				require.Equal(t, details <= room-len(got.Reason), whole)
				require.Equal(t, whole, len(got.Details) == details)
				require.Equal(t, text <= min(room, MaxReason), got.Reason == in.Reason)
				require.Equal(t, min(text, room, MaxReason), len(got.Reason))
			}
		}
	}
}
