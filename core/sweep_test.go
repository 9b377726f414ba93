package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// Where handlers are quick the sweeper looks seldom, and where one is slow often again.
func TestTickFollowsHandlers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.srv.OnBytes("quick", func(context.Context, *Conn, []byte) error { return nil })
		w.srv.OnBytes("slow", func(context.Context, *Conn, []byte) error {
			time.Sleep(10 * quickTick)
			return nil
		})
		w.serve()
		p := w.hello(&wire.Hello{})
		tick := func() time.Duration {
			synctest.Wait()
			w.srv.eng.sweep.mu.Lock()
			defer w.srv.eng.sweep.mu.Unlock()
			return w.srv.eng.sweep.tick
		}
		require.Equal(t, handlerTick, tick())
		for range 100 {
			p.Send(wire.AppendCommand(nil, "quick", nil))
			time.Sleep(handlerTick)
		}
		require.Equal(t, quickTick, tick())
		p.Send(wire.AppendCommand(nil, "slow", nil))
		time.Sleep(3 * quickTick)
		require.Equal(t, handlerTick, tick())
		p.Send(wire.AppendPing(nil, 7)) // and the reading is taken over
		require.Equal(t, wire.KindPong, p.Want().Kind)
		p.Stream.Close() //nolint:errcheck // it is over
	})
}
