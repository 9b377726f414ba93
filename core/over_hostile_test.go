//go:build !js

package core_test

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// accept serves the next connection to n with script, on a goroutine of its own, after it has
// read the client's hello. What script returns comes out of the channel; the stream is closed then.
func (n *network) accept(t *testing.T, script func(stream transport.Conn) error) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		stream, err := n.listener.Accept()
		if err != nil {
			done <- err
			return
		}
		defer stream.Close()
		if err := readHello(stream); err != nil {
			done <- err
			return
		}
		done <- script(stream)
	}()
	return done
}

// readHello reads what a client opens with, and nothing behind it.
func readHello(stream transport.Conn) error {
	if err := stream.SetReadDeadline(time.Now().Add(transporttest.Patience)); err != nil {
		return err
	}
	var in []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := stream.Read(buf)
		in = append(in, buf[:n]...)
		if len(in) >= len(wire.Preface) {
			f, _, ok, err := wire.Next(in[len(wire.Preface):], 0)
			switch {
			case err != nil:
				return err
			case ok && f.Kind == wire.KindHello:
				return nil
			case ok:
				return errors.New("a client that does not begin with a hello")
			}
		}
		if err != nil {
			return err
		}
	}
}

// says is a script that sends bytes and waits until the client has closed.
func says(parts ...[]byte) func(stream transport.Conn) error {
	return func(stream transport.Conn) error {
		for _, b := range parts {
			if _, err := stream.Write(b); err != nil {
				return err
			}
		}
		_, err := io.Copy(io.Discard, onlyReader{stream})
		return err
	}
}

type onlyReader struct{ io.Reader }

// saysAndLeaves is a script that sends bytes and closes its direction, in order.
func saysAndLeaves(parts ...[]byte) func(stream transport.Conn) error {
	return func(stream transport.Conn) error {
		for _, b := range parts {
			if _, err := stream.Write(b); err != nil {
				return err
			}
		}
		return stream.CloseWrite()
	}
}

// welcome is a welcome such as servers send.
func welcome() []byte {
	return wire.AppendWelcome(nil, &wire.Welcome{Name: "ada", MaxFrame: 1 << 20, Heartbeat: 15 * time.Second, Notices: true})
}

// goodbyeFrom reads up to the client's goodbye.
func goodbyeFrom(stream transport.Conn) (bye wire.Goodbye, err error) {
	var in []byte
	buf := make([]byte, 32<<10)
	for {
		n, err := stream.Read(buf)
		in = append(in, buf[:n]...)
		for {
			f, size, ok, err := wire.Next(in, 0)
			if err != nil {
				return bye, err
			}
			if !ok {
				break
			}
			if f.Kind == wire.KindGoodbye {
				return wire.ParseGoodbye(f.Body)
			}
			in = in[size:]
		}
		if err != nil {
			return bye, err
		}
	}
}

// connect makes a client of n with everything registered that a hostile server could aim at.
func (n *network) connect(t *testing.T, opts *core.ClientOptions) (*core.Client, *witness) {
	t.Helper()
	var o core.ClientOptions
	if opts != nil {
		o = *opts
	}
	w := &witness{log: &logbook{}, states: make(chan state, 16), faults: make(chan fault, eventRoom)}
	o.Logger = w.log
	o.Retry.Off = true // each test is about one connection
	cl := newTestClient(n.dialer, &o)
	cl.OnState(func(s core.State, why error) { w.states <- state{s, why} })
	cl.OnError(func(c *core.Conn, err error) { w.faults <- fault{c, err} })
	cl.OnClientConnect(func(core.Presence) {})
	cl.OnClientDisconnect(func(core.Presence) {})
	cl.HandleBytes("echo", echo)
	t.Cleanup(func() {
		cl.Close()
		<-cl.Done()
		w.log.requireClean(t)
	})
	return cl, w
}

// A witness is what a client noticed.
type witness struct {
	log    *logbook
	states chan state
	faults chan fault
}

type state struct {
	state core.State
	why   error
}

// wantEnd waits until the client has been connected and is so no more, for that reason.
func (w *witness) wantEnd(t *testing.T, cl *core.Client, code core.Code, part string) error {
	t.Helper()
	require.Equal(t, core.StateConnected, next(t, w.states).state)
	end := next(t, w.states)
	require.Equal(t, core.StateDisconnected, end.state)
	next(t, cl.Done())
	require.Equal(t, end.why, cl.Err())
	require.Equal(t, code.String(), core.CodeOf(end.why).String(), "%v", end.why)
	require.Contains(t, end.why.Error(), part)
	requireLoggable(t, end.why.Error())
	return end.why
}
