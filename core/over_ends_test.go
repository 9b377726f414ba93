//go:build !js

package core_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// A server that shuts down says so to everybody, after what it has already sent to them, and
// calls that are under way end.
func TestShutdownOnMixedMedia(t *testing.T) {
	const members = 20
	ns := openAll(t)
	s := newSceneOn(t, ns, &core.ServerOptions{Timeouts: core.Timeouts{Drain: 100 * time.Millisecond}}, func(s *scene) {
		s.srv.HandleBytes("wait", func(ctx context.Context, _ *core.Conn, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
	})
	cr := newCrowd(s, ns, members)
	called := make(chan error, members)
	for _, cl := range cr.clients {
		go func() {
			_, err := cl.CallBytes(s.ctx, "wait", nil)
			called <- err
		}()
	}
	require.NoError(t, s.srv.All().Send("last", "words"))
	s.check()
	require.NoError(t, s.srv.Shutdown(s.ctx))
	for i, cl := range cr.clients {
		next(t, cl.Done())
		require.Equal(t, core.CodeShutdown.String(), core.CodeOf(cl.Err()).String(), "%v", cl.Err())
		require.True(t, core.IsRemote(cl.Err()))
		require.Equal(t, "last:words", next(t, cr.heard[i]))
		require.Equal(t, core.CodeShutdown, core.CodeOf(cl.Send("late", 1)))
		require.Equal(t, core.CodeShutdown.String(), core.CodeOf(next(t, called)).String())
	}
	next(t, s.good.Done())
	require.Len(t, s.leaves, members+1)
	for range members + 1 {
		require.Equal(t, core.CodeShutdown, core.CodeOf(next(t, s.leaves).why))
	}
	require.Zero(t, s.srv.Len())
	s.wantQuiet()

	for _, n := range ns {
		err := s.client(n, nil).Connect(s.ctx)
		require.Equal(t, core.CodeNotConnected.String(), core.CodeOf(err).String(), "%s: %v", n.name, err)
	}
	l := transport.NewPipeListener()
	require.Equal(t, core.CodeShutdown, core.CodeOf(s.srv.Serve(s.ctx, l)))
	require.NoError(t, s.srv.Shutdown(s.ctx), "again")
}

// Newcomers who have not said hello yet are told of a shutdown too, unless they are still
// busy with TLS, which a deadline ends.
func TestShutdownDuringHello(t *testing.T) {
	over(t, []string{"pipe", "tcp", "ws", "wss"}, func(t *testing.T, n *network) {
		s := newScene(t, n, &core.ServerOptions{Limits: core.Limits{MaxHandshakes: 3}})
		type outcome struct {
			p   *peer
			err error
		}
		heard := make(chan outcome, 4)
		for range 4 {
			p := n.raw(t)
			p.send([]byte("\x00H"))
			go func() { heard <- outcome{p, p.read()} }()
		}
		first := next(t, heard) // that was accepted: it makes room, so all of them have been
		require.Error(t, first.err)
		first.p.wantEnd()
		down := make(chan error, 1)
		go func() { down <- s.srv.Shutdown(s.ctx) }()
		for range 3 {
			of := next(t, heard)
			require.NoError(t, of.err)
			p := of.p
			no, err := wire.ParseRefuse(p.wantKind(wire.KindRefuse).Body)
			require.NoError(t, err)
			require.Equal(t, core.CodeShutdown.String(), no.Code.String())
			p.wantEnd()
		}
		require.NoError(t, next(t, down))
	})
}

// A client that is cut off is lost, and so is a server.
func TestAbruptEnd(t *testing.T) {
	each(t, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		p := s.hello("mallory")
		p.stillThere()
		require.NoError(t, p.stream.Close())
		require.False(t, core.IsRemote(s.wantLeft("mallory", core.CodeConnLost)))
		s.check()
		s.wantQuiet()
	})
	each(t, func(t *testing.T, n *network) {
		ctx, cancel := patient()
		defer cancel()
		server := n.accept(t, func(stream transport.Conn) error {
			if _, err := stream.Write(welcome()); err != nil {
				return err
			}
			_, err := stream.Read(make([]byte, 100))
			return err // and the stream is closed
		})
		cl, w := n.connect(t, nil)
		require.NoError(t, cl.Connect(ctx))
		_, err := cl.CallBytes(ctx, "wait", nil)
		require.Equal(t, core.CodeConnLost.String(), core.CodeOf(err).String(), "%v", err)
		require.NoError(t, next(t, server))
		w.wantEnd(t, cl, core.CodeConnLost, "")
	})
}

// Both ends that close at the same time are both closed in order or by the other.
func TestCloseFromBothEnds(t *testing.T) {
	each(t, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		for range 20 {
			cl := s.join("ada", n)
			c, err := s.srv.Client("ada")
			require.NoError(t, err)
			closed := make(chan struct{})
			go func() { c.Close(); close(closed) }()
			require.NoError(t, cl.Close())
			next(t, closed)
			next(t, cl.Done())
			next(t, c.Done())
			require.Equal(t, core.CodeClosed.String(), core.CodeOf(cl.Err()).String(), "%v", cl.Err())
			s.wantLeft("ada", core.CodeClosed)
		}
		s.check()
		s.wantQuiet()
	})
}

