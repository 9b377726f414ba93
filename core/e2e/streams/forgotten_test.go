//go:build !js

package streams_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
)

// A stream of bytes that is garbage at one end ends at both ends, although nobody has closed it.
func TestForgottenByteStream(t *testing.T) {
	n := harness.Open(t, "pipe")
	srv := harness.NewServer(nil)
	ended := make(chan error, 1)
	core.HandleByteStream(srv, "bytes", func(ctx context.Context, _ *core.Conn, _ struct{}, s *core.ByteStream) error {
		_, err := s.Read(make([]byte, 1))
		<-ctx.Done()
		ended <- err
		return err
	})
	go srv.Serve(t.Context(), n.Listener) //nolint:errcheck // nil after Shutdown
	cl := harness.NewClient(n.Dialer, nil)
	require.NoError(t, cl.Connect(t.Context()))
	open := func() {
		_, err := core.OpenByteStream(t.Context(), cl, "bytes", nil)
		require.NoError(t, err)
	}
	open()
	give := time.After(30 * time.Second)
	for {
		runtime.GC()
		select {
		case err := <-ended:
			require.Equal(t, core.CodeCanceled, core.CodeOf(err))
		case <-give:
			require.Fail(t, "the stream is there still")
		case <-time.After(time.Millisecond):
			continue
		}
		break
	}
	require.NoError(t, cl.Close())
	require.NoError(t, srv.Shutdown(context.Background()))
}
