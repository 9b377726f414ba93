package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStreamRoundTrip(t *testing.T) {
	for _, id := range edgeIDs {
		gotID, payload, err := ParseStreamItem(oneFrame(t, AppendStreamItem(nil, id, []byte("item"))).Body)
		require.NoError(t, err)
		require.Equal(t, id, gotID)
		require.Equal(t, "item", string(payload))

		gotID, why, err := ParseStreamEnd(oneFrame(t, AppendStreamEnd(nil, id, Goodbye{})).Body)
		require.NoError(t, err)
		require.Equal(t, id, gotID)
		require.Zero(t, why)

		gotID, payload, err = ParseStreamPart(oneFrame(t, AppendStreamPart(nil, id, []byte("part"))).Body)
		require.NoError(t, err)
		require.Equal(t, id, gotID)
		require.Equal(t, "part", string(payload))

		if id != 0 {
			want := OpenStream{ID: id, Window: MaxStreamCredit, Silent: id&2 == 2, Name: []byte("ticks"), Arg: []byte("1")}
			got, err := ParseStream(oneFrame(t, AppendStream(nil, &want)).Body)
			require.NoError(t, err)
			require.Equal(t, want, got)
		}

		for _, n := range []uint64{1, 127, 128, FirstStreamCredit, MaxStreamCredit} {
			gotID, credit, err := ParseStreamCredit(oneFrame(t, AppendStreamCredit(nil, id, n)).Body)
			require.NoError(t, err)
			require.Equal(t, id, gotID)
			require.Equal(t, n, credit)
		}
	}
}
