package wire

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// The standard library writes the same numbers. The package does not import it for the reflection
// that it brings.
func TestUvarintAgreesWithStandardLibrary(t *testing.T) {
	values := []uint64{0, math.MaxUint64}
	for shift := range 64 {
		values = append(values, 1<<shift-1, 1<<shift, 1<<shift+1)
	}
	for _, v := range values {
		want := binary.AppendUvarint(nil, v)
		require.Equal(t, want, appendUvarint(nil, v))
		require.Equal(t, len(want), uvarintSize(v))
		got, n := uvarint(append(want, 0xff))
		require.Equal(t, v, got)
		require.Equal(t, len(want), n)
		for i := range want {
			_, n := uvarint(want[:i])
			require.Equal(t, uvarintShort, n)
		}
	}
}

func TestUvarintFaults(t *testing.T) {
	tests := map[string]struct {
		in   []byte
		want int
	}{
		"nothing":            {nil, uvarintShort},
		"zero in two bytes":  {[]byte{0x80, 0x00}, uvarintPadded},
		"one in three bytes": {[]byte{0x81, 0x80, 0x00}, uvarintPadded},
		"padded to the end":  {[]byte{0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, uvarintPadded},
		"bit 65":             {[]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02}, uvarintOverflow},
		"tenth byte goes on": {[]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x81}, uvarintOverflow},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			v, n := uvarint(tc.in)
			require.Zero(t, v)
			require.Equal(t, tc.want, n)
		})
	}
}
