//go:build !js

package core_test

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// A peer speaks the protocol by hand, at either end, so that a test can send any bytes.
type peer struct {
	t      *testing.T
	stream transport.Conn
	in     []byte // read and not yet parsed
}

// raw connects and sends nothing.
func (n *network) raw(t *testing.T) *peer {
	t.Helper()
	ctx, cancel := patient()
	defer cancel()
	stream, err := n.dialer.Dial(ctx)
	require.NoError(t, err)
	return newPeer(t, stream)
}

func newPeer(t *testing.T, stream transport.Conn) *peer {
	t.Cleanup(func() { stream.Close() })
	require.NoError(t, stream.SetReadDeadline(time.Now().Add(transporttest.Patience)))
	return &peer{t: t, stream: stream}
}

// send writes bytes as they are.
func (p *peer) send(parts ...[]byte) {
	p.t.Helper()
	for _, b := range parts {
		_, err := p.stream.Write(b)
		require.NoError(p.t, err)
	}
}

// want returns the next frame.
func (p *peer) want() wire.Frame {
	p.t.Helper()
	for {
		f, size, ok, err := wire.Next(p.in, wire.DefaultMaxFrame)
		require.NoError(p.t, err)
		if ok {
			p.in = append([]byte(nil), p.in[size:]...)
			return f
		}
		require.NoError(p.t, p.read())
	}
}

func (p *peer) read() error {
	buf := make([]byte, 32<<10)
	n, err := p.stream.Read(buf)
	p.in = append(p.in, buf[:n]...)
	if n > 0 {
		return nil
	}
	return err
}

// wantKind reads up to the next frame of that kind.
func (p *peer) wantKind(k wire.Kind) wire.Frame {
	p.t.Helper()
	for {
		if f := p.want(); f.Kind == k {
			return f
		}
	}
}

// wantGoodbye reads up to a goodbye with that code and reason, behind which
// there is nothing.
func (p *peer) wantGoodbye(code core.Code, reason string) {
	p.t.Helper()
	bye, err := wire.ParseGoodbye(p.wantKind(wire.KindGoodbye).Body)
	require.NoError(p.t, err)
	p.wantLast(bye, code, reason)
}

// wantRefuse is wantGoodbye for one that is not let in, who is told nothing else.
func (p *peer) wantRefuse(code core.Code, reason string) {
	p.t.Helper()
	f := p.want()
	require.Equal(p.t, wire.KindRefuse.String(), f.Kind.String())
	no, err := wire.ParseRefuse(f.Body)
	require.NoError(p.t, err)
	p.wantLast(no, code, reason)
}

func (p *peer) wantLast(got wire.Goodbye, code core.Code, reason string) {
	p.t.Helper()
	require.Equal(p.t, code.String(), got.Code.String())
	require.Contains(p.t, got.Reason, reason)
	requireLoggable(p.t, got.Reason)
	p.wantEnd()
}

// wantEnd checks that the stream ends without another byte, and closes.
func (p *peer) wantEnd() {
	p.t.Helper()
	err := p.read()
	require.Error(p.t, err, "more came: %x", p.in)
	require.Empty(p.t, p.in)
	var timeout net.Error
	require.False(p.t, errors.As(err, &timeout) && timeout.Timeout(), "the stream does not end")
	p.stream.Close()
}

// wantFailure reads up to the failure of call id.
func (p *peer) wantFailure(id uint64, code core.Code) (message string) {
	p.t.Helper()
	got, why, err := wire.ParseFailure(p.wantKind(wire.KindFailure).Body)
	require.NoError(p.t, err)
	require.Equal(p.t, id, got)
	require.Equal(p.t, code.String(), why.Code.String())
	return why.Reason
}

// wantReply reads up to the reply to call id.
func (p *peer) wantReply(id uint64) (payload string) {
	p.t.Helper()
	got, reply, err := wire.ParseReply(p.wantKind(wire.KindReply).Body)
	require.NoError(p.t, err)
	require.Equal(p.t, id, got)
	return string(reply)
}

// stillThere checks that the connection goes on, and that all before was handled.
func (p *peer) stillThere() {
	p.t.Helper()
	require.NoError(p.t, p.stream.SetReadDeadline(time.Now().Add(transporttest.Patience))) // however long it took to send that
	const id = 1 << 40
	p.send(wire.AppendRequest(nil, id, "echo", []byte("go on")))
	require.Equal(p.t, "go on", p.wantReply(id))
}

// hello are the bytes with which a client opens.
func hello(h wire.Hello) []byte { return wire.AppendHello([]byte(wire.Preface), &h) }
