//go:build !js

package harness

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// A Scene is a server that records what it notices, and a good client that must not notice
// anything. When the test ends, the scene checks the log and shuts the server down.
type Scene struct {
	T      *testing.T
	Ctx    context.Context
	Server *core.Server
	Log    *coretest.Log
	Good   *core.Client
	Net    *Network // the first of several

	Faults chan Fault
	Joins  chan *core.Conn
	Leaves chan Departure
}

// A Fault is an error that the error hook was told. Conn is nil for a newcomer that was not let in.
type Fault struct {
	Conn *core.Conn
	Err  error
}

// A Departure is a client that has left, as the leave hook was told.
type Departure struct {
	Conn *core.Conn
	Why  error
}

// EventRoom is the number of events of a kind that may wait for a test.
const EventRoom = 1 << 14

// NewScene serves n with the call "echo" and the handlers that register adds.
func NewScene(t *testing.T, n *Network, opts *core.ServerOptions, register ...func(s *Scene)) *Scene {
	t.Helper()
	return NewSceneOn(t, []*Network{n}, opts, register...)
}

// NewSceneOn is NewScene for several networks at once. The good client uses the first.
func NewSceneOn(t *testing.T, ns []*Network, opts *core.ServerOptions, register ...func(s *Scene)) *Scene {
	t.Helper()
	var o core.ServerOptions
	if opts != nil {
		o = *opts
	}
	s := &Scene{
		T: t, Net: ns[0], Log: &coretest.Log{},
		Faults: make(chan Fault, EventRoom),
		Joins:  make(chan *core.Conn, EventRoom),
		Leaves: make(chan Departure, EventRoom),
	}
	ctx, cancel := coretest.Patient()
	t.Cleanup(cancel)
	s.Ctx = ctx
	o.Logger = s.Log
	s.Server = NewServer(&o)
	s.Server.OnError(func(c *core.Conn, err error) { s.Faults <- Fault{c, err} })
	s.Server.OnJoin(func(c *core.Conn) { s.Joins <- c })
	s.Server.OnLeave(func(c *core.Conn, why error) { s.Leaves <- Departure{c, why} })
	s.Server.HandleBytes("echo", Echo)
	for _, f := range register {
		f(s)
	}
	served := make(chan error, len(ns))
	for _, n := range ns {
		go func() { served <- s.Server.Serve(s.Ctx, n.Listener) }()
	}
	t.Cleanup(func() {
		ctx, cancel := coretest.Patient()
		defer cancel()
		require.NoError(t, s.Server.Shutdown(ctx))
		for range ns {
			<-served
		}
		s.Log.RequireClean(t)
	})
	s.Good = s.Join("good", s.Net)
	return s
}

// Client returns a client that is closed when the test ends.
func (s *Scene) Client(n *Network, opts *core.ClientOptions) *core.Client {
	o := core.ClientOptions{}
	if opts != nil {
		o = *opts
	}
	o.Retry.Off = true // each test is about one connection
	cl := NewClient(n.Dialer, &o)
	s.T.Cleanup(func() {
		cl.Close()
		<-cl.Done()
	})
	return cl
}

// Join connects a client and waits until it has joined.
func (s *Scene) Join(name string, n *Network, register ...func(cl *core.Client)) *core.Client {
	s.T.Helper()
	cl := s.Client(n, &core.ClientOptions{Name: name})
	for _, f := range register {
		f(cl)
	}
	require.NoError(s.T, cl.Connect(s.Ctx))
	s.WantJoin(name)
	return cl
}

// Hello connects by hand and completes the handshake.
func (s *Scene) Hello(name string) *coretest.Peer {
	s.T.Helper()
	p := s.Net.Raw(s.T)
	p.Send(coretest.Hello(wire.Hello{Name: name}))
	require.Equal(s.T, wire.KindWelcome.String(), p.Want().Kind.String())
	s.WantJoin(name)
	return p
}

// Check has the good client served: it must not notice what others do.
func (s *Scene) Check() {
	s.T.Helper()
	got, err := core.Call[string](s.Ctx, s.Good, "echo", "undisturbed")
	require.NoError(s.T, err)
	require.Equal(s.T, "undisturbed", got)
	require.NoError(s.T, s.Good.Err())
}

// WantJoin waits until a client with that name has joined, and returns its connection.
func (s *Scene) WantJoin(name string) *core.Conn {
	s.T.Helper()
	c := coretest.Next(s.T, s.Joins)
	require.Equal(s.T, name, c.Name())
	return c
}

// WantFault takes the next error that the error hook was told, and checks it.
func (s *Scene) WantFault(code core.Code, part string) Fault {
	s.T.Helper()
	f := coretest.Next(s.T, s.Faults)
	require.Equal(s.T, code.String(), core.CodeOf(f.Err).String(), "%v", f.Err)
	require.Contains(s.T, f.Err.Error(), part)
	coretest.RequireLoggable(s.T, f.Err.Error())
	return f
}

// WantRefused is WantFault for a newcomer.
func (s *Scene) WantRefused(code core.Code, part string) {
	s.T.Helper()
	f := s.WantFault(code, part)
	require.Nil(s.T, f.Conn)
	s.Log.RequireLogged(s.T, "", code.String())
}

// WantLeft waits until a client has left, and checks the code.
func (s *Scene) WantLeft(name string, code core.Code) error {
	s.T.Helper()
	d := coretest.Next(s.T, s.Leaves)
	require.Equal(s.T, name, d.Conn.Name())
	require.Equal(s.T, code.String(), core.CodeOf(d.Why).String(), "%v", d.Why)
	coretest.RequireLoggable(s.T, d.Why.Error())
	return d.Why
}

// WantQuiet checks that no event waits that the test has not taken.
func (s *Scene) WantQuiet() {
	s.T.Helper()
	require.Empty(s.T, s.Faults)
	require.Empty(s.T, s.Joins)
	require.Empty(s.T, s.Leaves)
}

// TellEverything is an Access.Notices that tells everybody everything.
func TellEverything(_, of *core.Conn, p *core.Presence) bool {
	p.Groups, p.Addr = of.Groups(), of.Addr()
	return true
}
