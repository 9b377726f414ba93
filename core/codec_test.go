package core

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// The default codec is JSON, except in a browser build, which says what it lacks.
func TestDefaultCodec(t *testing.T) {
	b, err := encode(defaultCodec, line{"a", "b"})
	if runtime.GOOS == "js" {
		require.ErrorIs(t, err, CodeUnsupported)
		_, err = decoded[line](defaultCodec, nil)
		require.ErrorIs(t, err, CodeUnsupported)
		return
	}
	require.NoError(t, err)
	require.Equal(t, `{"From":"a","Text":"b"}`, string(b))
}
