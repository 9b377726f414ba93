//go:build !js

package streams_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
)

// ways has, by kind of stream, a function that opens a stream to a handler and returns its error.
var ways = map[string]func(ctx context.Context, to core.Streamer, name string) error{
	"stream": func(ctx context.Context, to core.Streamer, name string) (last error) {
		for _, err := range core.Stream[int](ctx, to, name, 7) {
			last = err
		}
		return last
	},
	"upload": func(ctx context.Context, to core.Streamer, name string) error {
		_, err := core.Upload[int](ctx, to, name, 7, numbers(3, nil))
		return err
	},
	"exchange": func(ctx context.Context, to core.Streamer, name string) (last error) {
		for _, err := range core.Exchange[int](ctx, to, name, 7, numbers(3, nil)) {
			last = err
		}
		return last
	},
	"bytes": func(ctx context.Context, to core.Streamer, name string) error {
		s, err := core.OpenByteStream(ctx, to, name, 7)
		if err != nil {
			return err
		}
		defer s.Close() //nolint:errcheck // only reading matters
		if _, err = s.Read(make([]byte, 1)); errors.Is(err, io.EOF) {
			return nil
		}
		return err
	},
}

// handleWays registers a handler for each of ways, by its name. A handler sends an item, or takes
// all items and answers.
func handleWays(r core.Registrar, saw func(name string, in int)) {
	core.HandleStream(r, "stream", func(_ context.Context, _ *core.Conn, in int, send func(int) error) error {
		saw("stream", in)
		return send(1)
	})
	core.HandleUpload(r, "upload", func(_ context.Context, _ *core.Conn, in int, items iter.Seq2[int, error]) (int, error) {
		saw("upload", in)
		return inOrder(items, nil)
	})
	core.HandleExchange(r, "exchange", func(_ context.Context, _ *core.Conn, in int, _ iter.Seq2[int, error], send func(int) error) error {
		saw("exchange", in)
		return send(1)
	})
	core.HandleByteStream(r, "bytes", func(_ context.Context, _ *core.Conn, in int, s *core.ByteStream) error {
		saw("bytes", in)
		_, err := s.Write([]byte{1})
		return err
	})
}

var errRefused = core.NewError(1234, "not today")

// The send middleware sees a stream once, when it is opened. It may change the name and the argument, refuse the
// stream, and open another stream. A stream that it does not pass on is given up.
func TestSendMiddleware(t *testing.T) {
	var seen coretest.Kept[string]
	for name, tc := range map[string]struct {
		mw    core.SendMiddleware
		asks  string // name of the handler; empty for the name of the way
		code  core.Code
		takes []string // names and arguments of the handlers that run
	}{
		"looks on": {func(next core.SendFunc) core.SendFunc { return next }, "", core.CodeNone, []string{"%s 7"}},
		"changes it": {func(next core.SendFunc) core.SendFunc {
			return func(o *core.Outgoing) error {
				o.Command, o.Payload = o.Command[len("old "):], []byte("8")
				return next(o)
			}
		}, "old ", core.CodeNone, []string{"%s 8"}},
		"refuses it":    {func(core.SendFunc) core.SendFunc { return func(*core.Outgoing) error { return errRefused } }, "", 1234, nil},
		"opens nothing": {func(core.SendFunc) core.SendFunc { return func(*core.Outgoing) error { return nil } }, "", core.CodeCanceled, nil},
		"fails behind it": {func(next core.SendFunc) core.SendFunc {
			return func(o *core.Outgoing) error { return errors.Join(next(o), errRefused) }
		}, "", 1234, []string{"%s 7"}},
		"opens two": {func(next core.SendFunc) core.SendFunc {
			return func(o *core.Outgoing) error { return errors.Join(next(o), next(o)) }
		}, "", core.CodeNone, []string{"%s 7", "%s 7"}},
		"tries again": {func(next core.SendFunc) core.SendFunc {
			return func(o *core.Outgoing) error {
				long := *o
				long.Command = string(make([]byte, 300))
				if next(&long) == nil {
					return errors.New("a name of that length")
				}
				return next(o)
			}
		}, "", core.CodeNone, []string{"%s 7"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := harness.Open(t, "pipe")
			srv := harness.NewServer(nil)
			ran := make(chan string, 4)
			handleWays(srv, func(name string, in int) { ran <- fmt.Sprint(name, " ", in) })
			go srv.Serve(t.Context(), n.Listener) //nolint:errcheck // nil after Shutdown
			cl := harness.NewClient(n.Dialer, nil)
			cl.UseSend(func(next core.SendFunc) core.SendFunc {
				return func(o *core.Outgoing) error {
					seen.Add(fmt.Sprint(o.Kind, " ", o.Command, " ", string(o.Payload), " ", o.To == cl.Conn()))
					return next(o)
				}
			}, tc.mw)
			require.NoError(t, cl.Connect(t.Context()))
			for way, open := range ways {
				err := open(t.Context(), cl, tc.asks+way)
				require.Equal(t, tc.code.String(), core.CodeOf(err).String(), "%s: %v", way, err)
				require.Equal(t, []string{"stream " + tc.asks + way + " 7 true"}, seen.Take())
				for _, takes := range tc.takes {
					require.Equal(t, fmt.Sprintf(takes, way), coretest.Next(t, ran))
				}
			}
			require.Empty(t, ran)
			require.Zero(t, cl.Stats().Streams.Open)
			require.NoError(t, cl.Close())
			require.NoError(t, srv.Shutdown(t.Context()))
		})
	}
}

