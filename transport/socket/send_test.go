//go:build !js

package socket

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// A size that is too large for a system call is refused. Otherwise its lower 32 bits would be used,
// which can be 0.
func TestSizesThatCannotBe(t *testing.T) {
	for _, text := range []string{"-9223372036854775808", "-1", "2147483648", "4294967296", "1099511627776", "9223372036854775807"} {
		n64, err := strconv.ParseInt(text, 10, 64)
		require.NoError(t, err)
		if n := int(n64); int64(n) == n64 { // an int of this system can hold n64
			require.EqualError(t, Send{Buffer: n}.Check(), "SendBuffer: "+text+" B is no size")
			require.EqualError(t, Send{Unsent: n}.Check(), "UnsentBytes: "+text+" B is no size")
		}
	}
	for _, n := range []int{0, 1, 16 << 10, math.MaxInt32} {
		require.NoError(t, Send{Buffer: n}.Check())
		if unsentSupported {
			require.NoError(t, Send{Unsent: n}.Check())
		}
	}
}
