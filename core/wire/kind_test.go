package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKindKnown(t *testing.T) {
	known := map[Kind]bool{}
	for _, k := range []Kind{
		0x01, 0x02, 0x03,
		0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b,
		0x20, 0x21, 0x22, 0x23, 0x24,
		0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d,
	} {
		known[k] = true
	}
	for k := range 256 {
		require.Equal(t, known[Kind(k)], Kind(k).Known(), "0x%02x", k)
	}
}

func TestKindCounted(t *testing.T) {
	for k := range 256 {
		want := 0x10 <= k && k <= 0x1f || 0x30 <= k && k <= 0x3d
		require.Equal(t, want, Kind(k).Counted(), "0x%02x", k)
	}
}

func TestKindAnswered(t *testing.T) {
	for k := range 256 {
		want := k == 0x12 || 0x36 <= k && k <= 0x38
		require.Equal(t, want, Kind(k).Answered(), "0x%02x", k)
	}
}

func TestKindString(t *testing.T) {
	names := map[string]Kind{}
	for i := range 256 {
		k := Kind(i)
		name := k.String()
		require.NotContains(t, names, name)
		names[name] = k
		if !k.Known() {
			require.Regexp(t, "^kind 0x[0-9a-f]{2}$", name)
		}
	}
	require.Equal(t, KindStreamCredit, names["stream credit"])
	require.Equal(t, Kind(0x04), names["kind 0x04"])
	require.Equal(t, Kind(0xff), names["kind 0xff"])
}
