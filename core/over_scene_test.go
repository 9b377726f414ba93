//go:build !js

package core_test

import (
	"context"
	"errors"
	"os"
	"runtime/pprof"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport/transporttest"
)

// patient bounds a wait for something that comes soon unless it never does. Then it
// writes down what all goroutines are at.
func patient() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), transporttest.Patience)
	context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			pprof.Lookup("goroutine").WriteTo(os.Stderr, 2) //nolint:errcheck // the test fails anyway
		}
	})
	return ctx, cancel
}

// A scene is a server that tells what it notices, and a client that behaves and must not
// notice anything. When the test ends, the log is looked through and the server shut down.
type scene struct {
	t    *testing.T
	ctx  context.Context
	srv  *core.Server
	log  *logbook
	good *core.Client
	net  *network // the first

	faults chan fault
	joins  chan *core.Conn
	leaves chan departure
}

// A fault is what the error hook was told. c is nil for one that was not let in.
type fault struct {
	c   *core.Conn
	err error
}

type departure struct {
	c   *core.Conn
	why error
}

// eventRoom is how many events of a kind nobody has to have asked for.
const eventRoom = 1 << 14

// newScene is a server on n that has the call "echo" and what register adds.
func newScene(t *testing.T, n *network, opts *core.ServerOptions, register ...func(s *scene)) *scene {
	t.Helper()
	return newSceneOn(t, []*network{n}, opts, register...)
}

// newSceneOn is newScene on several networks at once. The good client uses the first.
func newSceneOn(t *testing.T, ns []*network, opts *core.ServerOptions, register ...func(s *scene)) *scene {
	t.Helper()
	var o core.ServerOptions
	if opts != nil {
		o = *opts
	}
	s := &scene{
		t: t, net: ns[0], log: &logbook{},
		faults: make(chan fault, eventRoom),
		joins:  make(chan *core.Conn, eventRoom),
		leaves: make(chan departure, eventRoom),
	}
	ctx, cancel := patient()
	t.Cleanup(cancel)
	s.ctx = ctx
	o.Logger = s.log
	s.srv = newTestServer(&o)
	s.srv.OnError(func(c *core.Conn, err error) { s.faults <- fault{c, err} })
	s.srv.OnJoin(func(c *core.Conn) { s.joins <- c })
	s.srv.OnLeave(func(c *core.Conn, why error) { s.leaves <- departure{c, why} })
	s.srv.HandleBytes("echo", echo)
	for _, f := range register {
		f(s)
	}
	served := make(chan error, len(ns))
	for _, n := range ns {
		go func() { served <- s.srv.Serve(s.ctx, n.listener) }()
	}
	t.Cleanup(func() {
		ctx, cancel := patient()
		defer cancel()
		require.NoError(t, s.srv.Shutdown(ctx))
		for range ns {
			<-served
		}
		s.log.requireClean(t)
	})
	s.good = s.join("good", s.net)
	return s
}

func echo(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) { return payload, nil }

// client returns a client that is closed when the test ends.
func (s *scene) client(n *network, opts *core.ClientOptions) *core.Client {
	o := core.ClientOptions{}
	if opts != nil {
		o = *opts
	}
	o.Retry.Off = true // each test is about one connection
	cl := newTestClient(n.dialer, &o)
	s.t.Cleanup(func() {
		cl.Close()
		<-cl.Done()
	})
	return cl
}

// join connects a client and waits until it has joined.
func (s *scene) join(name string, n *network, register ...func(cl *core.Client)) *core.Client {
	s.t.Helper()
	cl := s.client(n, &core.ClientOptions{Name: name})
	for _, f := range register {
		f(cl)
	}
	require.NoError(s.t, cl.Connect(s.ctx))
	s.wantJoin(name)
	return cl
}

// hello connects by hand and shakes hands.
func (s *scene) hello(name string) *peer {
	s.t.Helper()
	p := s.net.raw(s.t)
	p.send(hello(wire.Hello{Name: name}))
	require.Equal(s.t, wire.KindWelcome.String(), p.want().Kind.String())
	s.wantJoin(name)
	return p
}

// check lets the good client do its work: it must not notice what others do.
func (s *scene) check() {
	s.t.Helper()
	got, err := core.Call[string](s.ctx, s.good, "echo", "undisturbed")
	require.NoError(s.t, err)
	require.Equal(s.t, "undisturbed", got)
	require.NoError(s.t, s.good.Err())
}

func (s *scene) wantJoin(name string) *core.Conn {
	s.t.Helper()
	c := next(s.t, s.joins)
	require.Equal(s.t, name, c.Name())
	return c
}

// wantFault takes the next thing that the error hook was told.
func (s *scene) wantFault(code core.Code, part string) fault {
	s.t.Helper()
	f := next(s.t, s.faults)
	require.Equal(s.t, code.String(), core.CodeOf(f.err).String(), "%v", f.err)
	require.Contains(s.t, f.err.Error(), part)
	requireLoggable(s.t, f.err.Error())
	return f
}

// wantRefused is wantFault for a newcomer.
func (s *scene) wantRefused(code core.Code, part string) {
	s.t.Helper()
	f := s.wantFault(code, part)
	require.Nil(s.t, f.c)
	s.log.requireLogged(s.t, "", code.String())
}

// wantLeft waits until a client has gone, for that reason.
func (s *scene) wantLeft(name string, code core.Code) error {
	s.t.Helper()
	d := next(s.t, s.leaves)
	require.Equal(s.t, name, d.c.Name())
	require.Equal(s.t, code.String(), core.CodeOf(d.why).String(), "%v", d.why)
	requireLoggable(s.t, d.why.Error())
	return d.why
}

// wantQuiet checks that nothing happened that was not asked for.
func (s *scene) wantQuiet() {
	s.t.Helper()
	require.Empty(s.t, s.faults)
	require.Empty(s.t, s.joins)
	require.Empty(s.t, s.leaves)
}

// next waits for an event.
func next[T any](t *testing.T, events <-chan T) T {
	t.Helper()
	ctx, cancel := patient()
	defer cancel()
	select {
	case v := <-events:
		return v
	case <-ctx.Done():
		require.FailNow(t, "nothing happens")
		panic("not reached")
	}
}

// tellEverything is for Access.Notices.
func tellEverything(_, of *core.Conn, p *core.Presence) bool {
	p.Groups, p.Addr = of.Groups(), of.Addr()
	return true
}
