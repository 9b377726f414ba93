package tcp

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
)

// A deadline that passes before there is a connection is reported as any other is, whether the
// socket notices it first or the context.
func TestDialDeadlineBeforeConnection(t *testing.T) {
	addr := transporttest.Full(t)
	for range 50 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		_, err := Dialer(addr, nil).Dial(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}
