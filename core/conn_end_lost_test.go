//go:build !js

package core

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
)

// Close says how many messages may not have arrived if it cannot deliver all. With OnUndelivered the
// program gets the messages instead.
func TestCloseTellsLostMessages(t *testing.T) {
	tests := map[string]struct {
		retry Retry
		asks  bool // the client has OnUndelivered
	}{
		"with a session":    {},
		"without a session": {retry: Retry{Off: true}},
		"undelivered":       {asks: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Limits: Limits{InboxBytes: 1 << 10}}, func(w *world) {
				handled := 0
				stay := make(chan struct{})
				w.srv.OnBytes("n", func(context.Context, *Conn, []byte) error {
					handled++
					if handled == 70 {
						<-stay
					}
					return nil
				})
				w.serve()
				log := &coretest.Log{}
				cl := newTestClient(w.lis, &ClientOptions{Name: "ada", Retry: tc.retry, Logger: log})
				undelivered := 0
				if tc.asks {
					cl.OnUndelivered(func(_ *Conn, frames []Undelivered) { undelivered = len(frames) })
				}
				w.join(cl)
				for range 500 {
					require.NoError(t, cl.SendBytes("n", make([]byte, 700)))
				}
				start := time.Now()
				err := cl.Close()
				require.Equal(t, 2*time.Second, time.Since(start))
				require.ErrorIs(t, err, CodeDeadlineExceeded)
				require.Equal(t, err, cl.Close(), "again")
				e, _ := find[*Error](err)
				var n int
				for i := range 501 {
					if e.Message == "messages that were sent before Close and may not have arrived: "+strconv.Itoa(i) {
						n = i
					}
				}
				close(stay)
				<-cl.Done()
				synctest.Wait()
				require.GreaterOrEqual(t, n, 500-handled, "what the server has not handled")
				require.LessOrEqual(t, n, 500)
				if tc.asks {
					require.Equal(t, n, undelivered)
				}
				require.Contains(t, strings.Join(log.Lines(), "\n"), "a connection was closed before all that was sent had arrived")
			})
		})
	}
}

// A client that is closed while it is suspended reports the messages that it could not send.
func TestCloseOfASuspendedClientTellsLostMessages(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		cl := newTestClient(w.lis, &ClientOptions{Name: "ada", Retry: Retry{Min: time.Hour, Max: time.Hour}})
		w.join(cl)
		w.conn("ada").sess.Link().Stream.Close() //nolint:errcheck // it breaks off
		synctest.Wait()
		for range 3 {
			require.NoError(t, cl.Send("n", 1))
		}
		err := cl.Close()
		require.ErrorIs(t, err, CodeConnLost)
		require.ErrorContains(t, err, ": 3")
	})
}
