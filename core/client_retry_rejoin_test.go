//go:build !js

package core

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// A client that is told to come back later finds the server that has replaced the first.
func TestRejoinAfterShutdown(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		first, lis := newTestServer(nil), transport.NewPipeListener()
		served := make(chan error, 1)
		go func() { served <- first.Serve(w.ctx, lis) }()
		cl, states := w.returning("ada", Retry{}, "red")
		cl.dialer = inTurn{lis, w.lis}
		w.join(cl)
		conn := cl.Conn()
		require.NoError(t, first.Shutdown(w.ctx))
		require.NoError(t, <-served)
		w.serve()
		for cl.Conn() == conn {
			time.Sleep(time.Second)
		}
		synctest.Wait()
		require.Equal(t, []string{"connected", "disconnected: shutting down", "reconnecting: shutting down", "connected"}, states.All())
		require.Equal(t, 1, w.srv.Group("red").Len())
		require.NoError(t, cl.Send("x", 1))
		require.NoError(t, cl.Close())
		<-cl.Done()
		<-conn.Done()
	})
}

// inTurn dials the first listener as long as it listens, then the second.
type inTurn [2]*transport.PipeListener

func (d inTurn) Dial(ctx context.Context) (transport.Conn, error) {
	c, err := d[0].Dial(ctx)
	if err != nil {
		return d[1].Dial(ctx)
	}
	return c, nil
}

func TestGiveUpComingBack(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		cl, states := w.returning("ada", Retry{For: 5 * time.Second})
		w.join(cl)
		require.NoError(t, w.srv.Shutdown(w.ctx))
		<-cl.Done()
		require.Equal(t, "disconnected", states.All()[1][:12])
		require.Equal(t, StateReconnecting.String(), states.All()[2][:12])
		require.Equal(t, "disconnected: not connected", states.All()[3])
		require.Equal(t, CodeNotConnected, CodeOf(cl.Err()))
		require.Len(t, states.All(), 4)
		require.NoError(t, cl.Close())
	})
}

// A client keeps nothing of its former connections, however often it joins anew.
func TestRejoinKeepsNothing(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Resume: -1}}, func(w *world) {
		type key struct{}
		w.serve()
		cl, states := w.returning("ada", Retry{Min: time.Millisecond, Max: time.Millisecond})
		var depth kept[int]
		cl.OnAny(func(ctx context.Context, c *Conn, _ Frame) error {
			if ctx.Value(key{}) != "value" {
				return NewError(CodeInternal, "the values of Connect's context are gone")
			}
			depth.Add(len(fmt.Sprint(c.Context())))
			return nil
		})
		require.NoError(t, cl.Connect(context.WithValue(w.ctx, key{}, "value")))
		synctest.Wait()
		for range 20 {
			require.NoError(t, w.srv.All().Send("hello", nil))
			synctest.Wait()
			cl.Conn().breakOff()
			time.Sleep(time.Second)
		}
		require.Len(t, depth.All(), 20)
		require.Equal(t, depth.All()[0], depth.All()[19], "no context of one within another")
		require.Len(t, states.All(), 1+3*20)
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}
