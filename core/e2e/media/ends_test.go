//go:build !js

package media_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// A server that shuts down says goodbye to every client, after the messages that it has sent
// before. Calls under way end.
func TestShutdownOnMixedMedia(t *testing.T) {
	const members = 20
	ns := harness.OpenAll(t)
	s := harness.NewSceneOn(t, ns, &core.ServerOptions{Timeouts: core.Timeouts{Drain: 100 * time.Millisecond}}, func(s *harness.Scene) {
		s.Server.HandleBytes("wait", func(ctx context.Context, _ *core.Conn, _ []byte) ([]byte, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
	})
	cr := newCrowd(s, ns, members)
	called := make(chan error, members)
	for _, cl := range cr.clients {
		go func() {
			_, err := cl.CallBytes(s.Ctx, "wait", nil)
			called <- err
		}()
	}
	require.NoError(t, s.Server.All().Send("last", "words"))
	s.Check()
	require.NoError(t, s.Server.Shutdown(s.Ctx))
	for i, cl := range cr.clients {
		coretest.Next(t, cl.Done())
		require.Equal(t, core.CodeShutdown.String(), core.CodeOf(cl.Err()).String(), "%v", cl.Err())
		require.True(t, core.IsRemote(cl.Err()))
		require.Equal(t, "last:words", coretest.Next(t, cr.heard[i]))
		require.Equal(t, core.CodeShutdown, core.CodeOf(cl.Send("late", 1)))
		require.Equal(t, core.CodeShutdown.String(), core.CodeOf(coretest.Next(t, called)).String())
	}
	coretest.Next(t, s.Good.Done())
	require.Len(t, s.Leaves, members+1)
	for range members + 1 {
		require.Equal(t, core.CodeShutdown, core.CodeOf(coretest.Next(t, s.Leaves).Why))
	}
	require.Zero(t, s.Server.Len())
	s.WantQuiet()

	for _, n := range ns {
		err := s.Client(n, nil).Connect(s.Ctx)
		require.Equal(t, core.CodeNotConnected.String(), core.CodeOf(err).String(), "%s: %v", n.Name, err)
	}
	l := transport.NewPipeListener()
	require.Equal(t, core.CodeShutdown, core.CodeOf(s.Server.Serve(s.Ctx, l)))
	require.NoError(t, s.Server.Shutdown(s.Ctx), "again")
}

// Newcomers that have not said hello yet are told of a shutdown. A newcomer that is still busy with
// TLS is ended by a deadline.
func TestShutdownDuringHello(t *testing.T) {
	harness.Over(t, []string{"pipe", "tcp", "ws", "wss"}, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, &core.ServerOptions{Limits: core.Limits{MaxHandshakes: 3}})
		type outcome struct {
			p   *coretest.Peer
			err error
		}
		heard := make(chan outcome, 4)
		for range 4 {
			p := n.Raw(t)
			p.Send([]byte("\x00H"))
			go func() { heard <- outcome{p, p.Read()} }()
		}
		first := coretest.Next(t, heard) // the oldest has made room: all have been accepted
		require.Error(t, first.err)
		first.p.WantEnd()
		down := make(chan error, 1)
		go func() { down <- s.Server.Shutdown(s.Ctx) }()
		for range 3 {
			of := coretest.Next(t, heard)
			require.NoError(t, of.err)
			p := of.p
			no, err := wire.ParseRefuse(p.WantKind(wire.KindRefuse).Body)
			require.NoError(t, err)
			require.Equal(t, core.CodeShutdown.String(), no.Code.String())
			p.WantEnd()
		}
		require.NoError(t, coretest.Next(t, down))
	})
}

// A cut connection is lost for the other end, whichever end is cut.
func TestAbruptEnd(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		p := s.Hello("mallory")
		p.StillThere()
		require.NoError(t, p.Stream.Close())
		require.False(t, core.IsRemote(s.WantLeft("mallory", core.CodeConnLost)))
		s.Check()
		s.WantQuiet()
	})
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		ctx, cancel := coretest.Patient()
		defer cancel()
		server := n.Accept(t, func(p *coretest.Peer) error {
			if _, err := p.Stream.Write(coretest.Welcome()); err != nil {
				return err
			}
			return p.Read() // until the stream is closed
		})
		cl, w := n.Connect(t, nil)
		require.NoError(t, cl.Connect(ctx))
		_, err := cl.CallBytes(ctx, "wait", nil)
		require.Equal(t, core.CodeConnLost.String(), core.CodeOf(err).String(), "%v", err)
		require.NoError(t, coretest.Next(t, server))
		w.WantEnd(t, cl, core.CodeConnLost, "")
	})
}

