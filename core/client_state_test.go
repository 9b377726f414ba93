package core

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A client that connects anew while a handler of its last connection still runs tells its program
// of the end of that connection before it tells of the new beginning.
func TestStatesInOrderOnReconnect(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		w.serve()
		cl := w.client("ada")
		var states kept[State]
		cl.OnState(func(s State, _ error) { states.Add(s) })
		On(cl, "slow", func(context.Context, *Conn, struct{}) error { time.Sleep(time.Second); return nil })
		w.join(cl)
		require.NoError(t, first(w).Send("slow", nil))
		time.Sleep(50 * time.Millisecond)
		require.NoError(t, cl.Close())
		require.NoError(t, cl.Connect(w.ctx))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Equal(t, []State{StateConnected, StateDisconnected, StateConnected}, states.All())
		require.NoError(t, cl.Close())
	})
}

// Close in the state handler that is told of the connection's beginning does not wait for
// CloseTimeout.
func TestCloseInStateHook(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		w.serve()
		cl := w.client("ada")
		var took kept[time.Duration]
		var failed kept[error]
		cl.OnState(func(s State, _ error) {
			if s == StateConnected {
				start := time.Now()
				failed.Add(cl.Close())
				took.Add(time.Since(start))
			}
		})
		require.NoError(t, cl.Connect(w.ctx))
		<-cl.Done()
		require.Equal(t, []error{nil}, failed.All())
		require.Less(t, took.All()[0], 100*time.Millisecond, "of two seconds")
	})
}

// A client may connect anew in the state handler that is told of the end.
func TestReconnectInStateHook(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		w.serve()
		cl := w.client("ada")
		const times = 3
		var count atomic.Int32
		results := make(chan error, times)
		cl.OnState(func(s State, _ error) {
			if s == StateDisconnected && count.Add(1) <= times {
				ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
				defer cancel()
				results <- cl.Connect(ctx)
			}
		})
		w.join(cl)
		for range times {
			first(w).Close()
			require.NoError(t, <-results)
			synctest.Wait()
			require.NoError(t, cl.Err())
		}
		require.NoError(t, cl.Close())
	})
}
