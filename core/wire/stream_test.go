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

		for _, n := range edgeIDs {
			gotID, credit, err := ParseStreamCredit(oneFrame(t, AppendStreamCredit(nil, id, n)).Body)
			require.NoError(t, err)
			require.Equal(t, id, gotID)
			require.Equal(t, n, credit)
		}
	}
}
