package ws

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
)

// A deadline that passes during Dial is reported as context.DeadlineExceeded, whether the
// socket or the context notices it first.
func TestDialDeadlineBeforeConnection(t *testing.T) {
	addr := transporttest.Full(t)
	for range 50 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		_, err := Dialer("ws://"+addr, nil).Dial(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}
