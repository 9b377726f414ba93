package wire

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCommandRoundTrip(t *testing.T) {
	for _, name := range []string{"", "a", "grüß", "\xff\x00", strings.Repeat("n", 127), strings.Repeat("n", 128), strings.Repeat("n", 20000)} {
		for _, payload := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("p"), 130)} {
			f := oneFrame(t, AppendCommand([]byte("z"), name, payload)[1:])
			require.Equal(t, KindCommand, f.Kind)
			gotName, gotPayload, err := ParseCommand(f.Body)
			require.NoError(t, err)
			require.Equal(t, name, string(gotName))
			require.Equal(t, string(payload), string(gotPayload))
		}
	}
}

func TestParseCommandAliasesBody(t *testing.T) {
	f := oneFrame(t, AppendCommand(nil, "say", []byte("hello")))
	name, payload, err := ParseCommand(f.Body)
	require.NoError(t, err)
	require.Same(t, &f.Body[1], &name[0])
	require.Same(t, &f.Body[4], &payload[0])

	_ = append(name, "!!!!!"...)
	_ = append(payload, "!!!!!"...)
	require.Equal(t, "\x03sayhello", string(f.Body), "appending to a part must copy it")
}

// oneFrame splits off a frame that must be all of b.
func oneFrame(t testing.TB, b []byte) Frame {
	t.Helper()
	f, size, ok, err := Next(b, 0)
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, len(b), size)
	return f
}
