package wire

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestControlRoundTrip(t *testing.T) {
	for _, v := range edgeIDs {
		for _, b := range [][]byte{AppendPing(nil, v), AppendPong(nil, v)} {
			got, err := ParseNonce(oneFrame(t, b).Body)
			require.NoError(t, err)
			require.Equal(t, v, got)
		}
		got, err := ParseAck(oneFrame(t, AppendAck(nil, v)).Body)
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
}

func TestDurations(t *testing.T) {
	const longest = (1<<31 - 1) * time.Millisecond
	tests := map[string]struct{ in, want time.Duration }{
		"zero":                     {0, 0},
		"negative":                 {-time.Second, 0},
		"most negative":            {math.MinInt64, 0},
		"rounded up, never to 0":   {1, time.Millisecond},
		"rounded up":               {1500 * time.Microsecond, 2 * time.Millisecond},
		"whole milliseconds":       {15 * time.Second, 15 * time.Second},
		"longest":                  {longest, longest},
		"over the longest":         {longest + 1, longest},
		"longest that Go can hold": {math.MaxInt64, longest},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g, err := ParseGoodbye(oneFrame(t, AppendGoodbye(nil, Goodbye{RetryAfter: tc.in})).Body)
			require.NoError(t, err)
			require.Equal(t, tc.want, g.RetryAfter)
			w, err := ParseWelcome(oneFrame(t, AppendWelcome(nil, &Welcome{Heartbeat: tc.in})).Body, nil)
			require.NoError(t, err)
			require.Equal(t, tc.want, w.Heartbeat)
		})
	}
}
