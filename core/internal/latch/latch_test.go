package latch

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

func TestLatch(t *testing.T) {
	var l Latch
	early := l.Wait()
	require.False(t, isClosed(early))
	l.Happen()
	require.True(t, isClosed(early))
	require.True(t, isClosed(l.Wait()), "who comes late does not wait")
}

func TestLatchThatNobodyWaitsFor(t *testing.T) {
	var l Latch
	l.Happen()
	require.True(t, isClosed(l.Wait()))
	require.True(t, isClosed(l.Wait()))
}
