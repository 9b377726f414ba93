//go:build !js

package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A client of a Python server waits for no answer, but for the network.
func TestClassicConnectIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := newTestClient(deafDialer{lost: true}, &ClientOptions{Classic: &Classic{}})
		start := time.Now()
		err := cl.Connect(context.Background())
		require.Equal(t, 15*time.Second, time.Since(start))
		require.ErrorIs(t, err, CodeDeadlineExceeded)
	})
}
