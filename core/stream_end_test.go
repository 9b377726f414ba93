//go:build !js

package core

import (
	"context"
	"errors"
	"io"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
)

// ticking registers a stream without an end. It returns the results of the handlers.
func ticking(srv *Server) *kept[error] {
	ended := &kept[error]{}
	HandleStream(srv, "ticks", func(ctx context.Context, _ *Conn, _ struct{}, send func(int) error) (err error) {
		defer func() { ended.Add(errors.Join(err, context.Cause(ctx))) }()
		for i := 0; ; i++ {
			if err = send(i); err != nil {
				return err
			}
			time.Sleep(time.Millisecond)
		}
	})
	return ended
}

// nothingLeft checks that no stream is left at either end.
func (w *world) nothingLeft(cl *Client) {
	w.t.Helper()
	time.Sleep(10 * time.Millisecond) // sleeping handlers notice the end
	synctest.Wait()
	require.Zero(w.t, cl.Conn().streamsOpen())
	for c := range w.srv.Clients() {
		require.Zero(w.t, c.streamsOpen())
		if t := c.streams.Load(); t != nil {
			require.Zero(w.t, t.Held())
		}
	}
	if t := cl.Conn().streams.Load(); t != nil {
		require.Zero(w.t, t.Held())
	}
}

// Each way to stop a stream ends it at both ends, and leaves nothing of it.
func TestStreamsLeaveNothing(t *testing.T) {
	for name, use := range map[string]func(w *world, cl *Client){
		"break": func(w *world, cl *Client) {
			for n, err := range Stream[int](w.ctx, cl, "ticks", nil) {
				require.NoError(w.t, err)
				if n == 10 {
					break
				}
			}
		},
		"panic": func(w *world, cl *Client) {
			require.Panics(w.t, func() {
				for range Stream[int](w.ctx, cl, "ticks", nil) {
					panic("here")
				}
			})
		},
		"end of the context": func(w *world, cl *Client) {
			ctx, cancel := context.WithTimeout(w.ctx, 20*time.Millisecond)
			defer cancel()
			var last error
			for _, err := range Stream[int](ctx, cl, "ticks", nil) {
				last = err
			}
			require.ErrorIs(w.t, last, context.DeadlineExceeded)
			var e *StreamError
			require.ErrorAs(w.t, last, &e)
			require.Greater(w.t, e.Taken, uint64(10))
		},
		"pulled and stopped": func(w *world, cl *Client) {
			next, stop := iter.Pull2(Stream[int](w.ctx, cl, "ticks", nil))
			_, err, ok := next()
			require.NoError(w.t, err)
			require.True(w.t, ok)
			stop()
		},
		"never ranged over": func(w *world, cl *Client) { _ = Stream[int](w.ctx, cl, "ticks", nil) },
		"upload broken off": func(w *world, cl *Client) {
			ctx, cancel := context.WithCancelCause(w.ctx)
			_, err := Upload[int](ctx, cl, "take", nil, func(yield func(int) bool) {
				yield(1)
				cancel(errors.New("the source has failed"))
			})
			require.ErrorIs(w.t, err, context.Canceled)
		},
		"upload of what does not convert": func(w *world, cl *Client) {
			_, err := Upload[int](w.ctx, cl, "take", nil, slices.Values([]any{1, func() {}}))
			require.Equal(w.t, CodeBadPayload, CodeOf(err))
		},
		"upload whose iterator panics": func(w *world, cl *Client) {
			require.Panics(w.t, func() {
				Upload[int](w.ctx, cl, "take", nil, func(func(int) bool) { panic("here") }) //nolint:errcheck // it panics
			})
		},
		"exchange that nobody ends": func(w *world, cl *Client) {
			for range Exchange[int](w.ctx, cl, "ticks", nil, func(yield func(int) bool) {
				for yield(1) {
				}
			}) {
				break
			}
		},
		"exchange whose iterator panics": func(w *world, cl *Client) {
			var last error
			for _, err := range Exchange[int](w.ctx, cl, "echo", nil, func(func(int) bool) { panic("here") }) {
				last = err
			}
			require.Equal(w.t, CodeInternal, CodeOf(last))
		},
		"bytes that are closed": func(w *world, cl *Client) {
			s, err := OpenByteStream(w.ctx, cl, "bytes", nil)
			require.NoError(w.t, err)
			_, err = s.Write(make([]byte, 1000))
			require.NoError(w.t, err)
			require.NoError(w.t, s.Close())
			require.NoError(w.t, s.Close())
			_, err = s.Write([]byte("late"))
			require.Equal(w.t, CodeClosed, CodeOf(err))
			_, err = s.Read(make([]byte, 1))
			require.Equal(w.t, CodeClosed, CodeOf(err))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Logger: Silent}, func(w *world) {
				ended := ticking(w.srv)
				var uploads kept[error]
				HandleUpload(w.srv, "take", func(_ context.Context, _ *Conn, _ struct{}, items iter.Seq2[int, error]) (n int, _ error) {
					var last error
					for _, err := range items {
						last = err
					}
					uploads.Add(last)
					return n, last
				})
				HandleExchange(w.srv, "echo", func(_ context.Context, _ *Conn, _ struct{}, items iter.Seq2[int, error], _ func(int) error) error {
					for _, err := range items {
						if err != nil {
							return err
						}
					}
					return nil
				})
				HandleByteStream(w.srv, "bytes", func(_ context.Context, _ *Conn, _ struct{}, s *ByteStream) error {
					_, err := io.Copy(io.Discard, s)
					return err
				})
				w.serve()
				cl := newTestClient(w.lis, &ClientOptions{Name: "ada", Codec: testCodec{}, Retry: Retry{Off: true}, Logger: Silent})
				w.join(cl)
				use(w, cl)
				synctest.Wait()
				w.nothingLeft(cl)
				for _, err := range ended.All() {
					require.Error(w.t, err)
				}
				for _, err := range uploads.All() {
					require.Error(w.t, err)
				}
				require.NoError(w.t, cl.Close())
			})
		})
	}
}

