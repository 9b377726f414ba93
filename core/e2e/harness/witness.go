//go:build !js

package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/transport/transporttest"
)

// Accept reads the hello of the next client of n and then runs script, on a goroutine of its own.
// The channel gets the result of script once the stream is closed.
func (n *Network) Accept(t *testing.T, script func(p *coretest.Peer) error) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		stream, err := n.Listener.Accept()
		if err != nil {
			done <- err
			return
		}
		defer stream.Close()
		if err := stream.SetReadDeadline(time.Now().Add(transporttest.Patience)); err != nil {
			done <- err
			return
		}
		p := &coretest.Peer{T: t, Stream: stream}
		if _, err := p.ReadHello(); err != nil {
			done <- err
			return
		}
		done <- script(p)
	}()
	return done
}

// Connect makes a client of n with a handler or hook for everything at which a hostile server could
// aim.
func (n *Network) Connect(t *testing.T, opts *core.ClientOptions) (*core.Client, *Witness) {
	t.Helper()
	var o core.ClientOptions
	if opts != nil {
		o = *opts
	}
	w := &Witness{Log: &coretest.Log{}, States: make(chan Change, 16), Faults: make(chan Fault, EventRoom)}
	o.Logger = w.Log
	o.Retry.Off = true // each test is about one connection
	cl := NewClient(n.Dialer, &o)
	cl.OnState(func(s core.State, why error) { w.States <- Change{s, why} })
	cl.OnError(func(c *core.Conn, err error) { w.Faults <- Fault{c, err} })
	cl.OnClientConnect(func(core.Presence) {})
	cl.OnClientDisconnect(func(core.Presence) {})
	cl.HandleBytes("echo", Echo)
	t.Cleanup(func() {
		cl.Close()
		<-cl.Done()
		w.Log.RequireClean(t)
	})
	return cl, w
}

// A Witness is a record of everything that a client notices.
type Witness struct {
	Log    *coretest.Log
	States chan Change
	Faults chan Fault
}

// A Change is a state of a client and its reason.
type Change struct {
	State core.State
	Why   error
}

// WantEnd waits until the client has been connected and has been disconnected, and checks the
// reason.
func (w *Witness) WantEnd(t *testing.T, cl *core.Client, code core.Code, part string) error {
	t.Helper()
	require.Equal(t, core.StateConnected, coretest.Next(t, w.States).State)
	end := coretest.Next(t, w.States)
	require.Equal(t, core.StateDisconnected, end.State)
	coretest.Next(t, cl.Done())
	require.Equal(t, end.Why, cl.Err())
	require.Equal(t, code.String(), core.CodeOf(end.Why).String(), "%v", end.Why)
	require.Contains(t, end.Why.Error(), part)
	coretest.RequireLoggable(t, end.Why.Error())
	return end.Why
}
