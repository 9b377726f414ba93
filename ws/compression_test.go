//go:build !js

package ws

import (
	"math"
	"reflect"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCompressionOptions(t *testing.T) {
	tests := map[string]struct {
		in        Compression
		threshold int64
		limit     int64
	}{
		"defaults":  {Compression{}, 512, 16 << 20},
		"all":       {Compression{Threshold: 1, MaxMessage: 100}, 1, 100},
		"unlimited": {Compression{MaxMessage: -1}, 512, math.MaxInt64},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := tc.in.share()
			require.NoError(t, err)
			require.Equal(t, sharedCompression{threshold: tc.threshold, limit: tc.limit}, *s)
		})
	}
	_, err := NewListener(&Options{Compression: &Compression{Threshold: -5}})
	require.EqualError(t, err, "ws: option Compression.Threshold is -5: it must not be negative")
}

// Options are copied.
func TestCompressionIsCopied(t *testing.T) {
	opts := &Compression{Threshold: 100}
	l := newTestListener(&Options{Compression: opts})
	url, stop := serve(t, l, nil)
	defer stop()
	d := Dialer(url, &DialOptions{Compression: opts})
	opts.Threshold = 200
	a, b := connect(t, l, d)
	defer a.Close()
	defer b.Close()
	require.EqualValues(t, 100, a.(*conn).deflate.threshold)
	require.EqualValues(t, 100, b.(*conn).deflate.threshold)
}

// The figures in the documentation of Compression.
func TestMemoryOfCompression(t *testing.T) {
	taken := func(f func() any) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		kept := f()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(kept)
		return after.TotalAlloc - before.TotalAlloc
	}
	inflaters.New() // it makes tables that all share
	packer, unpacker := taken(deflaters.New), taken(inflaters.New)
	t.Logf("a deflater takes %d B, an inflater %d B", packer, unpacker)
	require.Less(t, packer, uint64(1250<<10))
	require.Greater(t, packer, uint64(1000<<10), "the documentation says more")
	require.Less(t, unpacker, uint64(42<<10))
	require.Greater(t, unpacker, uint64(36<<10), "the documentation says more")
	if strconv.IntSize == 64 {
		require.EqualValues(t, 24, reflect.TypeFor[deflate]().Size())
	}
}
