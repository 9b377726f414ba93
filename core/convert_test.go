package core

import (
	"math"
	"math/big"
	"net/url"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/convert"
)

func TestEncode(t *testing.T) {
	at := time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		in   any
		want string
	}{
		"nil":        {nil, ""},
		"nothing":    {struct{}{}, ""},
		"bytes":      {[]byte{0, 255}, "\x00\xff"},
		"string":     {"héllo", "héllo"},
		"bool":       {true, "true"},
		"int":        {-42, "-42"},
		"int64":      {int64(math.MinInt64), "-9223372036854775808"},
		"uint64":     {uint64(math.MaxUint64), "18446744073709551615"},
		"uint8":      {uint8(200), "200"},
		"float32":    {float32(0.1), "0.1"},
		"float64":    {0.1, "0.1"},
		"text first": {at, "2026-11-22T20:00:00Z"},
		"big":        {big.NewInt(7), "7"},
		"binary":     {&url.URL{Scheme: "http", Host: "x"}, "http://x"},
		"named int":  {time.Second, "1000000000"},
		"struct":     {line{"a", "b"}, `{"From":"a","Text":"b"}`},
		"slice":      {[]string{"a"}, `["a"]`},
		"map":        {map[string]int{"a": 1}, `{"a":1}`},
	}
	for name, tc := range tests {
		got, err := encode(testCodec{}, tc.in)
		require.NoError(t, err, name)
		require.Equal(t, tc.want, string(got), name)
	}
	_, err := encode(testCodec{}, make(chan int))
	require.Equal(t, CodeBadPayload, CodeOf(err))
}

func roundTrip[T any](t *testing.T, values ...T) {
	t.Helper()
	for _, v := range values {
		b, err := encode(testCodec{}, v)
		require.NoError(t, err)
		got, err := decoded[T](testCodec{}, b)
		require.NoError(t, err)
		require.Equal(t, v, got)
	}
}

func TestConvertRoundTrip(t *testing.T) {
	roundTrip(t, []byte{}, []byte{1, 2})
	roundTrip(t, "", "x", "héllo \u2028")
	roundTrip(t, true, false)
	roundTrip(t, 0, 1, -1, math.MaxInt, math.MinInt)
	roundTrip[int8](t, -128, 127)
	roundTrip[int16](t, -32768)
	roundTrip[int32](t, math.MinInt32)
	roundTrip[int64](t, math.MinInt64)
	roundTrip[uint](t, math.MaxUint)
	roundTrip[uint8](t, 255)
	roundTrip[uint16](t, 65535)
	roundTrip[uint32](t, math.MaxUint32)
	roundTrip[uint64](t, math.MaxUint64)
	roundTrip[float32](t, 1.5, math.MaxFloat32)
	roundTrip(t, 1.5, math.MaxFloat64, math.SmallestNonzeroFloat64)
	roundTrip(t, struct{}{})
	roundTrip(t, time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC))
	roundTrip(t, line{"a", "b"})
	roundTrip(t, []line{{"a", "b"}, {}})
	roundTrip(t, time.Hour)
}

// fails wants that payload is not a T.
func fails[T any](t *testing.T, payload, want string) {
	t.Helper()
	v, err := decoded[T](testCodec{}, []byte(payload))
	require.Equal(t, CodeBadPayload, CodeOf(err), "%q", payload)
	require.ErrorContains(t, err, want)
	require.Zero(t, v)
}

func TestDecodeErrors(t *testing.T) {
	fails[int](t, "", `payload "" is not of type int`)
	fails[int](t, "1.5", `payload "1.5" is not of type int`)
	fails[int8](t, "128", "int8")
	fails[uint](t, "-1", "uint")
	fails[bool](t, "maybe", "bool")
	fails[float64](t, "1e999", "float64")
	fails[string](t, "\xff", "UTF-8")
	fails[line](t, "{", "does not convert")
	fails[time.Time](t, "yesterday", "does not convert")
	fails[int](t, string(make([]byte, 1000)), "…")
	n, err := decoded[int](testCodec{}, []byte(" 42\n"))
	require.NoError(t, err, "as the original's int does")
	require.Equal(t, 42, n)
}

// The default codec is JSON. In a browser build it says what is missing.
func TestDefaultCodec(t *testing.T) {
	b, err := encode(convert.Default{}, line{"a", "b"})
	if runtime.GOOS == "js" {
		require.ErrorIs(t, err, CodeUnsupported)
		_, err = decoded[line](convert.Default{}, nil)
		require.ErrorIs(t, err, CodeUnsupported)
		return
	}
	require.NoError(t, err)
	require.Equal(t, `{"From":"a","Text":"b"}`, string(b))
}
