package coretest

import (
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// A Peer speaks the protocol by hand, at either end, so that a test can send any bytes.
type Peer struct {
	T      *testing.T
	Stream transport.Conn
	In     []byte // read and not yet parsed
}

// NewPeer takes over a stream, which is closed when the test ends.
func NewPeer(t *testing.T, stream transport.Conn) *Peer {
	t.Cleanup(func() { stream.Close() })
	require.NoError(t, stream.SetReadDeadline(time.Now().Add(transporttest.Patience)))
	return &Peer{T: t, Stream: stream}
}

// Send writes bytes as they are.
func (p *Peer) Send(parts ...[]byte) {
	p.T.Helper()
	for _, b := range parts {
		_, err := p.Stream.Write(b)
		require.NoError(p.T, err)
	}
}

// Want returns the next frame.
func (p *Peer) Want() wire.Frame {
	p.T.Helper()
	for {
		f, size, ok, err := wire.Next(p.In, wire.DefaultMaxFrame)
		require.NoError(p.T, err)
		if ok {
			p.In = append([]byte(nil), p.In[size:]...)
			return f
		}
		require.NoError(p.T, p.Read())
	}
}

// Read waits for more bytes and appends them to In. It returns an error if there are none.
func (p *Peer) Read() error {
	buf := make([]byte, 32<<10)
	n, err := p.Stream.Read(buf)
	p.In = append(p.In, buf[:n]...)
	if n > 0 {
		return nil
	}
	return err
}

// WantKind reads up to the next frame of that kind.
func (p *Peer) WantKind(k wire.Kind) wire.Frame {
	p.T.Helper()
	for {
		if f := p.Want(); f.Kind == k {
			return f
		}
	}
}

// WantGoodbye reads up to a goodbye with that code and reason, behind which
// there is nothing.
func (p *Peer) WantGoodbye(code wire.Code, reason string) {
	p.T.Helper()
	bye, err := wire.ParseGoodbye(p.WantKind(wire.KindGoodbye).Body)
	require.NoError(p.T, err)
	p.wantLast(bye, code, reason)
}

// WantRefuse is WantGoodbye for one that is not let in, who is told nothing else.
func (p *Peer) WantRefuse(code wire.Code, reason string) {
	p.T.Helper()
	f := p.Want()
	require.Equal(p.T, wire.KindRefuse.String(), f.Kind.String())
	no, err := wire.ParseRefuse(f.Body)
	require.NoError(p.T, err)
	p.wantLast(no, code, reason)
}

func (p *Peer) wantLast(got wire.Goodbye, code wire.Code, reason string) {
	p.T.Helper()
	require.Equal(p.T, code.String(), got.Code.String())
	require.Contains(p.T, got.Reason, reason)
	RequireLoggable(p.T, got.Reason)
	p.WantEnd()
}

// WantEnd checks that the stream ends without another byte, and closes.
func (p *Peer) WantEnd() {
	p.T.Helper()
	err := p.Read()
	require.Error(p.T, err, "more came: %x", p.In)
	require.Empty(p.T, p.In)
	var timeout net.Error
	require.False(p.T, errors.As(err, &timeout) && timeout.Timeout(), "the stream does not end")
	p.Stream.Close()
}

// WantFailure reads up to the failure of call id.
func (p *Peer) WantFailure(id uint64, code wire.Code) (message string) {
	p.T.Helper()
	got, why, err := wire.ParseFailure(p.WantKind(wire.KindFailure).Body)
	require.NoError(p.T, err)
	require.Equal(p.T, id, got)
	require.Equal(p.T, code.String(), why.Code.String())
	return why.Reason
}

// WantReply reads up to the reply to call id.
func (p *Peer) WantReply(id uint64) (payload string) {
	p.T.Helper()
	got, reply, err := wire.ParseReply(p.WantKind(wire.KindReply).Body)
	require.NoError(p.T, err)
	require.Equal(p.T, id, got)
	return string(reply)
}

// StillThere checks that the connection goes on, and that all before was handled.
func (p *Peer) StillThere() {
	p.T.Helper()
	require.NoError(p.T, p.Stream.SetReadDeadline(time.Now().Add(transporttest.Patience))) // however long it took to send that
	const id = 1 << 40
	p.Send(wire.AppendRequest(nil, id, "echo", []byte("go on")))
	require.Equal(p.T, "go on", p.WantReply(id))
}

// Hello are the bytes with which a client opens.
func Hello(h wire.Hello) []byte { return wire.AppendHello([]byte(wire.Preface), &h) }

// Tell sends what may not all be taken.
func (p *Peer) Tell(b []byte) { p.Stream.Write(b) } //nolint:errcheck // the server may have had enough

// Preface puts what every client begins with before a frame.
func Preface(frame []byte) []byte { return append([]byte(wire.Preface), frame...) }
