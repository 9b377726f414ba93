package coretest

import (
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// A Peer is either end of a connection, by hand, so that a test can send any bytes. A Peer that is made from T and
// Stream only has no deadline, which suits a synctest bubble. Send and the methods that begin with Want fail the test,
// and must run on the test's goroutine. Frame, Read, Drain and Tell do not fail the test, and may run on any goroutine.
type Peer struct {
	T      *testing.T
	Stream transport.Conn
	In     []byte // bytes that were read and not parsed
}

// NewPeer returns a Peer for a stream. The stream is closed when the test ends. Reading fails after
// [transporttest.Patience].
func NewPeer(t *testing.T, stream transport.Conn) *Peer {
	t.Cleanup(func() { stream.Close() })
	require.NoError(t, stream.SetReadDeadline(time.Now().Add(transporttest.Patience)))
	return &Peer{T: t, Stream: stream}
}

// Hello returns the bytes with which a client begins: the preface and a hello.
func Hello(h wire.Hello) []byte { return wire.AppendHello([]byte(wire.Preface), &h) }

// Preface returns the preface and the frame.
func Preface(frame []byte) []byte { return append([]byte(wire.Preface), frame...) }

// Send writes bytes as they are.
func (p *Peer) Send(parts ...[]byte) {
	p.T.Helper()
	for _, b := range parts {
		_, err := p.Stream.Write(b)
		require.NoError(p.T, err)
	}
}

// Tell writes bytes that the other end may refuse to read.
func (p *Peer) Tell(b []byte) { p.Stream.Write(b) } //nolint:errcheck // the other end may have closed

// Read waits for more bytes and appends them to In. It returns an error if no more bytes come.
func (p *Peer) Read() error {
	buf := make([]byte, 32<<10)
	n, err := p.Stream.Read(buf)
	p.In = append(p.In, buf[:n]...)
	if n > 0 {
		return nil
	}
	return err
}

// Frame returns the next frame, of at most max bytes.
func (p *Peer) Frame(max int) (wire.Frame, error) {
	for {
		f, size, ok, err := wire.Next(p.In, max)
		if err != nil {
			return f, err
		}
		if ok {
			p.In = p.In[size:]
			return f, nil
		}
		if err := p.Read(); err != nil {
			return f, err
		}
	}
}

// Drain reads up to the end of the stream. It returns nil if the stream ends in order.
func (p *Peer) Drain() error {
	for {
		p.In = nil
		if err := p.Read(); err != nil {
			if err == io.EOF {
				err = nil
			}
			return err
		}
	}
}

// Want returns the next frame.
func (p *Peer) Want() wire.Frame {
	p.T.Helper()
	f, err := p.Frame(wire.DefaultMaxFrame)
	require.NoError(p.T, err)
	return f
}

// WantKind reads up to the next frame of kind k, and returns it.
func (p *Peer) WantKind(k wire.Kind) wire.Frame {
	p.T.Helper()
	for {
		if f := p.Want(); f.Kind == k {
			return f
		}
	}
}

// WantCommand checks that the next frame is the command with that name, and returns its payload.
func (p *Peer) WantCommand(name string) string {
	p.T.Helper()
	f := p.Want()
	require.Equal(p.T, wire.KindCommand.String(), f.Kind.String())
	got, payload, err := wire.ParseCommand(f.Body)
	require.NoError(p.T, err)
	require.Equal(p.T, name, string(got))
	return string(payload)
}

// WantName checks that the next frame is of kind k, and returns the name in it.
func (p *Peer) WantName(k wire.Kind) string {
	p.T.Helper()
	f := p.Want()
	require.Equal(p.T, k.String(), f.Kind.String())
	name, err := wire.ParseName(f.Body)
	require.NoError(p.T, err)
	return string(name)
}

// WantReply reads up to the next reply, checks that it answers call id, and returns its payload.
func (p *Peer) WantReply(id uint64) (payload string) {
	p.T.Helper()
	got, reply, err := wire.ParseReply(p.WantKind(wire.KindReply).Body)
	require.NoError(p.T, err)
	require.Equal(p.T, id, got)
	return string(reply)
}

// WantFailure reads up to the next failure, checks the id of the call and the code, and returns the message.
func (p *Peer) WantFailure(id uint64, code wire.Code) (message string) {
	p.T.Helper()
	got, why, err := wire.ParseFailure(p.WantKind(wire.KindFailure).Body)
	require.NoError(p.T, err)
	require.Equal(p.T, id, got)
	require.Equal(p.T, code.String(), why.Code.String())
	return why.Reason
}

// WantAnswer returns the id of the next frame, which is a reply or a failure, and the code of a failure.
func (p *Peer) WantAnswer() (id uint64, code wire.Code) {
	p.T.Helper()
	f := p.Want()
	var err error
	if f.Kind == wire.KindReply {
		id, _, err = wire.ParseReply(f.Body)
	} else {
		require.Equal(p.T, wire.KindFailure.String(), f.Kind.String())
		var why wire.Goodbye
		id, why, err = wire.ParseFailure(f.Body)
		code = why.Code
	}
	require.NoError(p.T, err)
	return id, code
}

// WantGoodbye reads up to the goodbye. It checks the code, that the reason contains part, and that the stream then ends.
func (p *Peer) WantGoodbye(code wire.Code, part string) wire.Goodbye {
	p.T.Helper()
	bye, err := wire.ParseGoodbye(p.WantKind(wire.KindGoodbye).Body)
	require.NoError(p.T, err)
	p.wantLast(bye, code, part)
	return bye
}

// WantRefuse is WantGoodbye for a refusal, which must be the next frame.
func (p *Peer) WantRefuse(code wire.Code, part string) wire.Goodbye {
	p.T.Helper()
	f := p.Want()
	require.Equal(p.T, wire.KindRefuse.String(), f.Kind.String())
	no, err := wire.ParseRefuse(f.Body)
	require.NoError(p.T, err)
	p.wantLast(no, code, part)
	return no
}

func (p *Peer) wantLast(got wire.Goodbye, code wire.Code, part string) {
	p.T.Helper()
	require.Equal(p.T, code.String(), got.Code.String())
	require.Contains(p.T, got.Reason, part)
	RequireLoggable(p.T, got.Reason)
	p.WantEnd()
}

// WantEnd checks that the stream ends without another byte, and closes the stream.
func (p *Peer) WantEnd() {
	p.T.Helper()
	err := p.Read()
	require.Error(p.T, err, "more came: %x", p.In)
	require.Empty(p.T, p.In)
	var timeout net.Error
	require.False(p.T, errors.As(err, &timeout) && timeout.Timeout(), "the stream does not end")
	p.Stream.Close()
}

// StillThere checks with the call "echo" that the connection goes on, and that all earlier frames have been handled.
func (p *Peer) StillThere() {
	p.T.Helper()
	require.NoError(p.T, p.Stream.SetReadDeadline(time.Now().Add(transporttest.Patience))) // sending may have taken long
	const id = 1 << 40
	p.Send(wire.AppendRequest(nil, id, "echo", []byte("go on")))
	require.Equal(p.T, "go on", p.WantReply(id))
}
