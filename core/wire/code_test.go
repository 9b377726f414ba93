package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCodeString(t *testing.T) {
	texts := map[string]Code{}
	for c := CodeNone; c <= CodeNotFound; c++ {
		text := c.String()
		require.NotEmpty(t, text, "code %d", uint32(c))
		require.NotContains(t, text, "code ")
		require.NotContains(t, texts, text)
		texts[text] = c
	}
	require.Equal(t, CodeUnknownCommand, texts["unknown command"])
	require.Equal(t, "code 37", (CodeNotFound + 1).String())
	require.Equal(t, "code 1000", CodeApplication.String())
	require.Equal(t, "code 4294967295", Code(1<<32-1).String())
}

// The numbers are part of the format: a change breaks every peer.
func TestCodeNumbers(t *testing.T) {
	require.EqualValues(t, 6, CodeBadName)
	require.EqualValues(t, 7, CodeTooBig)
	require.EqualValues(t, 8, CodeProtocol)
	require.EqualValues(t, 14, CodeSlowConsumer)
	require.EqualValues(t, 16, CodeShutdown)
	require.EqualValues(t, 22, CodeTooManyGroups)
	require.EqualValues(t, 28, CodeConnLost)
	require.EqualValues(t, 29, CodeIdle)
	require.EqualValues(t, 30, CodeReplaced)
	require.EqualValues(t, 31, CodeUnavailable)
	require.EqualValues(t, 32, CodeOverloaded)
	require.EqualValues(t, 33, CodeSessionOver)
	require.EqualValues(t, 34, CodeQueueFull)
}
