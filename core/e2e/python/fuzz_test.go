//go:build !js

package python_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// A member is a client of the original that must be served throughout.
type member struct {
	stream transport.Conn
	in     []byte
}

// ask sends a command and reads up to its answer.
func (m *member) ask() error {
	if err := m.stream.SetReadDeadline(time.Now().Add(transporttest.Patience)); err != nil {
		return err
	}
	if _, err := m.stream.Write([]byte(oldFrames("echo 1"))); err != nil {
		return err
	}
	want, buf := []byte(oldFrames("echoed 1")), make([]byte, 4<<10)
	for {
		n, err := m.stream.Read(buf)
		if err != nil {
			return err
		}
		m.in = append(m.in, buf[:n]...)
		if bytes.Contains(m.in, want) { // the message handler answers too
			m.in = m.in[:0]
			return nil
		}
	}
}

// fuzzed serves with handlers for most kinds of events. The channel tells when a client has gone.
func fuzzed(f *testing.F, prefix bool) (*transport.PipeListener, <-chan struct{}, *member) {
	l := transport.NewPipeListener()
	gone := make(chan struct{}, 1)
	srv := harness.NewServer(&core.ServerOptions{Classic: core.ClassicOptions{Prefix: prefix}, Limits: core.Limits{MaxFrame: 64 << 10, QueueBytes: 32 << 10, InboxBytes: 8 << 10}})
	srv.OnError(func(c *core.Conn, _ error) {
		if c == nil { // the client was not let in
			gone <- struct{}{}
		}
	})
	srv.OnLeave(func(c *core.Conn, _ error) {
		if c.ID() != 1 { // not the member
			gone <- struct{}{}
		}
	})
	srv.OnBytes("echo", func(_ context.Context, c *core.Conn, b []byte) error { return c.SendBytes("echoed", b) })
	srv.OnBytes("late", func(_ context.Context, c *core.Conn, b []byte) error { return c.SendRaw(b) }, core.Concurrent())
	core.On(srv, "count", func(_ context.Context, c *core.Conn, n int) error { return c.Send("count", n+1) })
	srv.OnMessage(func(_ context.Context, c *core.Conn, f core.Frame) error {
		if f.Kind == core.KindRaw {
			return c.SendRaw(f.Payload)
		}
		return nil
	})
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), l) }()
	stream, err := l.Dial(context.Background())
	require.NoError(f, err)
	_, err = stream.Write([]byte(oldHello(`"good"`, `null`)))
	require.NoError(f, err)
	good := &member{stream: stream}
	require.NoError(f, good.ask())
	f.Cleanup(func() {
		require.NoError(f, stream.Close())
		ctx, cancel := context.WithTimeout(context.Background(), transporttest.Patience)
		defer cancel()
		require.NoError(f, srv.Shutdown(ctx), "something of a connection still runs")
		require.NoError(f, <-served)
	})
	return l, gone, good
}

// FuzzConn sends any bytes of a classic client, as a hello or after one. They end at most the
// client's own connection: the server has let go of it, and serves another client.
func FuzzConn(f *testing.F) {
	hello := oldHello(`"eve"`, `"red"`)
	for _, in := range []string{
		hello, hello + oldFrames("echo 1", "count 2", "late 3", "raw", ""), hello + oldFrames("$DH_NUMS$", "$CLTHELLO$ {}", "echoing"),
		hello + "$CHNAME$$CHGROUP$" + oldFrames("$CHNAME$ x", "$CHGROUP$ y", "$GETCLT$ good", "echo 1", "$USRCLOSE$"), hello + "$CHNAMES", "41      $CLTHELLO$ {",
		hello[:20], hello + "-1              ", hello + "9999999999999999", hello + "  +5  \t\r\n       echo ", oldHello(`""`, `5`),
		oldHello(`["a"]`, `null`), oldFrames(`{"group": true, "name": "\ud83e", "x": [[{}]]}`), oldHello(`"a\nb"`, `null`),
	} {
		f.Add([]byte(in[1:]), in[0], false)
		f.Add([]byte(in[1:]), in[0], true)
	}
	type server struct {
		l    *transport.PipeListener
		gone <-chan struct{}
		good *member
	}
	var servers [2]server
	for i := range servers {
		servers[i].l, servers[i].gone, servers[i].good = fuzzed(f, i == 1)
	}
	f.Fuzz(func(t *testing.T, rest []byte, first byte, prefix bool) {
		s := servers[0]
		if prefix {
			s = servers[1]
		}
		stream, err := s.l.Dial(t.Context())
		require.NoError(t, err)
		defer stream.Close() //nolint:errcheck // it is over
		require.NoError(t, stream.SetReadDeadline(time.Now().Add(transporttest.Patience)))
		require.NoError(t, stream.SetWriteDeadline(time.Now().Add(transporttest.Patience)))
		read := make(chan error, 1)
		go func() {
			_, err := io.Copy(io.Discard, struct{ io.Reader }{stream})
			read <- err
		}()
		if _, err := stream.Write(append([]byte{'0' + first%10}, rest...)); err != nil {
			require.ErrorIs(t, err, io.ErrClosedPipe)
		}
		require.NoError(t, stream.CloseWrite())
		require.NoError(t, <-read)
		select {
		case <-s.gone:
		case <-time.After(transporttest.Patience):
			require.FailNow(t, "it has not gone")
		}
		require.NoError(t, s.good.ask())
	})
}
