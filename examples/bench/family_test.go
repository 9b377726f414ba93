package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseProcess(t *testing.T) {
	p, err := parseProcess("42 (a (strange) name) S 7 42 42 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 1 0 99")
	require.NoError(t, err)
	require.Equal(t, processTime{parent: 7, used: 1240 * time.Millisecond}, p)
	for _, stat := range []string{"", "42", "42 (a) S 7", "42 (a) S x 42 42 0 -1 4194560 1 2 3 4 100 20 3 1 20 0"} {
		_, err := parseProcess(stat)
		require.ErrorIs(t, err, errStat, stat)
	}
}

func TestFamily(t *testing.T) {
	all := processTimes{1: {0, 100}, 2: {1, 10}, 3: {2, 1}, 4: {2, 2}, 5: {1, 1000}}
	require.EqualValues(t, 13, all.family(2))
	require.EqualValues(t, 1113, all.family(1))
	require.EqualValues(t, 0, all.family(6))
}
