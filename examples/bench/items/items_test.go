package items

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

func TestRing(t *testing.T) {
	r := NewRing(20)
	for n := range uint64(2 * ringSize) {
		require.NoError(t, r.Check(n, r.At(n)))
		require.ErrorContains(t, r.Check(n+1, r.At(n)), "another item came")
		bad := bytes.Clone(r.At(n))
		bad[19]++
		require.ErrorContains(t, r.Check(n, bad), "another item came")
		require.ErrorContains(t, r.Check(n, bad[:19]), "has 19 bytes, not 20")
	}
}

func TestSum(t *testing.T) {
	const n = 3*Block + 17
	all, err := io.ReadAll(iotest.OneByteReader(NewReader(n)))
	require.NoError(t, err)
	require.Len(t, all, n)
	require.NoError(t, iotest.TestReader(NewReader(n), all))
	for name, tc := range map[string]struct {
		b  []byte
		ok bool
	}{
		"whole":   {all, true},
		"short":   {all[:n-1], false},
		"changed": {append(append(all[:9:9], all[9]+1), all[10:]...), false},
		"long":    {append(all[:n:n], 0), false},
	} {
		var s Sum
		_, err := s.Write(tc.b)
		require.NoError(t, err)
		require.Equal(t, tc.ok, s.Matches(n) == nil, name)
	}
}
