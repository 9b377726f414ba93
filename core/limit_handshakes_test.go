package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// A thousand who never say hello hold up nobody who has, and not for ever those who come.
func TestHalfOpenHandshakes(t *testing.T) {
	inWorld(t, &ServerOptions{MaxHandshakes: 1000, HelloTimeout: 5 * time.Second}, func(w *world) {
		Handle(w.srv, "up", func(context.Context, *Conn, struct{}) (bool, error) { return true, nil })
		w.serve()
		ada := w.join(w.client("ada"))
		var half []*peer
		for range 1000 {
			p := w.peer()
			p.send([]byte(wire.Preface + "\x20"))
			half = append(half, p)
		}
		synctest.Wait()
		start := time.Now()
		up, err := Call[bool](w.ctx, ada, "up", nil)
		require.NoError(t, err)
		require.True(t, up)
		err = w.client("late").Connect(w.ctx)
		require.Equal(t, CodeTooManyConns.String(), CodeOf(err).String())
		require.Contains(t, err.Error(), "1000 newcomers")
		require.Zero(t, time.Since(start), "both at once")

		for _, p := range half {
			p.stream.Close() //nolint:errcheck // it is over
		}
		synctest.Wait()
		w.join(w.client("bob"))
		require.Zero(t, w.srv.gate.shakes)
	})
}

// Those whose time is up make room, also if they do not hang up.
func TestHandshakesTimeOut(t *testing.T) {
	inWorld(t, &ServerOptions{MaxHandshakes: 2, HelloTimeout: 5 * time.Second}, func(w *world) {
		w.serve()
		a, b := w.peer(), w.peer()
		synctest.Wait()
		require.Error(t, w.client("c").Connect(w.ctx))
		time.Sleep(5*time.Second + refuseTime + time.Millisecond)
		w.join(w.client("c"))
		a.stream.Close() //nolint:errcheck // it is over
		b.stream.Close() //nolint:errcheck // it is over
	})
}

func TestHandshakesWithoutLimit(t *testing.T) {
	inWorld(t, &ServerOptions{MaxHandshakes: -1}, func(w *world) {
		w.serve()
		for range 1500 {
			w.peer()
		}
		synctest.Wait()
		w.join(w.client("ada"))
	})
	require.Equal(t, 1024, (*ServerOptions)(nil).withDefaults().MaxHandshakes)
}
