package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClientsComeToOneNodeAfterTheOther(t *testing.T) {
	c := StartCluster(t, 3, shortLease, shortBeat)
	c.begin()
	where := make(map[string]int)
	for _, w := range c.witnesses {
		where[w.where()]++
	}
	require.Equal(t, map[string]int{"n0": 2, "n1": 2, "n2": 2}, where)
	require.Zero(t, c.end().AllLost())
}
