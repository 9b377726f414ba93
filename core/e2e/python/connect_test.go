//go:build !js

package python_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/transport"
)

// A client of a Python server waits for the network, but not for an answer.
func TestConnectIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := harness.NewClient(lostDialer{}, &core.ClientOptions{Classic: &core.Classic{}})
		start := time.Now()
		err := cl.Connect(context.Background())
		require.Equal(t, 15*time.Second, time.Since(start))
		require.ErrorIs(t, err, core.CodeDeadlineExceeded)
	})
}

// A lostDialer reaches a network from which nothing comes back.
type lostDialer struct{}

func (lostDialer) Dial(ctx context.Context) (transport.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}
