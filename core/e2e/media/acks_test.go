//go:build !js

package media_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/transport/transporttest"
)

// An answer does not wait for an ack that comes after more calls than may wait: nothing is read
// before the answer has been queued.
func TestAnswersDoNotWaitForAcksBehindCalls(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		srv := harness.NewServer(nil)
		srv.HandleBytes("get", func(context.Context, *core.Conn, []byte) ([]byte, error) {
			return make([]byte, 20<<10), nil
		})
		go srv.Serve(t.Context(), n.Listener) //nolint:errcheck // nil after Shutdown
		cl := harness.NewClient(n.Dialer, nil)
		require.NoError(t, cl.Connect(t.Context()))
		ctx, cancel := context.WithTimeout(t.Context(), transporttest.Patience)
		defer cancel()
		const calls = 1000 // fewer than a client may have open
		answers := make(chan error, calls)
		for range calls {
			go func() {
				reply, err := cl.CallBytes(ctx, "get", make([]byte, 700))
				if err == nil && len(reply) != 20<<10 {
					err = fmt.Errorf("%d B", len(reply))
				}
				answers <- err
			}()
		}
		var failed error
		for range calls {
			if err := <-answers; err != nil {
				failed = err
			}
		}
		require.NoError(t, cl.Close())
		down, stop := context.WithTimeout(context.Background(), 5*time.Second)
		defer stop()
		srv.Shutdown(down) //nolint:errcheck // the result is checked below
		require.NoError(t, failed)
	})
}
