package core

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// gatedConn delays the setting of a read deadline in the future until the gate opens.
type gatedConn struct {
	transport.Conn
	gate <-chan struct{}
}

func (c *gatedConn) SetReadDeadline(t time.Time) error {
	if time.Until(t) > 0 {
		<-c.gate
	}
	return c.Conn.SetReadDeadline(t)
}

// Shutdown does not wait for newcomers to say hello, also if a newcomer is given its time at that
// very moment.
func TestShutdownHurriesHandshakes(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Hello: time.Hour}}, func(w *world) {
		t := w.t
		gate := make(chan struct{})
		served := w.serveWrapped(func(stream transport.Conn) transport.Conn { return &gatedConn{stream, gate} })
		p := w.peer()
		synctest.Wait()
		time.AfterFunc(time.Millisecond, func() { close(gate) })
		ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
		defer cancel()
		require.NoError(t, w.srv.Shutdown(ctx))
		require.NoError(t, <-served)
		require.NoError(t, p.Stream.Close())
	})
}

func TestShutdown(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		var clients []*Client
		for i := range 20 {
			cl := w.client(fmt.Sprint("c", i))
			got := 0
			On(cl, "n", func(context.Context, *Conn, int) error { got++; return nil })
			cl.OnState(func(s State, why error) {
				if s == StateDisconnected && (got != 100 || CodeOf(why) != CodeShutdown || !IsRemote(why)) {
					t.Errorf("got %d commands, then %v", got, why)
				}
			})
			clients = append(clients, w.join(cl))
		}
		for i := range 100 {
			require.NoError(t, w.srv.All().Send("n", i))
		}
		require.NoError(t, w.srv.Shutdown(w.ctx))
		for _, cl := range clients {
			<-cl.Done()
		}
		require.Equal(t, 0, w.srv.Len())
		require.Error(t, w.client("late").Connect(w.ctx))
		require.Equal(t, CodeShutdown, CodeOf(w.srv.Serve(w.ctx, w.lis)))
	})
}

// A client that does not answer the goodbye is cut when CloseTimeout is over. It delays no other
// client.
func TestShutdownCuts(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Close: time.Hour}}, func(w *world) {
		w.serve()
		p := w.hello(&wire.Hello{})
		shaking := w.peer()
		cl := w.join(w.client("ada"))
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, w.srv.Shutdown(ctx), context.DeadlineExceeded)
		require.Equal(t, time.Second, time.Since(start), "nothing of ours was left to wait for")
		<-cl.Done()
		require.Equal(t, CodeShutdown.String(), CodeOf(cl.Err()).String())
		p.WantGoodbye(CodeShutdown, "")
		require.Equal(t, wire.KindRefuse, shaking.Want().Kind)
		shaking.WantEnd()
	})
}

// Serve ends with its context. Clients stay.
func TestServeContext(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		ctx, cancel := context.WithCancel(w.ctx)
		served := make(chan error, 1)
		Handle(w.srv, "up", func(ctx context.Context, _ *Conn, _ struct{}) (bool, error) { return ctx.Err() == nil, nil })
		go func() { served <- w.srv.Serve(ctx, w.lis) }()
		cl := w.join(w.client("ada"))
		cancel()
		require.ErrorIs(t, <-served, context.Canceled)
		up, err := Call[bool](w.ctx, cl, "up", nil)
		require.NoError(t, err)
		require.True(t, up)
		require.Error(t, w.client("bob").Connect(w.ctx))
		require.NoError(t, cl.Close())
	})
}
