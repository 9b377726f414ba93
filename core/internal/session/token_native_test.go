//go:build !js

package session

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestToken(t *testing.T) {
	a, b := NewToken(), NewToken()
	require.Len(t, a, TokenSize)
	require.NotEqual(t, a, b)
	require.True(t, SameToken(a, append([]byte(nil), a...)))
	for name, wrong := range map[string][]byte{"another": b, "a part": a[:TokenSize-1], "more": append(a[:TokenSize:TokenSize], 0), "none": nil} {
		require.False(t, SameToken(a, wrong), name)
	}
	require.NotEqual(t, RandomNumber(), RandomNumber())
}
