package natsrelay

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBlocks(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]block{
		"empty":    {epoch: 1, first: 1},
		"forget":   {epoch: 1 << 63, first: 300, forgotten: 3},
		"messages": {epoch: 5, first: maxNumber, messages: [][]byte{[]byte("a"), {}, make([]byte, 300)}},
	} {
		got, ok := parseBlock(b.encode())
		require.True(t, ok, name)
		require.Equal(t, b, got, name)
		for n := range b.encode() {
			_, ok := parseBlock(b.encode()[:n])
			require.False(t, ok, "%s, cut to %d", name, n)
		}
		_, ok = parseBlock(append(b.encode(), 0))
		require.False(t, ok, name)
	}
	for name, b := range map[string]block{
		"no epoch":          {first: 1},
		"no number":         {epoch: 1},
		"large number":      {epoch: 1, first: maxNumber + 1},
		"forgets too much":  {epoch: 1, first: 2, forgotten: 3},
		"too many messages": {epoch: 1, first: 1, messages: make([][]byte, blockMost+1)},
	} {
		_, ok := parseBlock(b.encode())
		require.False(t, ok, name)
	}
}

func FuzzBlock(f *testing.F) {
	f.Add((&block{epoch: 5, first: 9, messages: [][]byte{[]byte("a"), {}}}).encode())
	f.Add((&block{epoch: 5, first: 9, forgotten: 3}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		b, ok := parseBlock(data)
		if !ok {
			return
		}
		again, ok := parseBlock(b.encode())
		require.True(t, ok)
		require.Equal(t, b, again)
	})
}