// A listener that is closed under the server ends its Serve, nobody else comes in, and those
// who are in stay.
func TestListenerCloses(t *testing.T) {
	each(t, func(t *testing.T, n *network) {
		ctx, cancel := patient()
		defer cancel()
		log := &logbook{}
		srv := newTestServer(&core.ServerOptions{Logger: log})
		srv.HandleBytes("echo", echo)
		served := make(chan error, 1)
		go func() { served <- srv.Serve(ctx, n.listener) }()
		cl := newTestClient(n.dialer, &core.ClientOptions{Retry: core.Retry{Off: true}})
		require.NoError(t, cl.Connect(ctx))
		require.NoError(t, n.listener.Close())
		err := next(t, served)
		require.ErrorIs(t, err, transport.ErrClosed)
		requireLoggable(t, err.Error())

		late := newTestClient(n.dialer, &core.ClientOptions{Retry: core.Retry{Off: true}})
		err = late.Connect(ctx)
		require.Equal(t, core.CodeNotConnected.String(), core.CodeOf(err).String(), "%v", err)
		if n.overWebSocket() {
			var answer *ws.HandshakeError
			require.ErrorAs(t, err, &answer)
			require.Equal(t, 503, answer.Status)
		}
		got, err := core.Call[string](ctx, cl, "echo", "still in")
		require.NoError(t, err)
		require.Equal(t, "still in", got)

		require.NoError(t, srv.Shutdown(ctx))
		next(t, cl.Done())
		require.Equal(t, core.CodeShutdown, core.CodeOf(cl.Err()))
		log.requireClean(t)
	})
}

// A context that ends stops one listener and not the server.
func TestServeEndsWithContext(t *testing.T) {
	ns := openAll(t)
	s := newSceneOn(t, ns[:1], nil)
	for _, n := range ns[1:] {
		ctx, cancel := context.WithCancel(s.ctx)
		served := make(chan error, 1)
		go func() { served <- s.srv.Serve(ctx, n.listener) }()
		cl := s.join("ada", n)
		cancel()
		require.ErrorIs(t, next(t, served), context.Canceled)
		_, err := core.Call[string](s.ctx, cl, "echo", "still in")
		require.NoError(t, err)
		require.Error(t, s.client(n, nil).Connect(s.ctx))
		require.NoError(t, cl.Close())
		s.wantLeft("ada", core.CodeClosed)
		s.check()
	}
	s.wantQuiet()
}

// A server that is full says so, and has room again when somebody has gone.
func TestFullServer(t *testing.T) {
	each(t, func(t *testing.T, n *network) {
		s := newScene(t, n, &core.ServerOptions{Limits: core.Limits{MaxConns: 2}}) // the good client is one
		first := s.join("first", n)
		for range 3 {
			err := s.client(n, &core.ClientOptions{Name: "late"}).Connect(s.ctx)
			require.Equal(t, core.CodeTooManyConns.String(), core.CodeOf(err).String(), "%v", err)
			require.True(t, core.IsRemote(err))
			s.wantRefused(core.CodeTooManyConns, "2 connections")
			s.check()
		}
		p := n.raw(t)
		p.send(hello(wire.Hello{}))
		p.wantRefuse(core.CodeTooManyConns, "2 connections")
		s.wantRefused(core.CodeTooManyConns, "2 connections")

		require.NoError(t, first.Close())
		s.wantLeft("first", core.CodeClosed)
		second := s.client(n, &core.ClientOptions{Name: "second"})
		require.Eventually(t, func() bool { // once those who were refused have gone
			return second.Connect(s.ctx) == nil
		}, 5*time.Second, time.Millisecond)
		s.wantJoin("second")
		require.NoError(t, second.Close())
		s.wantLeft("second", core.CodeClosed)
		s.check()
	})
}

// Leaving in order loses nothing that was sent before.
func TestCloseDelivers(t *testing.T) {
	each(t, func(t *testing.T, n *network) {
		const commands = 500
		heard := make(chan int, commands)
		s := newScene(t, n, nil, func(s *scene) {
			core.On(s.srv, "count", func(_ context.Context, _ *core.Conn, i int) error {
				heard <- i
				return nil
			})
		})
		cl := s.join("ada", n)
		for i := range commands {
			require.NoError(t, cl.Send("count", i))
		}
		require.NoError(t, cl.Close())
		why := s.wantLeft("ada", core.CodeClosed)
		require.True(t, core.IsRemote(why))
		require.Len(t, heard, commands)
		require.True(t, errors.Is(cl.Err(), core.CodeClosed))
		s.check()
		s.wantQuiet()
	})
}
