//go:build !js

package core_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// listen returns a listener of the medium and a dialer to it.
func listen(b *testing.B, medium string) (transport.Listener, transport.Dialer) {
	switch medium {
	case "pipe":
		l := transport.NewPipeListener()
		return l, l
	case "ws":
		l, err := ws.NewListener(nil)
		require.NoError(b, err)
		h := httptest.NewServer(l)
		b.Cleanup(h.Close)
		return l, ws.Dialer("ws"+strings.TrimPrefix(h.URL, "http"), nil)
	}
	l, err := tcp.Listen("127.0.0.1:0", nil)
	require.NoError(b, err)
	return l, tcp.Dialer(l.Addr(), nil)
}

// serve serves until the benchmark ends.
func serve(b *testing.B, srv *core.Server, l transport.Listener) {
	go srv.Serve(b.Context(), l) //nolint:errcheck // nil after Shutdown
	b.Cleanup(func() { require.NoError(b, srv.Shutdown(context.Background())) })
}

// BenchmarkEcho sends commands and waits for each to come back, with a number of them in flight.
func BenchmarkEcho(b *testing.B) {
	for _, medium := range []string{"pipe", "tcp"} {
		for _, size := range []int{64, 1 << 10, 64 << 10} {
			for _, inFlight := range []int{1, 128} {
				b.Run(fmt.Sprintf("%s/%dB/%d", medium, size, inFlight), func(b *testing.B) {
					benchmarkEcho(b, medium, size, inFlight)
				})
			}
		}
	}
}

func benchmarkEcho(b *testing.B, medium string, size, inFlight int) {
	l, d := listen(b, medium)
	const room = 32 << 20 // bytes, for all messages in flight
	srv := harness.NewServer(&core.ServerOptions{Limits: core.Limits{QueueBytes: room}})
	srv.OnBytes("echo", func(_ context.Context, c *core.Conn, payload []byte) error {
		return c.SendBytes("echo", payload)
	})
	serve(b, srv, l)

	cl := harness.NewClient(d, &core.ClientOptions{QueueBytes: room})
	left := b.N - inFlight
	done := make(chan struct{})
	got := 0
	payload := make([]byte, size)
	cl.OnBytes("echo", func(_ context.Context, c *core.Conn, p []byte) error {
		if got++; got == b.N {
			close(done)
		}
		if left <= 0 {
			return nil
		}
		left--
		return c.SendBytes("echo", p)
	})
	require.NoError(b, cl.Connect(b.Context()))
	defer cl.Close() //nolint:errcheck // nothing to be done about it
	b.ReportAllocs()
	b.SetBytes(int64(size))
	b.ResetTimer()
	for range min(inFlight, b.N) {
		require.NoError(b, cl.SendBytes("echo", payload))
	}
	<-done
	b.StopTimer()
}

// BenchmarkCall calls and waits for the answer, from one goroutine or several at once.
func BenchmarkCall(b *testing.B) {
	for _, medium := range []string{"pipe", "tcp"} {
		for _, callers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/%d", medium, callers), func(b *testing.B) {
				l, d := listen(b, medium)
				srv := harness.NewServer(nil)
				srv.HandleBytes("echo", func(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) {
					return payload, nil
				})
				serve(b, srv, l)
				cl := harness.NewClient(d, nil)
				require.NoError(b, cl.Connect(b.Context()))
				defer cl.Close() //nolint:errcheck // nothing to be done about it
				payload := make([]byte, 64)
				var left atomic.Int64
				left.Store(int64(b.N))
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				for range callers {
					wg.Go(func() {
						for left.Add(-1) >= 0 {
							if _, err := cl.CallBytes(b.Context(), "echo", payload); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.StopTimer()
			})
		}
	}
}

// BenchmarkBroadcast sends to many; one operation is one delivery.
func BenchmarkBroadcast(b *testing.B) {
	for _, medium := range []string{"pipe", "tcp"} {
		for _, clients := range []int{10, 200} {
			b.Run(fmt.Sprintf("%s/%d", medium, clients), func(b *testing.B) {
				l, d := listen(b, medium)
				// Nothing paces the publisher: with a smaller queue clients would be cut off.
				srv := harness.NewServer(&core.ServerOptions{Limits: core.Limits{QueueBytes: 1 << 30}})
				serve(b, srv, l)
				each := max(b.N/clients, 1)
				var wg sync.WaitGroup
				for range clients {
					cl := harness.NewClient(d, nil)
					got := 0
					wg.Add(1)
					cl.OnBytes("news", func(context.Context, *core.Conn, []byte) error {
						if got++; got == each {
							wg.Done()
						}
						return nil
					})
					require.NoError(b, cl.Connect(b.Context()))
					defer cl.Close() //nolint:errcheck // nothing to be done about it
				}
				payload := make([]byte, 128)
				b.ReportAllocs()
				b.ResetTimer()
				for range each {
					require.NoError(b, srv.All().SendBytes("news", payload))
				}
				wg.Wait()
				b.StopTimer()
			})
		}
	}
}
