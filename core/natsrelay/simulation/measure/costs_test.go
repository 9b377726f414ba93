package measure

import (
	"io"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/natsrelay/simulation/model"
)

func measurer() *Measurer {
	return &Measurer{Command: []string{os.Args[0]}, Effort: 0.01, Rounds: 1, Tries: 1, Log: io.Discard}
}

// Everything is measured, if only a little of it: there is a cost for everything that is not found by a difference.
func TestCosts(t *testing.T) {
	t.Parallel()
	before := model.Costs{Rounds: 3, Terms: map[string]float64{"take": 1, "bucket claim, each": 1}}
	c, err := measurer().Costs(&before)
	require.NoError(t, err)
	require.Equal(t, 1.0, c.Take, "the least counts")
	require.Equal(t, 1e9, c.ClaimRate)
	require.Equal(t, 4, c.Rounds)
	differences := map[string]bool{}
	for _, v := range []*float64{&c.Deliver, &c.Write, &c.Route, &c.Byte, &c.Out, &c.Pass, &c.Socket, &c.RouteSub, &c.ClaimMemory, &c.AloneOut, &c.Gather, &c.GatherHere} {
		for _, f := range c.Facts() {
			differences[f.Name] = differences[f.Name] || f.Value == v
		}
	}
	for _, f := range c.Facts() {
		require.False(t, math.IsNaN(*f.Value) || math.IsInf(*f.Value, 0), f.Name)
		if !differences[f.Name] {
			require.Positive(t, *f.Value, f.Name)
		}
	}
}
