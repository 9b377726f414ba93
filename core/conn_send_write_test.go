//go:build !js

package core

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// Clients that do not read do not delay the clients beside them in a broadcast, although each holds
// up one writer.
func TestWritersHeldUp(t *testing.T) {
	const clients, messages = 24, 5
	inWorld(t, nil, func(w *world) {
		w.serve()
		var got kept[string]
		var stalled []*coretest.Peer
		for i := range clients {
			if i%3 == 0 {
				stalled = append(stalled, w.hello(&wire.Hello{Name: fmt.Sprint(i)}))
				continue
			}
			cl := w.client(fmt.Sprint(i))
			cl.OnBytes("part", func(_ context.Context, _ *Conn, payload []byte) error {
				got.Add(fmt.Sprintf("%d of %d", payload[0], len(payload)))
				return nil
			})
			w.join(cl)
		}
		synctest.Wait()
		begin := time.Now()
		for i := range messages {
			part := make([]byte, 100<<10) // more than a stream holds
			part[0] = byte(i)
			require.NoError(t, w.srv.All().SendBytes("part", part))
			synctest.Wait()
			require.Len(t, got.All(), (i+1)*(clients-len(stalled)))
			require.Equal(t, fmt.Sprintf("%d of %d", i, len(part)), got.All()[len(got.All())-1])
		}
		require.Zero(t, time.Since(begin), "nobody waited for time to pass")
		for _, p := range stalled {
			p.Stream.Close() //nolint:errcheck // it is over
		}
		synctest.Wait()
	})
}

// A leave handler may run on a writer and end its goroutine. The other clients get their messages.
func TestWriterEndsInLeave(t *testing.T) {
	const clients = 6
	inWorld(t, nil, func(w *world) {
		w.srv.OnLeave(func(c *Conn, _ error) {
			if c.Name() == "" {
				require.NoError(t, w.srv.All().SendBytes("left", nil))
				runtime.Goexit()
			}
		})
		w.serve()
		var left kept[struct{}]
		for i := range clients {
			cl := w.client(fmt.Sprint(i))
			cl.OnBytes("part", func(context.Context, *Conn, []byte) error { return nil })
			cl.OnBytes("left", func(context.Context, *Conn, []byte) error {
				left.Add(struct{}{})
				return nil
			})
			w.join(cl)
		}
		const leaving = 4
		for i := range leaving {
			p := w.hello(&wire.Hello{})
			synctest.Wait()
			require.NoError(t, w.srv.All().SendBytes("part", make([]byte, 100<<10)))
			synctest.Wait()
			p.Stream.Close() //nolint:errcheck // it leaves
			synctest.Wait()
			require.Len(t, left.All(), (i+1)*clients)
		}
	})
}

// Calls that many goroutines of a client make at once go out in few writes.
func TestClientGathers(t *testing.T) {
	const calls = 200
	inWorld(t, nil, func(w *world) {
		w.srv.HandleBytes("echo", func(_ context.Context, _ *Conn, payload []byte) ([]byte, error) { return payload, nil })
		w.serve()
		cl := w.client("one")
		w.join(cl)
		synctest.Wait()
		_, before := cl.Conn().out.Writing()
		for range calls {
			go cl.CallBytes(context.Background(), "echo", nil) //nolint:errcheck // the writes are what counts
		}
		synctest.Wait()
		_, after := cl.Conn().out.Writing()
		require.Less(t, after-before, uint64(calls/4))
	})
}
