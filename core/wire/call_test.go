package wire

import (
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

var edgeIDs = []uint64{0, 1, 127, 128, 1 << 32, math.MaxInt64, math.MaxUint64}

func TestCallRoundTrip(t *testing.T) {
	for _, id := range edgeIDs {
		gotID, name, payload, err := ParseRequest(oneFrame(t, AppendRequest(nil, id, "sum", []byte("[1]"))).Body)
		require.NoError(t, err)
		require.Equal(t, id, gotID)
		require.Equal(t, "sum", string(name))
		require.Equal(t, "[1]", string(payload))

		gotID, payload, err = ParseReply(oneFrame(t, AppendReply(nil, id, []byte("1"))).Body)
		require.NoError(t, err)
		require.Equal(t, id, gotID)
		require.Equal(t, "1", string(payload))

		gotID, code, message, err := ParseFailure(oneFrame(t, AppendFailure(nil, id, CodeBadPayload, "no")).Body)
		require.NoError(t, err)
		require.Equal(t, id, gotID)
		require.Equal(t, CodeBadPayload, code)
		require.Equal(t, "no", message)

		gotID, err = ParseCancel(oneFrame(t, AppendCancel(nil, id)).Body)
		require.NoError(t, err)
		require.Equal(t, id, gotID)
	}
}

func TestParseRequestAliasesBody(t *testing.T) {
	f := oneFrame(t, AppendRequest(nil, 1, "sum", []byte("[1,2]")))
	_, name, payload, err := ParseRequest(f.Body)
	require.NoError(t, err)
	require.Same(t, &f.Body[2], &name[0])
	require.Same(t, &f.Body[5], &payload[0])

	_ = append(name, "!!!!!"...)
	_ = append(payload, "!!!!!"...)
	require.Equal(t, "\x01\x03sum[1,2]", string(f.Body), "appending to a part must copy it")
}

func TestFailureAlwaysHasACode(t *testing.T) {
	_, code, message, err := ParseFailure(oneFrame(t, AppendFailure(nil, 1, CodeNone, "forgotten")).Body)
	require.NoError(t, err)
	require.Equal(t, CodeInternal, code)
	require.Equal(t, "forgotten", message)
}

// Texts of any kind can be sent and are then accepted.
func TestReason(t *testing.T) {
	long := strings.Repeat("m", MaxReason)
	tests := map[string]struct{ in, want string }{
		"empty":                            {"", ""},
		"as it is":                         {"käse\n", "käse\n"},
		"at the limit":                     {long, long},
		"over the limit":                   {long + "x", long},
		"two bytes across the limit":       {long[1:] + "é", long[1:]},
		"four bytes across the limit":      {long[3:] + "🚀", long[3:]},
		"four bytes up to the limit":       {long[4:] + "🚀x", long[4:] + "🚀"},
		"a byte that is not UTF-8":         {"a\xffb", "a\ufffdb"},
		"half a character":                 {"a\xc3", "a\ufffd"},
		"replaced text grows to the limit": {strings.Repeat("\xff", MaxReason), strings.Repeat("\ufffd", MaxReason/3)},
		"continuation bytes only":          {strings.Repeat("\x80", 2*MaxReason), strings.Repeat("\ufffd", MaxReason/3)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.True(t, utf8.ValidString(tc.want))

			_, _, message, err := ParseFailure(oneFrame(t, AppendFailure(nil, 1, CodeInternal, tc.in)).Body)
			require.NoError(t, err)
			require.Equal(t, tc.want, message)

			_, _, message, err = ParseStreamEnd(oneFrame(t, AppendStreamEnd(nil, 1, CodeNone, tc.in)).Body)
			require.NoError(t, err)
			require.Equal(t, tc.want, message)

			g, err := ParseGoodbye(oneFrame(t, AppendGoodbye(nil, Goodbye{Reason: tc.in})).Body)
			require.NoError(t, err)
			require.Equal(t, tc.want, g.Reason)
		})
	}
}
