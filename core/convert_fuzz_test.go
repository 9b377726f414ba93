package core

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzConvert gives any payload to handlers of basic types. A payload that a type takes converts back
// to a payload with the same meaning. A payload that a type refuses is a bad payload.
func FuzzConvert(f *testing.F) {
	for _, s := range []string{"", "0", "-1", "1_0", "0x1p4", "1e3", "1e999", "NaN", "Inf", "true", "True", "t", " 7\n", "null", "\xff", "\x00", "18446744073709551615"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		thereAndBack[[]byte](t, payload)
		thereAndBack[string](t, payload)
		thereAndBack[bool](t, payload)
		thereAndBack[int](t, payload)
		thereAndBack[int8](t, payload)
		thereAndBack[int16](t, payload)
		thereAndBack[int32](t, payload)
		thereAndBack[int64](t, payload)
		thereAndBack[uint](t, payload)
		thereAndBack[uint8](t, payload)
		thereAndBack[uint16](t, payload)
		thereAndBack[uint32](t, payload)
		thereAndBack[uint64](t, payload)
		thereAndBack[float32](t, payload)
		thereAndBack[float64](t, payload)
		thereAndBack[*int](t, payload)
		thereAndBack[*float64](t, payload)
		thereAndBack[*bool](t, payload)
	})
}

func thereAndBack[T any](t *testing.T, payload []byte) {
	v, err := decoded[T](testCodec{}, payload)
	if err != nil {
		require.Equal(t, CodeBadPayload, CodeOf(err))
		require.Zero(t, v)
		return
	}
	b, err := encode(testCodec{}, v)
	require.NoError(t, err)
	again, err := decoded[T](testCodec{}, b)
	require.NoError(t, err)
	require.Equal(t, v, again)
	if f, ok := any(v).(float64); ok {
		require.False(t, math.IsInf(f, 0) || math.IsNaN(f))
	}
}