// Two ends that close at the same time both end in order.
func TestCloseFromBothEnds(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		for range 20 {
			cl := s.Join("ada", n)
			c, err := s.Server.Client("ada")
			require.NoError(t, err)
			closed := make(chan struct{})
			go func() { c.Close(); close(closed) }()
			require.NoError(t, cl.Close())
			coretest.Next(t, closed)
			coretest.Next(t, cl.Done())
			coretest.Next(t, c.Done())
			require.Equal(t, core.CodeClosed.String(), core.CodeOf(cl.Err()).String(), "%v", cl.Err())
			s.WantLeft("ada", core.CodeClosed)
		}
		s.Check()
		s.WantQuiet()
	})
}

// A listener that is closed under the server ends its Serve. No new client comes in, and connected
// clients stay.
func TestListenerCloses(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		ctx, cancel := coretest.Patient()
		defer cancel()
		log := &coretest.Log{}
		srv := harness.NewServer(&core.ServerOptions{Logger: log})
		srv.HandleBytes("echo", harness.Echo)
		served := make(chan error, 1)
		go func() { served <- srv.Serve(ctx, n.Listener) }()
		cl := harness.NewClient(n.Dialer, &core.ClientOptions{Retry: core.Retry{Off: true}})
		require.NoError(t, cl.Connect(ctx))
		require.NoError(t, n.Listener.Close())
		err := coretest.Next(t, served)
		require.ErrorIs(t, err, transport.ErrClosed)
		coretest.RequireLoggable(t, err.Error())

		late := harness.NewClient(n.Dialer, &core.ClientOptions{Retry: core.Retry{Off: true}})
		err = late.Connect(ctx)
		require.Equal(t, core.CodeNotConnected.String(), core.CodeOf(err).String(), "%v", err)
		if n.OverWebSocket() {
			var answer *ws.HandshakeError
			require.ErrorAs(t, err, &answer)
			require.Equal(t, 503, answer.Status)
		}
		got, err := core.Call[string](ctx, cl, "echo", "still in")
		require.NoError(t, err)
		require.Equal(t, "still in", got)

		require.NoError(t, srv.Shutdown(ctx))
		coretest.Next(t, cl.Done())
		require.Equal(t, core.CodeShutdown, core.CodeOf(cl.Err()))
		log.RequireClean(t)
	})
}

// A context that ends stops one listener and not the server.
func TestServeEndsWithContext(t *testing.T) {
	ns := harness.OpenAll(t)
	s := harness.NewSceneOn(t, ns[:1], nil)
	for _, n := range ns[1:] {
		ctx, cancel := context.WithCancel(s.Ctx)
		served := make(chan error, 1)
		go func() { served <- s.Server.Serve(ctx, n.Listener) }()
		cl := s.Join("ada", n)
		cancel()
		require.ErrorIs(t, coretest.Next(t, served), context.Canceled)
		_, err := core.Call[string](s.Ctx, cl, "echo", "still in")
		require.NoError(t, err)
		require.Error(t, s.Client(n, nil).Connect(s.Ctx))
		require.NoError(t, cl.Close())
		s.WantLeft("ada", core.CodeClosed)
		s.Check()
	}
	s.WantQuiet()
}

// A server that is full says so, and has room again when a client has left.
func TestFullServer(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, &core.ServerOptions{Limits: core.Limits{MaxConns: 2}}) // the good client is one
		first := s.Join("first", n)
		for range 3 {
			err := s.Client(n, &core.ClientOptions{Name: "late"}).Connect(s.Ctx)
			require.Equal(t, core.CodeTooManyConns.String(), core.CodeOf(err).String(), "%v", err)
			require.True(t, core.IsRemote(err))
			s.WantRefused(core.CodeTooManyConns, "2 connections")
			s.Check()
		}
		p := n.Raw(t)
		p.Send(coretest.Hello(wire.Hello{}))
		p.WantRefuse(core.CodeTooManyConns, "2 connections")
		s.WantRefused(core.CodeTooManyConns, "2 connections")

		require.NoError(t, first.Close())
		s.WantLeft("first", core.CodeClosed)
		second := s.Client(n, &core.ClientOptions{Name: "second"})
		require.Eventually(t, func() bool { // once the refused newcomers have gone
			return second.Connect(s.Ctx) == nil
		}, 5*time.Second, time.Millisecond)
		s.WantJoin("second")
		require.NoError(t, second.Close())
		s.WantLeft("second", core.CodeClosed)
		s.Check()
	})
}

// Close of either end loses no message that was sent before.
func TestCloseDelivers(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		const commands = 500
		heard := make(chan int, commands)
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			core.On(s.Server, "count", func(_ context.Context, _ *core.Conn, i int) error {
				heard <- i
				return nil
			})
		})
		cl := s.Join("ada", n)
		for i := range commands {
			require.NoError(t, cl.Send("count", i))
		}
		require.NoError(t, cl.Close())
		why := s.WantLeft("ada", core.CodeClosed)
		require.True(t, core.IsRemote(why))
		require.Len(t, heard, commands)
		require.True(t, errors.Is(cl.Err(), core.CodeClosed))
		s.Check()
		s.WantQuiet()
	})
}
