package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A welcome with refused groups that were cut to a limit is within the limit, unless it exceeds the
// limit without them.
func TestFitRefused(t *testing.T) {
	own := len(oneFrame(t, AppendWelcome(nil, &Welcome{Name: "ada"})).Body) + 1
	group := RefusedGroup{Name: "staff", Code: CodeUnauthorized, Reason: strings.Repeat("r", 100), RetryAfter: time.Second}
	bare := group
	bare.Reason = ""
	for _, tc := range []struct {
		max  int
		want []RefusedGroup
	}{
		{own + 2*group.size(), []RefusedGroup{group, group}},
		{own + 2*group.size() - 1, []RefusedGroup{bare, bare}},
		{own + 2*bare.size(), []RefusedGroup{bare, bare}},
		{own + 2*bare.size() - 1, []RefusedGroup{bare}},
		{own + bare.size() - 1, nil},
		{own, nil},
		{0, nil},
	} {
		w := &Welcome{Name: "ada", Refused: []RefusedGroup{group, group}}
		w.FitRefused(tc.max)
		require.ElementsMatch(t, tc.want, w.Refused, "%d B", tc.max)
		if length := len(oneFrame(t, AppendWelcome(nil, w)).Body) + 1; tc.max >= own {
			require.LessOrEqual(t, length, tc.max)
		}
	}
}
