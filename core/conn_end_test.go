package core

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Close sends the queued frames, and then a goodbye.
func TestCloseDrains(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got kept[int]
		var why error
		On(w.srv, "n", func(_ context.Context, _ *Conn, n int) error { got.Add(n); return nil })
		w.srv.OnLeave(func(_ *Conn, err error) { why = err })
		w.serve()
		cl := w.join(w.client("ada"))
		for i := range 1000 {
			require.NoError(t, cl.Send("n", i))
		}
		require.NoError(t, cl.Close())
		require.NoError(t, cl.Close(), "again")
		synctest.Wait()
		require.Len(t, got.All(), 1000)
		require.Equal(t, CodeClosed.String(), CodeOf(why).String())
		require.True(t, IsRemote(why))
		require.Equal(t, CodeClosed.String(), CodeOf(cl.Err()).String())
		require.False(t, IsRemote(cl.Err()))
		require.Equal(t, CodeClosed.String(), CodeOf(cl.Send("n", 1)).String())
	})
}

// The leave handler of a client runs once, after the client's other handlers, in whichever way the
// client goes. The client is in no group and has no name by then.
func TestLeaveOnce(t *testing.T) {
	tests := map[string]struct {
		end  func(w *world, cl *Client)
		code Code
	}{
		"client closes":  {end: func(_ *world, cl *Client) { cl.Close() }, code: CodeClosed},
		"server closes":  {end: func(w *world, _ *Client) { first(w).Close() }, code: CodeClosed},
		"with a reason":  {end: func(w *world, _ *Client) { first(w).CloseWith(NewError(1500, "bye")) }, code: 1500},
		"stream breaks":  {end: func(_ *world, cl *Client) { cl.Conn().sess.Link().Stream.Close() }, code: CodeConnLost},
		"everybody ends": {end: func(w *world, cl *Client) { first(w).Close(); cl.Close() }, code: CodeClosed},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				var events kept[string]
				release := make(chan struct{})
				w.srv.OnJoin(func(c *Conn) { events.Add("join " + c.Name()) })
				On(w.srv, "slow", func(ctx context.Context, _ *Conn, _ struct{}) error {
					<-ctx.Done()
					<-release
					events.Add("slow " + CodeOf(context.Cause(ctx)).String())
					return nil
				})
				w.srv.OnLeave(func(c *Conn, err error) {
					events.Add(fmt.Sprintf("leave %s %v %d %v %v", c.Name(), c.Groups(), w.srv.Len(), w.srv.Groups(), CodeOf(err)))
				})
				w.serve()
				cl := w.join(w.client("ada", "g"))
				require.NoError(t, cl.Send("slow", nil))
				synctest.Wait()
				tc.end(w, cl)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				require.Equal(t, []string{"join ada"}, events.All(), "a handler still runs")
				close(release)
				synctest.Wait()
				code := tc.code.String()
				require.Equal(t, []string{"join ada", "slow " + code, "leave ada [g] 0 [] " + code}, events.All())
				<-cl.Done()
				require.Equal(t, code, CodeOf(cl.Err()).String())
			})
		})
	}
}

func first(w *world) *Conn {
	for c := range w.srv.Clients() {
		return c
	}
	return nil
}

// Commands that came before the peer's goodbye run, also if they wait in the inbox.
func TestCommandsBeforeGoodbye(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var got kept[int]
		release := make(chan struct{})
		On(w.srv, "n", func(_ context.Context, _ *Conn, n int) error {
			if n == 0 {
				<-release
			}
			got.Add(n)
			return nil
		})
		w.serve()
		cl := w.join(w.client("ada"))
		for i := range 50 {
			require.NoError(t, cl.Send("n", i))
		}
		require.NoError(t, cl.Close())
		synctest.Wait()
		close(release)
		synctest.Wait()
		require.Len(t, got.All(), 50)
	})
}

// A client may close as soon as it has connected, while its reader is about to begin.
func TestCloseAtOnce(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		for range 20 {
			cl := w.client("ada")
			require.NoError(t, cl.Connect(w.ctx))
			require.NoError(t, cl.Close())
		}
		synctest.Wait()
		require.Zero(t, w.srv.Len())
	})
}

func TestCloseFromHandlers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		On(w.srv, "kick me", func(_ context.Context, c *Conn, _ struct{}) error { c.Close(); return nil })
		On(w.srv, "stop", func(_ context.Context, c *Conn, _ struct{}) error { return c.Send("stop", nil) })
		w.serve()
		a := w.join(w.client("ada"))
		require.NoError(t, a.Send("kick me", nil))
		<-a.Done()
		require.True(t, IsRemote(a.Err()))

		b := w.client("bob")
		closed := make(chan struct{})
		On(b, "stop", func(context.Context, *Conn, struct{}) error { defer close(closed); return b.Close() })
		w.join(b)
		require.NoError(t, b.Send("stop", nil))
		<-closed
		<-b.Done()
	})
}
