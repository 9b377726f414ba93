package core

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// A browser build refuses options that it does not have.
func TestOptionsOfABrowserBuild(t *testing.T) {
	for option, opts := range map[string]*ClientOptions{
		"Classic":    {Classic: &Classic{}},
		"Manual":     {Manual: true},
		"Overflow":   {Overflow: OverflowDropOldest},
		"OverflowOf": {OverflowOf: map[string]Overflow{"at": OverflowDropOldest}},
	} {
		_, err := NewClient(nil, opts)
		var fault *OptionError
		require.ErrorAs(t, err, &fault)
		require.Equal(t, OptionError{option, "set", "a browser build does not have it"}, *fault)
	}
	_, err := NewClient(nil, &ClientOptions{OverflowOf: map[string]Overflow{}})
	require.False(t, errors.As(err, new(*OptionError)))
}
