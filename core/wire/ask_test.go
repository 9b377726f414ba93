package wire

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAskRoundTrip(t *testing.T) {
	for _, k := range []Kind{KindAskJoin, KindAskLeave, KindAskRename} {
		for _, name := range []string{"", "chat", "\xff", strings.Repeat("n", 300)} {
			b := AppendAsk(nil, k, 1<<40, name)
			require.Len(t, b, RequestSize(1<<40, name, 0))
			f := oneFrame(t, b)
			require.Equal(t, k, f.Kind)
			id, got, err := ParseAsk(f.Body)
			require.NoError(t, err)
			require.Equal(t, uint64(1<<40), id)
			require.Equal(t, name, string(got))
		}
	}
}
