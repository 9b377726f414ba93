package ws

import (
	"errors"
	"io"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEndOfStream(t *testing.T) {
	tests := map[string]struct {
		code int
		want error
	}{
		"normal":     {1000, io.EOF},
		"going away": {1001, io.EOF},
		"no code":    {1005, io.ErrUnexpectedEOF},
		"no frame":   {1006, io.ErrUnexpectedEOF},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := endOfStream(&CloseError{Code: tc.code})
			require.ErrorIs(t, err, tc.want)
			require.Equal(t, tc.want == io.EOF, err == io.EOF, "a loop may compare")
			require.Equal(t, tc.want == io.EOF, errors.Is(err, io.EOF))
		})
	}
}

func TestErrorTexts(t *testing.T) {
	tests := map[string]error{
		`ws: closed by the peer with code 4000`:             &CloseError{4000, ""},
		`ws: closed by the peer with code 1011: "a\r\n\"b"`: &CloseError{1011, "a\r\n\"b"},
		`ws: dial "http://x": no`:                           &URLError{"http://x", "no"},
		`ws: write: unexpected EOF`:                         &timeoutError{opError{"write", io.ErrUnexpectedEOF}},
	}
	for want, err := range tests {
		require.EqualError(t, err, want)
	}
}

// An error shows text from a peer without characters that a log or a terminal could
// interpret.
func TestErrorTextsAreHarmless(t *testing.T) {
	err := &CloseError{1011, "\x00\x1b[31m\x7f\u0085\u2028\u202e\xff end"}
	for _, r := range err.Error() {
		require.True(t, strconv.IsPrint(r) && r != 0xfffd, "%q", r)
	}
	require.Contains(t, err.Error(), " end")
}