type markKey struct{}

// The middleware of a handler sees a stream once, and lasts as long as the stream. The authorizer is asked before, also
// about streams without a handler.
func TestMiddleware(t *testing.T) {
	var seen coretest.Kept[string]
	trace := func(name string) core.Middleware {
		return func(next core.Handler) core.Handler {
			return func(ctx context.Context, c *core.Conn, f core.Frame) ([]byte, error) {
				seen.Add(fmt.Sprint(name, " ", f.Kind, " ", f.Command, " ", string(f.Payload)))
				defer seen.Add(name + " is over")
				return next(context.WithValue(ctx, markKey{}, name), c, f)
			}
		}
	}
	own := func(f func(next func() error) error) core.Middleware {
		return func(next core.Handler) core.Handler {
			return func(ctx context.Context, c *core.Conn, fr core.Frame) ([]byte, error) {
				return nil, f(func() error {
					_, err := next(ctx, c, fr)
					return err
				})
			}
		}
	}
	around := func(inside ...string) []string {
		return slices.Concat([]string{"asked stream count 3", "outer stream count 3"}, inside, []string{"outer is over"})
	}
	for name, tc := range map[string]struct {
		mw    core.Middleware
		asks  string
		items int
		code  core.Code
		seen  []string
	}{
		"looks on":              {trace("inner"), "count", 3, core.CodeNone, around("inner stream count 3", "inner", "inner is over")},
		"refuses it":            {own(func(func() error) error { return errRefused }), "count", 0, 1234, around()},
		"answers by itself":     {own(func(func() error) error { return nil }), "count", 0, core.CodeNone, around()},
		"turns its end":         {own(func(next func() error) error { return errors.Join(next(), errRefused) }), "count", 3, 1234, around("outer")},
		"runs it twice":         {own(func(next func() error) error { return errors.Join(next(), next()) }), "count", 6, core.CodeNone, around("outer", "outer")},
		"panics behind it":      {own(func(next func() error) error { panic(next()) }), "count", 3, core.CodeInternal, around("outer")},
		"another context":       {func(next core.Handler) core.Handler { return background(next) }, "count", 0, core.CodeInternal, around()},
		"the authorizer is not": {trace("inner"), "secret", 0, core.CodeUnauthorized, []string{"asked stream secret 3"}},
		"nor about an unknown":  {trace("inner"), "nothing", 0, core.CodeUnauthorized, []string{"asked stream nothing 3"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := harness.Open(t, "pipe")
			srv := harness.NewServer(&core.ServerOptions{Logger: core.Silent, Access: core.Access{
				AuthorizeCommand: func(_ context.Context, _ *core.Conn, f core.Frame) error {
					seen.Add(fmt.Sprint("asked ", f.Kind, " ", f.Command, " ", string(f.Payload)))
					if f.Command != "count" {
						return core.CodeUnauthorized
					}
					return nil
				},
			}})
			srv.Use(trace("outer"), tc.mw)
			for _, name := range []string{"count", "secret"} {
				core.HandleStream(srv, name, func(ctx context.Context, _ *core.Conn, n int, send func(int) error) error {
					seen.Add(ctx.Value(markKey{}).(string))
					for i := range n {
						if err := send(i); err != nil {
							return err
						}
					}
					return nil
				})
			}
			go srv.Serve(t.Context(), n.Listener) //nolint:errcheck // nil after Shutdown
			cl := harness.NewClient(n.Dialer, nil)
			require.NoError(t, cl.Connect(t.Context()))
			items, last := 0, error(nil)
			for _, err := range core.Stream[int](t.Context(), cl, tc.asks, 3) {
				if last = err; err == nil {
					items++
				}
			}
			require.Equal(t, tc.code.String(), core.CodeOf(last).String(), "%v", last)
			require.Equal(t, tc.code != core.CodeNone, core.IsRemote(last))
			require.Equal(t, tc.items, items)
			require.NoError(t, cl.Close())
			require.NoError(t, srv.Shutdown(t.Context()))
			require.Equal(t, tc.seen, seen.Take())
		})
	}
}

// background runs a handler without its own context.
func background(next core.Handler) core.Handler {
	return func(_ context.Context, c *core.Conn, f core.Frame) ([]byte, error) {
		return next(context.Background(), c, f)
	}
}
