//go:build !js

package core

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A client whose attempt hangs, or that waits for its next attempt, comes back as soon as the program says that there
// may be a network again.
func TestRetryNow(t *testing.T) {
	for name, hangs := range map[string]bool{"waits": false, "hangs": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.serve()
				var net network
				cl, states := w.over(&net, ClientOptions{Retry: Retry{First: true, Min: time.Hour, Max: time.Hour}})
				net.fail(hangs)
				connected := make(chan error, 1)
				go func() { connected <- cl.Connect(context.Background()) }()
				time.Sleep(time.Second)
				net.mend()
				synctest.Wait()
				cl.RetryNow()
				synctest.Wait()
				require.NoError(t, <-connected)
				require.Contains(t, states.All(), "connected")

				net.fail(hangs)
				time.Sleep(3 * time.Second) // longer than the wait before the first attempt to resume
				net.mend()
				cl.RetryNow()
				synctest.Wait()
				require.Contains(t, states.All(), "resumed")
			})
		})
	}
}

// A client that has a connection asks its server whether it is still there, and gives the link up if there is no answer.
func TestRetryNowAsks(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		cl, states := w.returning("ada", Retry{})
		w.join(cl)
		cl.RetryNow()
		time.Sleep(2 * probeTime)
		synctest.Wait()
		require.Equal(t, []string{"connected"}, states.All())
	})
	synctest.Test(t, func(t *testing.T) {
		lis := transport.NewPipeListener()
		go func() {
			stream, err := lis.Accept()
			if err != nil {
				return
			}
			p := coretest.Peer{Stream: stream}
			if _, err := p.ReadHello(); err == nil {
				p.Tell(wire.AppendWelcome(nil, &wire.Welcome{Session: make([]byte, 8), Token: []byte("token"), ResumeTime: time.Minute, Heartbeat: time.Hour}))
			}
			io.Copy(io.Discard, stream) //nolint:errcheck // until it is given up
		}()
		cl := newTestClient(lis, nil)
		states := statesOf(cl)
		require.NoError(t, cl.Connect(t.Context()))
		time.Sleep(time.Minute)
		cl.RetryNow()
		cl.RetryNow()
		time.Sleep(probeTime - time.Millisecond)
		synctest.Wait()
		require.Equal(t, []string{"connected"}, states.All())
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, []string{"connected", "reconnecting: heartbeat missed"}, states.All())
		require.NoError(t, cl.Close())
		lis.Close() //nolint:errcheck // it is over
		<-cl.Done()
	})
}
