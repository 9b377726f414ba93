//go:build !js

package streams_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
)

// A pair is a server and a client with handlers of each kind of stream, and a link between them
// that can be cut.
type pair struct {
	ctx context.Context
	srv *core.Server
	cl  *core.Client
	cut func() // closes the link; the session is resumed over another one
}

// newPair connects a client to a server. window and growth are StreamWindow and StreamGrowth of both; zero means the
// default.
func newPair(t *testing.T, n *harness.Network, window, growth int) *pair {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	srv := harness.NewServer(&core.ServerOptions{Timeouts: core.Timeouts{Resume: time.Minute}, Limits: core.Limits{StreamWindow: window, StreamGrowth: growth}})
	serveAll(srv)
	go srv.Serve(ctx, n.Listener) //nolint:errcheck // nil after Shutdown
	d := &harness.Cutter{Dialer: n.Dialer}
	cl := harness.NewClient(d, &core.ClientOptions{StreamWindow: window, StreamGrowth: growth, Retry: core.Retry{Min: time.Millisecond, Max: 10 * time.Millisecond}})
	serveAll(cl)
	require.NoError(t, cl.Connect(ctx))
	for range core.Stream[int](ctx, cl, "count", 1) { // after this the server knows that the client has its token
	}
	return &pair{ctx, srv, cl, d.Cut}
}

// close ends both in order.
func (p *pair) close(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cl.Close())
	require.NoError(t, p.srv.Shutdown(p.ctx))
}

// serveAll registers handlers of each kind.
func serveAll(r core.Registrar) {
	core.HandleStream(r, "count", func(_ context.Context, _ *core.Conn, n int, send func(int) error) error {
		for i := range n {
			if err := send(i); err != nil {
				return err
			}
		}
		return nil
	})
	core.HandleUpload(r, "check", func(_ context.Context, _ *core.Conn, _ struct{}, items iter.Seq2[int, error]) (int, error) {
		return inOrder(items, nil)
	})
	core.HandleExchange(r, "echo", func(_ context.Context, _ *core.Conn, _ struct{}, items iter.Seq2[int, error], send func(int) error) error {
		for i, err := range items {
			if err == nil {
				err = send(i)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	core.HandleByteStream(r, "bytes", func(_ context.Context, _ *core.Conn, _ struct{}, s *core.ByteStream) error {
		_, err := io.Copy(s, s)
		return err
	})
}

// A program uses one kind of stream. It carries n items, or bytes, each way, and calls at with the
// number of each.
type program func(ctx context.Context, to core.Streamer, n int, at func(i int)) error

// programs use each kind of stream, by name, and check the items.
var programs = map[string]program{
	"stream": func(ctx context.Context, to core.Streamer, n int, at func(int)) error {
		return all(n)(inOrder(core.Stream[int](ctx, to, "count", n), at))
	},
	"upload": func(ctx context.Context, to core.Streamer, n int, at func(int)) error {
		return all(n)(core.Upload[int](ctx, to, "check", nil, numbers(n, at)))
	},
	"exchange": func(ctx context.Context, to core.Streamer, n int, at func(int)) error {
		return all(n)(inOrder(core.Exchange[int](ctx, to, "echo", nil, numbers(n, nil)), at))
	},
	"bytes": func(ctx context.Context, to core.Streamer, n int, at func(int)) error {
		s, err := core.OpenByteStream(ctx, to, "bytes", nil)
		if err != nil {
			return err
		}
		sent := make(chan error, 1)
		go func() {
			_, err := io.Copy(s, bytes.NewReader(bytesOf(n)))
			if err == nil {
				err = s.CloseWrite()
			}
			sent <- err
		}()
		var got bytes.Buffer
		_, err = io.Copy(&counting{w: &got, at: at}, s)
		if failed := <-sent; err == nil {
			err = failed
		}
		if err == nil {
			err = s.Close()
		}
		if err == nil && !bytes.Equal(got.Bytes(), bytesOf(n)) {
			err = fmt.Errorf("other bytes came back than were sent, %d of %d", got.Len(), n)
		}
		return err
	},
}

// all returns a check of the number of items.
func all(want int) func(n int, err error) error {
	return func(n int, err error) error {
		if err == nil && n != want {
			err = fmt.Errorf("%d items of %d", n, want)
		}
		return err
	}
}

// numbers returns 0 to n-1. It calls at with each, unless at is nil.
func numbers(n int, at func(int)) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if at != nil {
				at(i)
			}
			if !yield(i) {
				return
			}
		}
	}
}

// inOrder checks that items are 0, 1, 2 …, and returns how many there were. It calls at with each, unless at is nil.
func inOrder(items iter.Seq2[int, error], at func(int)) (n int, err error) {
	for i, err := range items {
		if err != nil {
			return n, err
		}
		if i != n {
			return n, fmt.Errorf("item %d in place of %d", i, n)
		}
		if at != nil {
			at(i)
		}
		n++
	}
	return n, nil
}

// bytesOf returns n bytes without repetitions.
func bytesOf(n int) []byte {
	b := make([]byte, n)
	x := uint32(n)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return b
}

// A counting writer counts the bytes that are written, and calls at with the count after each
// write.
type counting struct {
	w  io.Writer
	at func(int)
	n  int
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += n
	if c.at != nil {
		c.at(c.n)
	}
	return n, err
}
