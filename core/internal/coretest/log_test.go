package coretest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNotLoggable(t *testing.T) {
	for name, text := range Nasty {
		t.Run(name, func(t *testing.T) { require.NotEmpty(t, NotLoggable(text)) })
	}
	require.NotEmpty(t, NotLoggable("\u202eright to left"))
	require.Empty(t, NotLoggable("Zoë 🚀 日本語"))
	require.NotEmpty(t, NotLoggable(EveryNasty()))
}
