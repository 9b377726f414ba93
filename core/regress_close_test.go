package core

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// gatedConn delays setting a read deadline that leaves time, until the gate opens.
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

// Shutdown does not wait for newcomers to say hello, also for one who is given time to do
// so at that very moment.
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
		require.NoError(t, p.stream.Close())
	})
}

// Close makes a Connect under way fail, whatever it waits for, and leaves nothing behind; the
// client can connect anew.
func TestCloseDuringConnect(t *testing.T) {
	tests := map[string]bool{"not accepted": false, "not welcomed": true}
	for name, accepted := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				t := w.t
				cl := w.client("ada")
				var states kept[State]
				cl.OnState(func(s State, _ error) { states.add(s) })
				ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
				defer cancel()
				result := make(chan error, 1)
				go func() { result <- cl.Connect(ctx) }()
				if accepted {
					stream, err := w.lis.Accept()
					require.NoError(t, err)
					defer stream.Close() //nolint:errcheck // the client has closed it
				}
				synctest.Wait()
				require.NoError(t, cl.Close())
				err := <-result
				require.Equal(t, CodeClosed.String(), CodeOf(err).String())
				require.False(t, IsRemote(err))

				w.serve()
				synctest.Wait()
				require.Zero(t, w.srv.Len())
				require.Empty(t, states.all())
				w.join(cl)
				require.Equal(t, 1, w.srv.Len())
				require.NoError(t, cl.Close())
			})
		})
	}
}

// A client that connects anew while a handler of its last connection still runs tells its
// program of that one's end before it tells of the new beginning.
func TestStatesInOrderOnReconnect(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		w.serve()
		cl := w.client("ada")
		var states kept[State]
		cl.OnState(func(s State, _ error) { states.add(s) })
		On(cl, "slow", func(context.Context, *Conn, struct{}) error { time.Sleep(time.Second); return nil })
		w.join(cl)
		require.NoError(t, first(w).Send("slow", nil))
		time.Sleep(50 * time.Millisecond)
		require.NoError(t, cl.Close())
		require.NoError(t, cl.Connect(w.ctx))
		time.Sleep(5 * time.Second)
		require.Equal(t, []State{StateConnected, StateDisconnected, StateConnected}, states.all())
		require.NoError(t, cl.Close())
	})
}

// With UniqueNames a name is taken until the leave handler of its last holder has run and
// others have been told; then who comes next is announced.
func TestUniqueNameChangesHandsInOrder(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{UniqueNames: true, Notices: TellNames}}, func(w *world) {
		t := w.t
		release := make(chan struct{})
		var events, notices kept[string]
		w.srv.OnJoin(func(c *Conn) { events.add("+" + c.Name()) })
		w.srv.OnLeave(func(c *Conn, _ error) { events.add("-" + c.Name()) })
		w.srv.OnBytes("slow", func(context.Context, *Conn, []byte) error { <-release; return nil })
		w.serve()
		watch := w.client("watch")
		watch.OnClientConnect(func(p Presence) { notices.add("+" + p.Name) })
		watch.OnClientDisconnect(func(p Presence) { notices.add("-" + p.Name) })
		w.join(watch)
		last := w.join(w.client("ada"))
		require.NoError(t, last.SendBytes("slow", nil))
		time.Sleep(50 * time.Millisecond)
		require.NoError(t, last.Close())

		next := w.client("ada")
		err := next.Connect(w.ctx)
		require.Equal(t, CodeNameTaken.String(), CodeOf(err).String())
		_, err = w.srv.Client("ada")
		require.Equal(t, CodeUnknownClient.String(), CodeOf(err).String(), "who has left is not found")
		close(release)
		synctest.Wait()
		w.join(next)
		require.Equal(t, []string{"+watch", "+ada", "-ada", "+ada"}, events.all())
		require.Equal(t, []string{"+ada", "-ada", "+ada"}, notices.all())
		require.NoError(t, next.Close())
		require.NoError(t, watch.Close())
	})
}

// A join handler may end the connection; what was sent before still arrives, and nothing that
// is done with the connection afterwards waits.
func TestHooksMayUseEndedConn(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		var before kept[error]
		var after kept[string]
		ended := func(err error) { after.add(CodeOf(err).String()) }
		w.srv.OnJoin(func(c *Conn) {
			before.add(c.Join(w.ctx, "group"))
			before.add(c.Send("a", "a"))
			c.Close()
			ended(c.Send("b", "b"))
		})
		w.srv.OnLeave(func(c *Conn, _ error) {
			c.Close()
			ended(c.Join(w.ctx, "another"))
			_, err := c.CallBytes(context.Background(), "x", nil)
			ended(err)
			_, err = c.RecvRaw(context.Background())
			ended(err)
		})
		w.serve()
		cl := w.client("ada")
		var got kept[string]
		cl.OnAny(func(_ context.Context, _ *Conn, f Frame) error { got.add(f.Command); return nil })
		cl.OnState(func(s State, _ error) {
			if s == StateDisconnected {
				before.add(cl.Close())
			}
		})
		require.NoError(t, cl.Connect(w.ctx))
		<-cl.Done()
		synctest.Wait()
		require.Equal(t, []string{"a"}, got.all())
		closed := CodeClosed.String()
		require.Equal(t, []string{closed, closed, closed, closed}, after.all())
		require.Len(t, before.all(), 3)
		for _, err := range before.all() {
			require.NoError(t, err)
		}
	})
}

// Close in the state handler that tells of the connection's beginning does not wait out the
// time that closing may take.
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
				failed.add(cl.Close())
				took.add(time.Since(start))
			}
		})
		require.NoError(t, cl.Connect(w.ctx))
		<-cl.Done()
		require.Equal(t, []error{nil}, failed.all())
		require.Less(t, took.all()[0], 100*time.Millisecond, "of two seconds")
	})
}

// A client may connect anew in the state handler that tells of the end.
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
