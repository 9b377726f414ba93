package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A fault is one entry of testdata/faults.json. testdata/README.md explains it.
type fault struct {
	Name string   `json:"name"`
	Hex  hexBytes `json:"hex"`
	Code Code     `json:"code"`
}

func goldenFaults(t testing.TB) []fault { return readJSON[fault](t, "testdata/faults.json") }

func TestFaults(t *testing.T) {
	for _, tc := range goldenFaults(t) {
		t.Run(tc.Name, func(t *testing.T) {
			f, size, ok, err := Next(tc.Hex, 0)
			if err == nil {
				require.True(t, ok, "the frame is whole")
				require.Equal(t, len(tc.Hex), size)
				var got vectorFields
				got, err = parseFields(f)
				require.Error(t, err)
				require.Zero(t, got, "a fault comes with nothing else")
			} else {
				require.Zero(t, f)
				require.Zero(t, size)
				require.False(t, ok)
			}
			var e *Error
			require.ErrorAs(t, err, &e)
			require.Equal(t, tc.Code, e.Code, e.Text)
			requireLoggable(t, e.Error())
		})
	}
}

// requireLoggable checks that a text can stand in a log.
func requireLoggable(t testing.TB, text string) {
	t.Helper()
	require.LessOrEqual(t, len(text), 512)
	for _, c := range []byte(text) {
		require.True(t, 0x20 <= c && c < 0x7f, "%q", text)
	}
}
