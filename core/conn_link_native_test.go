//go:build !js

package core

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/session"
)

// The servers of these tests keep sessions. A server of a browser build keeps none, since no server
// runs in a page.

// What was sent before a write failed is handled, too, where the connection may be resumed.
func TestMuteWithSessionIsReadToItsEnd(t *testing.T) { readToItsEnd(t, true) }

// A client that comes back does not wait for the end of what it has left.
func TestMuteIsResumed(t *testing.T) {
	inMute(t, nil, func(w *world, l *muting, got *atomic.Int64) {
		cl := newTestClient(w.lis, &ClientOptions{Name: "ada", Codec: testCodec{}, Retry: Retry{Min: time.Millisecond, Max: time.Millisecond}})
		w.clients = append(w.clients, cl)
		var answers kept[int]
		On(cl, "got", func(_ context.Context, _ *Conn, n int) error { answers.add(n); return nil })
		w.join(cl)
		c := w.conn("ada")
		l.mute.Store(true)
		require.NoError(t, cl.Send("n", 1))
		synctest.Wait()
		require.True(t, c.sess.Link().State() == session.Mute)
		l.mute.Store(false)
		cl.Conn().sess.Link().Stream.Close() //nolint:errcheck // it breaks off
		time.Sleep(session.MuteTime / 2)     // it is back before the server would have lost patience
		synctest.Wait()
		require.NoError(t, cl.Send("n", 2))
		synctest.Wait()
		require.Equal(t, []int{1, 2}, answers.all())
		require.EqualValues(t, 2, got.Load())
		require.EqualValues(t, 1, w.srv.Stats().Resumed)
		require.False(t, c.isEnded())
	})
}
