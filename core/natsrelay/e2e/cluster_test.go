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
	require.Len(t, where, 3, "a client that had to try again may have come to the node of another: %v", where)
	require.Zero(t, c.end().AllLost())
}