// The error of a handler is told to the other end after the handler's items, like the error of a
// call.
func TestStreamFails(t *testing.T) {
	inWorld(t, &ServerOptions{Logger: Silent, Limits: Limits{MaxStreams: 2, MaxItem: 100}, Access: Access{
		AuthorizeCommand: func(_ context.Context, _ *Conn, f Frame) error {
			if f.Command == "secret" && f.Kind == KindStream {
				return NewError(CodeUnauthorized, "not you")
			}
			return nil
		},
	}}, func(w *world) {
		three := func(after func() error) func(context.Context, *Conn, struct{}, func(int) error) error {
			return func(_ context.Context, _ *Conn, _ struct{}, send func(int) error) error {
				for i := range 3 {
					if err := send(i); err != nil {
						return err
					}
				}
				return after()
			}
		}
		HandleStream(w.srv, "own code", three(func() error { return &Error{Code: 1234, Message: "no more", RetryAfter: time.Second} }))
		HandleStream(w.srv, "stranger", three(func() error { return errors.New("a secret") }))
		HandleStream(w.srv, "panics", three(func() error { panic("a secret") }))
		HandleStream(w.srv, "secret", three(func() error { return nil }))
		HandleStream(w.srv, "bounded", three(func() error { return nil }), MaxPayload(3))
		HandleUpload(w.srv, "take", func(_ context.Context, _ *Conn, _ struct{}, items iter.Seq2[string, error]) (int, error) {
			n := 0
			for _, err := range items {
				if err != nil {
					return 0, err
				}
				if n++; n == 3 {
					break
				}
			}
			return n, nil
		})
		ticking(w.srv)
		w.serve()
		cl := w.join(w.client("ada"))
		for name, tc := range map[string]struct {
			code  Code
			items int
			text  string
		}{
			"own code": {1234, 3, "no more"},
			"stranger": {CodeInternal, 3, ""},
			"panics":   {CodeInternal, 3, ""},
			"secret":   {CodeUnauthorized, 0, "not you"},
			"bounded":  {CodeTooBig, 0, ""},
			"unknown":  {CodeUnknownCommand, 0, ""},
			"":         {CodeBadName, 0, ""},
		} {
			items := 0
			var last error
			for _, err := range Stream[int](w.ctx, cl, name, "1234") {
				if last = err; err == nil {
					items++
				}
			}
			require.Equal(t, tc.code, CodeOf(last), name)
			require.Equal(t, tc.items, items, name)
			if name != "" {
				require.True(t, IsRemote(last), name)
				require.NotContains(t, last.Error(), "secret")
				require.Contains(t, last.Error(), tc.text)
				var e *StreamError
				require.ErrorAs(t, last, &e)
				require.Equal(t, uint64(items), e.Taken)
			}
		}
		synctest.Wait()

		// An answer that comes before all items were sent ends the upload. An item that is too long
		// ends it, too.
		n, err := Upload[int](w.ctx, cl, "take", nil, func(yield func(string) bool) {
			for yield("more") {
			}
		})
		require.NoError(t, err)
		require.Equal(t, 3, n)
		_, err = Upload[int](w.ctx, cl, "take", nil, slices.Values([]string{string(make([]byte, 101))}))
		require.Equal(t, CodeTooBig, CodeOf(err))
		synctest.Wait()

		// One stream too many.
		var stops []func()
		for range 2 {
			next, stop := iter.Pull2(Stream[int](w.ctx, cl, "ticks", nil))
			_, err, _ := next()
			require.NoError(t, err)
			stops = append(stops, stop)
		}
		for _, err := range Stream[int](w.ctx, cl, "ticks", nil) {
			require.Equal(t, CodeTooManyCalls, CodeOf(err))
		}
		for _, stop := range stops {
			stop()
		}
		w.nothingLeft(cl)
	})
}

