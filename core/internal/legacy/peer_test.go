package legacy

import (
	"io"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// The meaning of the end of the stream depends on the end that ends it, and on the last frame before.
func TestEnded(t *testing.T) {
	heard := server(V002)
	_, _, ok, err := heard.Next(frames("a"))
	require.NoError(t, err)
	require.True(t, ok)
	tests := map[string]struct {
		p    *Peer
		rest int
		err  error
		want End
	}{
		"a client of 0.0.2":               {client(V002), 0, io.EOF, EndLeft},
		"a client of 0.0.2, by a reset":   {client(V002), 0, syscall.ECONNRESET, EndLeft},
		"a client of 0.0.2, in a frame":   {client(V002), 1, io.EOF, EndUnclear},
		"a client of 0.0.2, otherwise":    {client(V002), 0, io.ErrClosedPipe, EndUnclear},
		"a client of 1.x":                 {client(V1x), 0, io.EOF, EndLeft},
		"a client of 2.x":                 {client(V2x), 0, io.EOF, EndUnclear},
		"a client of 3.0a":                {client(V30a), 0, io.EOF, EndUnclear},
		"a server that has said nothing":  {server(V002), 0, io.EOF, EndUnheard},
		"a server that has said anything": {heard, 0, io.EOF, EndUnclear},
	}
	for name, tc := range tests {
		require.Equal(t, tc.want, tc.p.Ended(tc.rest, tc.err), name)
	}
}
