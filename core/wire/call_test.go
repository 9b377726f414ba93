package wire

import (
	"math"
	"testing"
	"time"

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

		why := Goodbye{CodeBadPayload, "no", time.Second, []byte("{}")}
		gotID, got, err := ParseFailure(oneFrame(t, AppendFailure(nil, id, why)).Body)
		require.NoError(t, err)
		require.Equal(t, id, gotID)
		require.Equal(t, why, got)

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
	_, why, err := ParseFailure(oneFrame(t, AppendFailure(nil, 1, Goodbye{Reason: "forgotten"})).Body)
	require.NoError(t, err)
	require.Equal(t, Goodbye{Code: CodeInternal, Reason: "forgotten"}, why)
}
