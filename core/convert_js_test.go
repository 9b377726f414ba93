package core

import (
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/convert"
)

// A browser build converts the types that it can convert without reflection.
func TestConvertInABrowser(t *testing.T) {
	roundTrip(t, nil, at("x"))
	roundTrip(t, nil, at([]byte{1}))
	roundTrip(t, nil, at(true))
	roundTrip(t, nil, at(7))
	roundTrip(t, nil, at(int64(7)))
	roundTrip(t, nil, at(uint64(7)))
	roundTrip(t, nil, at(0.5))
	roundTrip(t, netip.MustParseAddr("::1"))
	roundTrip(t, time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC))
	roundTrip[any](t, nil, 1.5)

	n, err := decoded[*int](convert.Default{}, []byte("null"))
	require.NoError(t, err)
	require.Nil(t, n)
	sum, err := decoded[big.Int](convert.Default{}, []byte("7"))
	require.NoError(t, err)
	require.Equal(t, "7", sum.String())
}

// Types that a browser build cannot convert are left to the codec. A nil pointer is an error, not a
// panic.
func TestConvertNotInABrowser(t *testing.T) {
	type nickname string
	for _, v := range []any{nickname("ada"), at(int8(7)), *big.NewInt(7), line{}} {
		_, err := encode(convert.Default{}, v)
		require.ErrorIs(t, err, CodeUnsupported)
	}
	_, err := encode(convert.Default{}, (*netip.Addr)(nil))
	require.ErrorIs(t, err, CodeBadPayload)
	_, err = decoded[nickname](convert.Default{}, []byte("ada"))
	require.ErrorIs(t, err, CodeUnsupported)
	_, err = decoded[*netip.Addr](convert.Default{}, []byte("::1"))
	require.ErrorIs(t, err, CodeUnsupported)
}

func at[T any](v T) *T { return &v }
