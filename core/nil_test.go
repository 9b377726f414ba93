package core

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A nil function is refused when it is registered, not when it is needed.
func TestNilFunctionsAreRefused(t *testing.T) {
	for name, register := range map[string]func(srv *Server, cl *Client){
		"On":        func(srv *Server, _ *Client) { On[string](srv, "x", nil) },
		"On2":       func(srv *Server, _ *Client) { On2[string, int](srv, "x", nil) },
		"On3":       func(srv *Server, _ *Client) { On3[string, int, bool](srv, "x", nil) },
		"Handle":    func(_ *Server, cl *Client) { Handle[string, int](cl, "x", nil) },
		"OnMessage": func(_ *Server, cl *Client) { OnMessage[string](cl, nil) },

		"OnBytes":            func(srv *Server, _ *Client) { srv.OnBytes("x", nil) },
		"HandleBytes":        func(srv *Server, _ *Client) { srv.HandleBytes("x", nil) },
		"OnAny":              func(srv *Server, _ *Client) { srv.OnAny(nil) },
		"HandleAny":          func(srv *Server, _ *Client) { srv.HandleAny(nil) },
		"the catch-all":      func(srv *Server, _ *Client) { srv.OnMessage(nil) },
		"OnError":            func(srv *Server, _ *Client) { srv.OnError(nil) },
		"OnRename":           func(srv *Server, _ *Client) { srv.OnRename(nil) },
		"OnJoinGroup":        func(srv *Server, _ *Client) { srv.OnJoinGroup(nil) },
		"OnLeaveGroup":       func(srv *Server, _ *Client) { srv.OnLeaveGroup(nil) },
		"OnMissed":           func(_ *Server, cl *Client) { cl.OnMissed(nil) },
		"OnUndelivered":      func(_ *Server, cl *Client) { cl.OnUndelivered(nil) },
		"OnJoin":             func(srv *Server, _ *Client) { srv.OnJoin(nil) },
		"OnLeave":            func(srv *Server, _ *Client) { srv.OnLeave(nil) },
		"OnSuspend":          func(srv *Server, _ *Client) { srv.OnSuspend(nil) },
		"OnResume":           func(srv *Server, _ *Client) { srv.OnResume(nil) },
		"OnState":            func(_ *Server, cl *Client) { cl.OnState(nil) },
		"OnClientConnect":    func(_ *Server, cl *Client) { cl.OnClientConnect(nil) },
		"OnClientDisconnect": func(_ *Server, cl *Client) { cl.OnClientDisconnect(nil) },
		"OnClientRename":     func(_ *Server, cl *Client) { cl.OnClientRename(nil) },
		"Use":                func(srv *Server, _ *Client) { srv.Use(nil) },
		"UseSend":            func(_ *Server, cl *Client) { cl.UseSend(nil) },

		"UseSend, what the middleware returned": func(srv *Server, _ *Client) {
			srv.UseSend(func(SendFunc) SendFunc { return nil })
		},
		"Use, what the middleware returned": func(srv *Server, _ *Client) {
			srv.Use(func(Handler) Handler { return nil })
			srv.OnAny(func(context.Context, *Conn, Frame) error { return nil })
			srv.freeze()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			defer func() {
				text, _ := recover().(string)
				require.Contains(t, text, "core: ")
				require.Contains(t, text, "the function is nil")
			}()
			register(w.srv, w.client("ada"))
			t.Error("it was taken")
		})
	}
}

// A nil reason, context or connection is a valid argument and does not panic.
func TestNilArguments(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var none context.Context
		Handle(w.srv, "echo", func(_ context.Context, _ *Conn, in string) (string, error) { return in, nil })
		w.serve()
		cl, err := NewClient(nil, nil)
		require.NoError(t, err)
		require.ErrorContains(t, cl.Connect(none), "no dialer")
		require.ErrorContains(t, w.srv.Serve(none, nil), "no listener")
		ada := w.client("ada")
		require.NoError(t, ada.Connect(none))
		synctest.Wait()
		at := w.conn("ada")

		got, err := Call[string](none, ada, "echo", "x")
		require.NoError(t, err)
		require.Equal(t, "x", got)
		_, err = Call[string](none, nil, "echo", "x")
		require.Equal(t, CodeNotConnected, CodeOf(err))
		_, err = w.srv.User("nobody").CallBytes(none, "echo", nil)
		require.Equal(t, CodeUnknownClient, CodeOf(err))
		require.NoError(t, ada.Join(none, "g"))
		require.NoError(t, at.Leave(none, "g"))
		require.NoError(t, at.Rename(none, "eve"))
		received := make(chan string, 2)
		go func() {
			raw, _ := ada.RecvRaw(none)
			received <- string(raw)
			named, _ := ada.Recv(none, "y")
			received <- string(named)
		}()
		synctest.Wait()
		require.NoError(t, at.SendRaw(nil, Wait(none), Except(nil), Except()))
		synctest.Wait()
		require.NoError(t, w.srv.All().Send("y", nil, Except(nil)))
		require.Empty(t, <-received)
		require.Empty(t, <-received)
		require.Len(t, slices.Collect(w.srv.Filter(nil)), 1)
		require.Equal(t, CodeNotConnected, CodeOf(w.srv.Group("g").Replay(nil, 0)))

		ends := map[string]func(){
			"CloseWith":     func() { w.conn("eve").CloseWith(nil) },
			"DisconnectAll": func() { w.srv.DisconnectAll(nil) },
		}
		at.Close()
		for name, end := range ends {
			cl := w.join(w.client("eve"))
			end()
			synctest.Wait()
			require.Equal(t, CodeClosed, CodeOf(cl.Err()), name)
		}
		w.srv.User("nobody").Disconnect(nil)
	})
}

// Shutdown without a context waits until nothing runs.
func TestNilContextOfShutdown(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.srv.OnLeave(func(*Conn, error) { time.Sleep(time.Minute) })
		w.serve()
		w.join(w.client("ada"))
		var none context.Context
		require.NoError(t, w.srv.Shutdown(none))
	})
}
