//go:build !js

package hostile_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// seedFrames adds every golden frame, every golden fault, and some conversations.
func seedFrames(f *testing.F) {
	var talk []byte
	for _, file := range []string{"vectors.json", "faults.json"} {
		for _, g := range goldens(f, file) {
			b := g.bytes(f)
			f.Add(b, true)
			f.Add(b, false)
			f.Add(append([]byte(wire.Preface), b...), false)
			if file == "vectors.json" && g.Kind != "goodbye" {
				talk = append(talk, b...)
			}
		}
	}
	f.Add(talk, true)
	f.Add(coretest.Hello(wire.Hello{Name: "mallory", Notices: true}), false)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), false)
	f.Add([]byte("\x16\x03\x01"), false)
	var calls []byte
	for i := range uint64(20) {
		calls = wire.AppendRequest(calls, i, "late", []byte("x"))
		calls = wire.AppendCancel(calls, i)
		calls = wire.AppendRequest(calls, i, "echo", []byte("y"))
	}
	f.Add(calls, true)
	f.Add(wire.AppendCommand(wire.AppendAsk(nil, wire.KindAskJoin, 1, "chat"), "shout", []byte("hello")), true)
	f.Add(wire.AppendRename(wire.AppendJoinGroup(nil, "chat"), "eve"), false)
}

// talk writes data, ends its direction, and reads to the end of the other direction.
func talk(stream transport.Conn, data []byte) error {
	defer stream.Close()
	if err := stream.SetReadDeadline(time.Now().Add(transporttest.Patience)); err != nil {
		return err
	}
	if err := stream.SetWriteDeadline(time.Now().Add(transporttest.Patience)); err != nil {
		return err
	}
	read := make(chan error, 1)
	go func() { read <- (&coretest.Peer{Stream: stream}).Drain() }()
	if _, err := stream.Write(data); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		return err
	}
	stream.CloseWrite() //nolint:errcheck // the other side may have closed
	return <-read
}

// FuzzServerConn sends any bytes of a client, as a hello or after one. They end at most the client's
// own connection: the server has let go of it, and serves another client.
func FuzzServerConn(f *testing.F) {
	seedFrames(f)
	l := transport.NewPipeListener()
	ended := make(chan struct{}, 1)
	srv := harness.NewServer(&core.ServerOptions{Limits: core.Limits{MaxFrame: 64 << 10, QueueBytes: 32 << 10, InboxBytes: 8 << 10, MaxConcurrent: 4}, Timeouts: core.Timeouts{Resume: time.Millisecond}})
	handleAll(srv)
	srv.OnError(func(c *core.Conn, err error) {
		if c == nil { // it was not let in
			ended <- struct{}{}
		}
	})
	srv.OnLeave(func(c *core.Conn, _ error) {
		if c.Name() != "good" {
			ended <- struct{}{}
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, l) }()
	good := harness.NewClient(l, &core.ClientOptions{Name: "good"})
	require.NoError(f, good.Connect(ctx))
	f.Cleanup(func() {
		defer cancel()
		ctx, stop := coretest.Patient()
		defer stop()
		require.NoError(f, good.Close())
		require.NoError(f, srv.Shutdown(ctx), "something of a connection still runs")
		require.NoError(f, <-served)
		<-good.Done()
	})
	f.Fuzz(func(t *testing.T, data []byte, greeted bool) {
		if greeted {
			data = append(coretest.Hello(wire.Hello{Name: "mallory", Notices: len(data)%2 == 0}), data...)
		}
		stream, err := l.Dial(ctx)
		require.NoError(t, err)
		require.NoError(t, talk(stream, data))
		waitFor(t, ended)
		_, err = good.CallBytes(ctx, "echo", nil)
		require.NoError(t, err)
		require.LessOrEqual(t, srv.Len(), 1)
	})
}

// FuzzClientConn sends any bytes of a server, as a welcome or after one. They end at most the client's
// connection, with an Error.
func FuzzClientConn(f *testing.F) {
	seedFrames(f)
	good := coretest.Welcome()
	f.Fuzz(func(t *testing.T, data []byte, welcomed bool) {
		if welcomed {
			data = append(append([]byte(nil), good...), data...)
		}
		near, far := transport.Pipe()
		talked := make(chan error, 1)
		go func() { talked <- talk(far, data) }()
		cl := harness.NewClient(dialed{near}, &core.ClientOptions{Retry: core.Retry{Off: true}, Name: "ada", MaxFrame: 64 << 10, QueueBytes: 32 << 10, InboxBytes: 8 << 10, MaxConcurrent: 4})
		handleAll(cl)
		cl.OnClientConnect(func(core.Presence) {})
		cl.OnClientRename(func(string, core.Presence) {})
		err := cl.Connect(context.Background())
		if err == nil {
			waitFor(t, cl.Done())
			err = cl.Err()
		}
		var e *core.Error
		require.ErrorAs(t, err, &e)
		coretest.RequireLoggable(t, err.Error())
		require.NoError(t, <-talked)
	})
}

// handleAll registers a handler of every kind.
func handleAll(r interface {
	core.Registrar
	OnBytes(string, func(context.Context, *core.Conn, []byte) error, ...core.HandlerOption)
	HandleBytes(string, func(context.Context, *core.Conn, []byte) ([]byte, error), ...core.HandlerOption)
	OnRename(func(*core.Conn, string, string))
	OnMessage(func(context.Context, *core.Conn, core.Frame) error, ...core.HandlerOption)
},
) {
	r.HandleBytes("echo", harness.Echo)
	r.HandleBytes("late", harness.Echo, core.Concurrent())
	r.OnBytes("say", func(_ context.Context, c *core.Conn, payload []byte) error { return c.SendBytes("said", payload) })
	r.OnBytes("leave us", func(_ context.Context, c *core.Conn, _ []byte) error { c.Close(); return nil })
	core.On(r, "count", func(_ context.Context, c *core.Conn, i int) error { return c.Send("counted", i) })
	core.Handle(r, "sum", func(_ context.Context, _ *core.Conn, in []int) (int, error) { return len(in), nil })
	r.OnBytes("join us", func(ctx context.Context, c *core.Conn, group []byte) error { return c.Join(ctx, string(group)) })
	r.OnBytes("call us", func(ctx context.Context, c *core.Conn, name []byte) error { return c.Rename(ctx, string(name)) })
	r.OnRename(func(c *core.Conn, old, _ string) { c.Send("was", old) }) //nolint:errcheck // it may have gone
	r.OnMessage(func(_ context.Context, c *core.Conn, f core.Frame) error {
		if f.Kind == core.KindRaw {
			return c.SendRaw(f.Payload)
		}
		return nil
	})
}

// A dialed is a dialer that returns a stream made before.
type dialed struct{ stream transport.Conn }

func (d dialed) Dial(context.Context) (transport.Conn, error) { return d.stream, nil }

// waitFor is coretest.Next without a timer if done is closed already.
func waitFor(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
		return
	default:
	}
	coretest.Next(t, done)
}
