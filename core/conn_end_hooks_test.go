package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A unique name stays taken until the leave handler of its last holder has run and the other
// clients have been told. Its next holder is announced after that.
func TestUniqueNameChangesHandsInOrder(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{UniqueNames: true, Notices: TellNames}}, func(w *world) {
		t := w.t
		release := make(chan struct{})
		var events, notices kept[string]
		w.srv.OnJoin(func(c *Conn) { events.Add("+" + c.Name()) })
		w.srv.OnLeave(func(c *Conn, _ error) { events.Add("-" + c.Name()) })
		w.srv.OnBytes("slow", func(context.Context, *Conn, []byte) error { <-release; return nil })
		w.serve()
		watch := w.client("watch")
		watch.OnClientConnect(func(p Presence) { notices.Add("+" + p.Name) })
		watch.OnClientDisconnect(func(p Presence) { notices.Add("-" + p.Name) })
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
		require.Equal(t, []string{"+watch", "+ada", "-ada", "+ada"}, events.All())
		require.Equal(t, []string{"+ada", "-ada", "+ada"}, notices.All())
		require.NoError(t, next.Close())
		require.NoError(t, watch.Close())
	})
}

// A join handler may end the connection. Messages that it sent before still arrive, and no later
// operation on the connection waits.
func TestHooksMayUseEndedConn(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		var before kept[error]
		var after kept[string]
		ended := func(err error) { after.Add(CodeOf(err).String()) }
		w.srv.OnJoin(func(c *Conn) {
			before.Add(c.Join(w.ctx, "group"))
			before.Add(c.Send("a", "a"))
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
		cl.OnAny(func(_ context.Context, _ *Conn, f Frame) error { got.Add(f.Command); return nil })
		cl.OnState(func(s State, _ error) {
			if s == StateDisconnected {
				before.Add(cl.Close())
			}
		})
		require.NoError(t, cl.Connect(w.ctx))
		<-cl.Done()
		synctest.Wait()
		require.Equal(t, []string{"a"}, got.All())
		closed := CodeClosed.String()
		require.Equal(t, []string{closed, closed, closed, closed}, after.All())
		require.Len(t, before.All(), 3)
		for _, err := range before.All() {
			require.NoError(t, err)
		}
	})
}
