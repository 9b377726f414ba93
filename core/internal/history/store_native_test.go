//go:build !js

package history

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/budget"
)

// A store takes at most half of a budget.
func TestStoreKeepsToTheBudget(t *testing.T) {
	of := budget.New(20_000)
	s := NewStore(Rules{Messages: 100, Bytes: 1 << 20, Groups: 100}, of, 7)
	for i := range 50 {
		s.say(fmt.Sprint(i), string(make([]byte, 1000)))
		require.LessOrEqual(t, s.Held(), 10_000)
	}
	_, keeping := s.Counts()
	require.Equal(t, 9, keeping)
	require.Len(t, s.kept(t, "49"), 1)
}
