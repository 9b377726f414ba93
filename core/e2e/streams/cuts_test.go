//go:build !js

package streams_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
)

// numbers returns 0 to n-1.
func numbers(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// inOrder checks that items are 0, 1, 2 …, and returns how many there were.
func inOrder(items iter.Seq2[int, error]) (n int, err error) {
	for i, err := range items {
		if err != nil {
			return n, err
		}
		if i != n {
			return n, fmt.Errorf("item %d in place of %d", i, n)
		}
		n++
	}
	return n, nil
}

// serveAll registers handlers of each kind.
func serveAll(srv *core.Server) {
	core.HandleStream(srv, "count", func(_ context.Context, _ *core.Conn, n int, send func(int) error) error {
		for i := range n {
			if err := send(i); err != nil {
				return err
			}
		}
		return nil
	})
	core.HandleUpload(srv, "check", func(_ context.Context, _ *core.Conn, _ struct{}, items iter.Seq2[int, error]) (int, error) {
		return inOrder(items)
	})
	core.HandleExchange(srv, "echo", func(_ context.Context, _ *core.Conn, _ struct{}, items iter.Seq2[int, error], send func(int) error) error {
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
	core.HandleByteStream(srv, "bytes", func(_ context.Context, _ *core.Conn, _ struct{}, s *core.ByteStream) error {
		_, err := io.Copy(s, s)
		return err
	})
}

// Links are cut again and again under streams of each kind: every item arrives once and in order, both ways.
func TestStreamsGoOnAfterCuts(t *testing.T) {
	most := uint64(60)
	if os.Getenv("HISOCK_SOAK") != "" {
		most = 1500
	}
	for _, medium := range harness.Sockets {
		t.Run(medium, func(t *testing.T) {
			n := harness.Open(t, medium)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			srv := harness.NewServer(&core.ServerOptions{Timeouts: core.Timeouts{Resume: time.Minute}})
			serveAll(srv)
			go srv.Serve(ctx, n.Listener) //nolint:errcheck // nil after Shutdown
			d := &harness.Cutter{Dialer: n.Dialer}
			cl := harness.NewClient(d, &core.ClientOptions{Retry: core.Retry{Min: time.Millisecond, Max: 10 * time.Millisecond}})
			require.NoError(t, cl.Connect(ctx))
			for range core.Stream[int](ctx, cl, "count", 1) { // behind which the server knows that the client has its token
			}
			var stop atomic.Bool
			var items atomic.Int64
			rounds := map[string]func(rng *rand.Rand) error{
				"stream": func(rng *rand.Rand) error {
					want := rng.IntN(20_000)
					n, err := inOrder(core.Stream[int](ctx, cl, "count", want))
					if err == nil && n != want {
						err = fmt.Errorf("%d items of %d", n, want)
					}
					items.Add(int64(n))
					return err
				},
				"upload": func(rng *rand.Rand) error {
					want := rng.IntN(20_000)
					n, err := core.Upload[int](ctx, cl, "check", nil, numbers(want))
					if err == nil && n != want {
						err = fmt.Errorf("%d items of %d", n, want)
					}
					items.Add(int64(n))
					return err
				},
				"exchange": func(rng *rand.Rand) error {
					want := rng.IntN(10_000)
					n, err := inOrder(core.Exchange[int](ctx, cl, "echo", nil, numbers(want)))
					if err == nil && n != want {
						err = fmt.Errorf("%d items of %d", n, want)
					}
					items.Add(2 * int64(n))
					return err
				},
				"bytes": func(rng *rand.Rand) error {
					b := make([]byte, rng.IntN(2<<20))
					for i := range b {
						b[i] = byte(rng.Uint32())
					}
					s, err := core.OpenByteStream(ctx, cl, "bytes", nil)
					if err != nil {
						return err
					}
					sent := make(chan error, 1)
					go func() {
						_, err := io.Copy(s, bytes.NewReader(b))
						if err == nil {
							err = s.CloseWrite()
						}
						sent <- err
					}()
					h := sha256.New()
					_, err = io.Copy(h, s)
					if failed := <-sent; err == nil {
						err = failed
					}
					if err == nil && !bytes.Equal(h.Sum(nil), sumOf(b)) {
						err = fmt.Errorf("other bytes came back than were sent")
					}
					return err
				},
			}
			ended := make(chan error, len(rounds))
			for name, round := range rounds {
				go func() {
					rng := rand.New(rand.NewPCG(1, uint64(len(name))))
					for !stop.Load() {
						if err := round(rng); err != nil {
							ended <- fmt.Errorf("%s: %w", name, err)
							return
						}
					}
					ended <- nil
				}()
			}
			rng := rand.New(rand.NewPCG(2, 2))
			for srv.Stats().Resumed < most && len(ended) == 0 {
				time.Sleep(time.Duration(rng.IntN(15)) * time.Millisecond)
				d.Cut()
			}
			stop.Store(true)
			for range rounds {
				require.NoError(t, <-ended)
			}
			t.Logf("soak: streams over %s: %d resumes, %d items, 0 lost, 0 twice", medium, srv.Stats().Resumed, items.Load())
			require.NoError(t, cl.Close())
			require.NoError(t, srv.Shutdown(ctx))
		})
	}
}

func sumOf(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
