package outbox

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// Prefetching neither panics nor changes bytes, wherever a block ends.
func TestPrefetch(t *testing.T) {
	for _, n := range []int{256, 257, 1024, 4096, 4097, 16 << 10} {
		for _, free := range []int{0, 1, 2047, 2048, 2048 + n - 1, 2048 + n, 2048 + n + 1} {
			b := bytes.Repeat([]byte{7}, 100+n+free)
			prefetch(b[:100+n], n)
			require.Equal(t, len(b), bytes.Count(b, []byte{7}), "%d bytes, %d free", n, free)
		}
	}
}