// Both ends are told how far a stream came if its session is given up, also if the server has
// opened the stream.
func TestStreamOfLostSession(t *testing.T) {
	inWorld(t, &ServerOptions{Logger: Silent, Timeouts: Timeouts{Resume: time.Second}}, func(w *world) {
		w.serve()
		net := &network{}
		cl, _ := w.over(net, ClientOptions{Name: "ada", Logger: &coretest.Log{}})
		ended := &kept[error]{}
		HandleStream(cl, "ticks", func(_ context.Context, _ *Conn, _ struct{}, send func(int) error) (err error) {
			for i := 0; err == nil; i++ {
				time.Sleep(10 * time.Millisecond)
				err = send(i)
			}
			ended.Add(err)
			return err
		})
		w.join(cl)
		c := w.conn("ada")
		require.NoError(t, cl.Send("nobody", nil)) // after this the server knows that the client has its token
		taken := 0
		var last error
		for n, err := range Stream[int](w.ctx, c, "ticks", nil) {
			if last = err; err != nil {
				break
			}
			if taken++; n == 20 {
				net.fail(false)
			}
		}
		var there, here *StreamError
		require.ErrorAs(t, last, &here)
		require.Equal(t, CodeConnLost, CodeOf(last))
		require.Equal(t, uint64(taken), here.Taken)
		net.mend()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, ended.All(), 1)
		require.ErrorAs(t, ended.All()[0], &there)
		require.GreaterOrEqual(t, there.Sent, here.Taken)
		require.LessOrEqual(t, there.Delivered, here.Taken)
		require.NoError(t, cl.Close())
	})
}

// Shutdown waits for streams and refuses new ones. When its time is over, it ends the streams that
// are left.
func TestShutdownWaitsForStreams(t *testing.T) {
	for name, tc := range map[string]struct {
		items int
		code  Code // code that the client is told
	}{
		"in time": {50, CodeNone},
		"late":    {5000, CodeShutdown},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Logger: Silent, Timeouts: Timeouts{Drain: time.Second}}, func(w *world) {
				HandleStream(w.srv, "count", func(ctx context.Context, _ *Conn, n int, send func(int) error) error {
					for i := range n {
						if err := send(i); err != nil {
							return err
						}
						time.Sleep(10 * time.Millisecond)
					}
					return nil
				})
				w.serve()
				cl := w.join(w.client("ada"))
				down := make(chan error, 1)
				n := 0
				var last error
				for _, err := range Stream[int](w.ctx, cl, "count", tc.items) {
					if last = err; err != nil {
						break
					}
					if n++; n == 10 {
						go func() { down <- w.srv.Shutdown(context.Background()) }()
						synctest.Wait()
						for _, err := range Stream[int](w.ctx, cl, "count", 1) {
							require.Equal(w.t, CodeShutdown, CodeOf(err))
						}
					}
				}
				require.Equal(w.t, tc.code, CodeOf(last))
				if tc.code == CodeNone {
					require.Equal(w.t, tc.items, n)
				}
				require.NoError(w.t, <-down)
			})
		})
	}
}

// A detached client ends its streams at both ends. The next client opens its own.
func TestDetachEndsStreams(t *testing.T) {
	inWorld(t, &ServerOptions{Logger: Silent}, func(w *world) {
		ended := ticking(w.srv)
		w.serve()
		r := w.restarting(ClientOptions{Name: "ada"}, func(*Client) {})
		require.NoError(t, r.cl.Send("nobody", nil))
		next, stop := iter.Pull2(Stream[int](w.ctx, r.cl, "ticks", nil))
		defer stop()
		_, err, _ := next()
		require.NoError(t, err)
		r.restart()
		for ok := true; ok && err == nil; {
			_, err, ok = next()
		}
		require.Equal(t, CodeClosed, CodeOf(err))
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		require.Len(t, ended.All(), 1)
		require.Equal(t, CodeConnLost, CodeOf(ended.All()[0]))
		for n, err := range Stream[int](w.ctx, r.cl, "ticks", nil) {
			require.NoError(t, err)
			if n == 5 {
				break
			}
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		w.nothingLeft(r.cl)
	})
}
